"""The contract between kiosk and gateway: messages and their bytes. Pure; imports no other part of the kiosk."""
