"""Bad links, and whole kiosks and gateways at their ends, for the tests."""
