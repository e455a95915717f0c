"""The T5 family in PyTorch, with an untied head and prompts as extra encoder positions."""
