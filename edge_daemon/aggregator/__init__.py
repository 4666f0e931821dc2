"""The second way out: an operator's or aggregator's HTTP interface, which takes registered texts only."""
