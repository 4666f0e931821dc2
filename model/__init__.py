"""Offline: from photographs to the file that the kiosk loads. Nothing here is imported by the kiosk."""
