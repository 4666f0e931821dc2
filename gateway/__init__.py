"""The receiver of the kiosks' reports. It begins with its room; see README.md beside this file."""
