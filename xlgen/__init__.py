"""Adapt a multilingual T5 on English labels and generate in the languages that have none."""

__version__ = "0.1.0"
