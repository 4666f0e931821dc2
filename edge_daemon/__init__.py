"""The kiosk: photographs a leaf, names its disease, texts the farmer what to do, and reports to the gateway."""

__version__ = "0.1.0"
