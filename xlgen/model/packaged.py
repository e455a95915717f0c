"""Models by name or by folder, with the tokenizer that belongs to each."""

import importlib.resources
from pathlib import Path

from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.model import MODELS
from xlgen.model.load import load_model, read_config_file, read_model_config
from xlgen.model.t5 import T5
from xlgen.registry import near_names


def find_model(name: str) -> Path:
    """Return the folder of a packaged model, or of a path that exists; raise `InputError` else."""
    if name in MODELS:
        return Path(str(importlib.resources.files("xlgen") / "assets" / name))
    if Path(name).is_dir():
        return Path(name)
    raise InputError(
        f"no model {name!r}: expected a Hugging Face mT5 folder or a packaged name; "
        f"{near_names(name, list(MODELS))}"
    )


def open_model(name: str) -> tuple[T5, Tokenizer]:
    """Load a model (float32, frozen, CPU) and its tokenizer; raise `InputError` where they differ."""
    folder = find_model(name)
    tokenizer = open_tokenizer(folder)
    model = load_model(folder)
    if tokenizer.size > model.config.vocabulary:
        raise InputError(
            f"{tokenizer.path}: the tokenizer has {tokenizer.size:,} pieces, the model {folder} only "
            f"{model.config.vocabulary:,} rows; put the model's own spiece.model into its folder"
        )
    return model, tokenizer


def open_tokenizer(folder: Path) -> Tokenizer:
    """Open the folder's spiece.model; a model made with the packaged tokenizer names its hash instead."""
    if (folder / "spiece.model").is_file():
        return Tokenizer(folder / "spiece.model")
    read_model_config(folder)  # another architecture is the first thing to say
    expected = read_config_file(folder).get("tokenizer_sha256")
    if not isinstance(expected, str):
        raise InputError(f"{folder}: no spiece.model; copy the model's SentencePiece file there")
    tokenizer = packaged_tokenizer()
    if tokenizer.sha256 != expected:
        raise InputError(
            f"{folder}: made with tokenizer {expected[:8]}, the packaged one is {tokenizer.sha256[:8]}; "
            "put its own spiece.model into the folder"
        )
    return tokenizer
