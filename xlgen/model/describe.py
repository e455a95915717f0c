"""What a model on disk is: how many numbers in which part, whether its head is its own, its tokenizer."""

from typing import Any

import torch

from xlgen.config import to_json
from xlgen.model.packaged import find_model, open_tokenizer
from xlgen.model.stored import StoredModel, open_stored
from xlgen.model.t5 import T5, T5Config

TIED = "TIED! The head is the embedding, bit for bit: mT5's own differ, so this one is damaged"


def describe_model(name: str) -> dict[str, Any]:
    """Return all about a packaged model or a folder in any of `LAYOUTS`, for people to read."""
    folder = find_model(name)
    stored = open_stored(folder)
    parts = count_parts(stored.config)
    tensors = stored.tensors.values()
    tokenizer = {}
    if (folder / "config.json").is_file():
        opened = open_tokenizer(folder)
        tokenizer = {"pieces": opened.size, "sha256": opened.sha256}
    return {
        "layout": stored.description,
        "parameters": sum(parts.values()),
        "parts": {part: f"{count:,}" for part, count in parts.items()},
        "head": describe_head(stored),
        "shape": to_json(stored.config),
        "tokenizer": tokenizer or "none here; `xlgen convert` takes it with --spm FILE",
        "dtype": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors})),
        "bytes": sum(torch.Size(t.shape).numel() * t.dtype.itemsize for t in tensors),
    }


def count_parts(config: T5Config) -> dict[str, int]:
    """Return how many numbers embedding, encoder, decoder and head hold, without making them."""
    with torch.device("meta"):
        children = dict(T5(config).named_children())
    names = {"shared": "embedding"}
    return {
        names.get(name, name): sum(parameter.numel() for parameter in child.parameters())
        for name, child in children.items()
    }


def describe_head(stored: StoredModel) -> str:
    """Say whether the output head is its own matrix; loudly if it is the embedding once more.

    Saving mT5 after transformers 5 has tied it does that, and so does resizing its embedding there.
    """
    head = stored.tensors.get(stored.name("head.weight"))
    shared = stored.tensors.get(stored.name("shared.weight"))
    if head is None:
        return "TIED! There is no head of its own: not mT5's architecture, XLGen refuses to load it"
    if (
        shared is not None
        and head.shape == shared.shape
        and torch.equal(head.read(), shared.read())
    ):
        return TIED
    return "untied (its own matrix, as in mT5)"
