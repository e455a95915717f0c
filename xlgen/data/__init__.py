"""Text to tokens, tokens to batches; the order is a pure function of (seed, example number)."""
