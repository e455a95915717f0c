"""How Hugging Face spells a T5-family model: its config.json, its tensors' names, its folders' files.

The tables below are the only places that know both spellings.
"""

import re
from pathlib import Path
from typing import Any

import torch

from xlgen.errors import InputError
from xlgen.files import read_object
from xlgen.model.t5 import T5Config

# Hugging Face's config.json field -> ours
CONFIG_FIELDS = {
    "vocab_size": "vocabulary",
    "d_model": "width",
    "num_heads": "heads",
    "d_kv": "head_width",
    "d_ff": "feed_forward",
    "num_layers": "encoder_layers",
    "num_decoder_layers": "decoder_layers",
    "relative_attention_num_buckets": "position_buckets",
    "relative_attention_max_distance": "position_distance",
    "dropout_rate": "dropout",
    "layer_norm_epsilon": "epsilon",
}
# model_type -> the class that transformers opens it with; mT0, FLAN-T5 and ByT5 are of these types
FAMILIES = {
    "mt5": "MT5ForConditionalGeneration",
    "t5": "T5ForConditionalGeneration",
    "umt5": "UMT5ForConditionalGeneration",
}
SPECIAL_IDS = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}

LARGEST = 2**20  # ours: no field of mT5-XXL is above its 250,112 vocabulary rows

# Our matrices' names -> Hugging Face's
_ATTENTION = {"query": "q", "key": "k", "value": "v", "output": "o"}
_FEED_FORWARD = {"gate": "wi_0", "up": "wi_1", "down": "wo"}


def hugging_face_name(name: str) -> str:
    """Return Hugging Face's name of one of our parameters.

    >>> hugging_face_name("decoder.layers.3.cross_attention.query.weight")
    'decoder.block.3.layer.1.EncDecAttention.q.weight'
    """
    if name in ("shared.weight", "head.weight"):
        return name.replace("head", "lm_head")
    side, rest = name.split(".", 1)
    if rest == "norm.weight":
        return f"{side}.final_layer_norm.weight"
    if (layer := position_layer(name)) is not None:
        return f"{side}.block.{layer}.layer.0.SelfAttention.relative_attention_bias.weight"
    number, part = re.fullmatch(r"layers\.(\d+)\.(.+)\.weight", rest).groups()  # type: ignore[union-attr]
    feed_forward = 1 if side == "encoder" else 2
    layer = {"attention": 0, "cross": 1, "feed": feed_forward}[re.split(r"[_.]", part)[0]]
    prefix = f"{side}.block.{number}.layer.{layer}"
    if part.endswith("norm"):
        return f"{prefix}.layer_norm.weight"
    module, matrix = part.split(".")
    if module == "feed_forward":
        return f"{prefix}.DenseReluDense.{_FEED_FORWARD[matrix]}.weight"
    kind = "EncDecAttention" if module == "cross_attention" else "SelfAttention"
    return f"{prefix}.{kind}.{_ATTENTION[matrix]}.weight"


def position_layer(name: str) -> int | None:
    """Return the layer whose relative positions one of our parameters holds; None if it holds none.

    >>> position_layer("encoder.positions.weight"), position_layer("encoder.later_positions.4.weight")
    (0, 5)
    """
    found = re.fullmatch(r"\w+\.(?:positions|later_positions\.(\d+))\.weight", name)
    if found is None:
        return None
    return 0 if found[1] is None else int(found[1]) + 1


def refuse_code(path: Path, data: dict[str, Any]) -> None:
    """Raise `InputError` for a config file that names Python code to be run in place of a library's."""
    if "auto_map" in data:
        raise InputError(
            f"{path}: asks for code of its own (auto_map), which is never run; take a folder without"
        )


def read_model_config(folder: Path) -> T5Config:
    """Read `config.json` of a Hugging Face folder: mT5, mT0, T5 1.1, FLAN-T5, umT5 or ByT5."""
    path = folder / "config.json"
    data = read_config_file(folder)
    refuse_code(path, data)
    if data.get("model_type") not in FAMILIES or data.get("feed_forward_proj") != "gated-gelu":
        found = f"{data.get('model_type')!r} with {data.get('feed_forward_proj')!r}"
        raise InputError(
            f"{path}: expected an mT5, umT5 or T5 1.1 (gated-gelu), got {found}; use another model"
        )
    missing = [key for key in list(CONFIG_FIELDS)[:7] if key not in data]
    if missing:
        raise InputError(f"{path}: missing {', '.join(missing)}")
    for key, value in SPECIAL_IDS.items():
        if data.get(key, value) != value:
            raise InputError(f"{path}: {key}: expected {value}, T5's, got {str(data[key])[:40]!r}")
    given = {key: data[key] for key in CONFIG_FIELDS if key in data}
    for key, value in given.items():
        if key in ("dropout_rate", "layer_norm_epsilon"):
            fits = type(value) in (int, float) and 0 <= value < 1
            expected = "a number from 0 to below 1"
        else:
            fits = type(value) is int and 1 <= value <= LARGEST
            expected = f"a whole number from 1 to {LARGEST:,}"
        if not fits:
            raise InputError(f"{path}: {key}: expected {expected}, got {str(value)[:40]!r}")
    return T5Config(
        **{CONFIG_FIELDS[key]: value for key, value in given.items()},
        positions_per_layer=data["model_type"] == "umt5",
    )


def read_config_file(folder: Path) -> dict[str, Any]:
    """Read `config.json` as it stands, with the keys of our own."""
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(f"{folder}: no config.json; expected a Hugging Face mT5 folder")
    return read_object(path, remedy="fetch the model again")


def hugging_face_config(
    config: T5Config, dtype: torch.dtype = torch.float32, *, family: str | None = None
) -> dict[str, Any]:
    """Return the config.json of `config` as transformers writes it; `family` is t5 or, left out, mT5's."""
    family = family or ("umt5" if config.positions_per_layer else "mt5")
    return {
        "architectures": [FAMILIES[family]],
        "model_type": family,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": True,
        "tie_word_embeddings": False,
        **SPECIAL_IDS,
        "torch_dtype": str(dtype).removeprefix("torch."),
        **{key: getattr(config, ours) for key, ours in CONFIG_FIELDS.items()},
    }
