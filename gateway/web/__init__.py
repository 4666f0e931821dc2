"""The read API and the metrics, over HTTP."""
