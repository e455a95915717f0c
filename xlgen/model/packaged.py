"""Models by name or by folder, with the tokenizer that belongs to each."""

import importlib.resources
from pathlib import Path
from typing import Any

from xlgen.data.byte_tokenizer import ByteTokenizer
from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.files import read_object
from xlgen.model import MODELS
from xlgen.model.hugging_face import read_config_file, read_model_config, refuse_code
from xlgen.model.load import load_model
from xlgen.model.t5 import T5
from xlgen.registry import near_names

MOST_EXTRA_IDS = 1000  # ours: T5 has 100, umT5 300


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


def tokenizer_settings(folder: Path) -> dict[str, Any]:
    """Return what a folder's tokenizer_config.json says, nothing where there is none."""
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    settings = read_object(path, remedy="fetch the model's tokenizer again")
    refuse_code(path, settings)
    extra_ids = settings.get("extra_ids", 0)
    if type(extra_ids) is not int or not 0 <= extra_ids <= MOST_EXTRA_IDS:
        raise InputError(
            f"{path}: extra_ids: expected 0 to {MOST_EXTRA_IDS}, got {str(extra_ids)[:40]!r}"
        )
    return settings


def is_of_bytes(folder: Path) -> bool:
    """Return whether a folder's tokenizer is ByT5's."""
    return tokenizer_settings(folder).get("tokenizer_class") == ByteTokenizer.class_name


def open_tokenizer(folder: Path) -> Tokenizer:
    """Open the folder's spiece.model, or ByT5's bytes; a model of the packaged one names its hash instead."""
    if (folder / "spiece.model").is_file():
        extra_ids = tokenizer_settings(folder).get("extra_ids", 0)
        tokenizer = Tokenizer(folder / "spiece.model")
        if tokenizer.sentinels or not extra_ids:
            return tokenizer  # transformers writes 100 beside files that have them too
        return Tokenizer(folder / "spiece.model", extra_ids=extra_ids)
    if is_of_bytes(folder):
        return ByteTokenizer(folder / "tokenizer_config.json")
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
