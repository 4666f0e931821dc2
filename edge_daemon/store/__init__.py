"""Everything that must survive: one SQLite file, written in one transaction per fact, and the photos beside it."""
