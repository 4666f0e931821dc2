"""What to tell a farmer: the catalogue that people write, and the SMS that is made of it."""
