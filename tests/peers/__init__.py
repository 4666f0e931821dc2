"""Programs of others, run for a test: a broker, a database server, a scraper of metrics."""
