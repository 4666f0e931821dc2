"""From the bytes of a photo to what may be said of it: decode, check, classify, decide."""
