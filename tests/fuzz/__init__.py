"""`make fuzz`; see __main__.py."""
