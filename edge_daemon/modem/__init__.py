"""The kiosk's telephone: SMS by a GSM modem, or by a simulated one at the far end of a pty."""
