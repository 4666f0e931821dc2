"""The kiosk's HTTP side, on loopback only."""
