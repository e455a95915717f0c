"""A trained model's outputs: beam search, and the clean-up that comes after it."""
