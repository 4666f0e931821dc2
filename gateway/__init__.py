"""The receiver of the kiosks' reports. So far it holds one command, which says so; see docs/overview.md."""
