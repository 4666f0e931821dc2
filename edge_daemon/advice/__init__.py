"""What a farmer should do: the catalogue of advice and the words in which it is given.

`content/<crop>.toml` holds the texts, `locale/<language>.toml` the fixed words, `sources.toml` the pages behind them,
`substances.toml` what the rules look for. Nothing here talks to a device; the files are read once, at the start.
"""
