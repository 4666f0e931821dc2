"""What a farmer's SMS means."""
