"""Models on disk: a Hugging Face mT5 folder (config.json + model.safetensors), read and written.

Only JSON and safetensors are opened, never pickle, never code. Files keep Hugging Face's tensor names;
the table below is the only place that knows both spellings.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import read_object, replacing
from xlgen.model.t5 import T5, T5Config

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

LARGEST = 2**20  # ours: no field of mT5-XXL is above its 250,112 vocabulary rows

# Our matrices' names -> Hugging Face's
_ATTENTION = {"query": "q", "key": "k", "value": "v", "output": "o"}
_FEED_FORWARD = {"gate": "wi_0", "up": "wi_1", "down": "wo"}
_SHARDS = "model.safetensors.index.json"


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
    if rest == "positions.weight":
        return f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
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


def load_model(folder: Path) -> T5:
    """Read a model folder into float32 parameters on the CPU.

    Raises `InputError` for a missing or damaged file (a single bit, where `save_model` wrote the folder),
    missing, extra, non-finite or misshapen tensors, a tied head, or another architecture than mT5's.
    """
    config = read_model_config(folder)
    _verify_weights(folder)
    with torch.device("meta"):
        model = T5(config)
    wanted = {hugging_face_name(name): (name, p) for name, p in model.named_parameters()}
    loaded: dict[str, Tensor] = {}
    for path, name, tensor in _read_tensors(folder):
        if name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
            continue  # old files repeat the embedding under these names
        if name not in wanted:
            raise InputError(
                f"{path}: tensor {name!r} does not belong to an mT5; is this another model?"
            )
        ours, parameter = wanted.pop(name)
        if tensor.shape != parameter.shape:
            raise InputError(
                f"{path}: tensor {name!r} is {list(tensor.shape)}, config.json says {list(parameter.shape)}"
            )
        loaded[ours] = tensor.to(torch.float32)
        if not loaded[ours].isfinite().all():
            raise InputError(f"{path}: tensor {name!r} holds NaN or infinity; fetch the file again")
    if wanted:
        hint = " (a tied head? mT5's is its own matrix)" if "lm_head.weight" in wanted else ""
        raise InputError(
            f"{folder}: missing tensor {sorted(wanted)[0]!r}{hint}; {len(wanted)} in all"
        )
    model.load_state_dict(loaded, assign=True)
    return model.requires_grad_(False).eval()


def read_model_config(folder: Path) -> T5Config:
    """Read `config.json` of a Hugging Face mT5 folder."""
    path = folder / "config.json"
    data = read_config_file(folder)
    if data.get("model_type") not in ("mt5", "t5") or data.get("feed_forward_proj") != "gated-gelu":
        found = f"{data.get('model_type')!r} with {data.get('feed_forward_proj')!r}"
        raise InputError(f"{path}: expected an mT5 with gated-gelu, got {found}")
    missing = [key for key in list(CONFIG_FIELDS)[:7] if key not in data]
    if missing:
        raise InputError(f"{path}: missing {', '.join(missing)}")
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
    return T5Config(**{CONFIG_FIELDS[key]: value for key, value in given.items()})


def read_config_file(folder: Path) -> dict[str, Any]:
    """Read `config.json` as it stands, with the keys of our own."""
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(f"{folder}: no config.json; expected a Hugging Face mT5 folder")
    return read_object(path, remedy="fetch the model again")


def _verify_weights(folder: Path) -> None:
    """Compare the weights with the hash that `save_model` left in config.json, if it did."""
    config, path = read_config_file(folder), folder / "model.safetensors"
    # transformers copies keys it does not know, so in a folder it wrote the hash is of older weights
    if "weights_sha256" not in config or "transformers_version" in config or not path.is_file():
        return
    if _sha256(path) != config["weights_sha256"]:
        raise InputError(
            f"{path}: damaged: its SHA-256 is not the one in config.json; fetch the model again"
        )


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of a model folder's weights; of several shards, that of their hashes in order."""
    files = _weight_files(folder)
    if len(files) == 1:
        return _sha256(files[0])
    return hashlib.sha256("".join(map(_sha256, files)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tensors(folder: Path) -> Iterable[tuple[Path, str, Tensor]]:
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 (not a dict)
                    yield path, name, file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: damaged or truncated ({error}); fetch it again") from error


def _weight_files(folder: Path) -> list[Path]:
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    if (folder / _SHARDS).is_file():
        return [folder / name for name in _shard_names(folder / _SHARDS)]
    if list(folder.glob("*.bin")):
        raise InputError(
            f"{folder}: holds pickle weights only (*.bin); convert them to safetensors first"
        )
    raise InputError(f"{folder}: no model.safetensors; expected a Hugging Face mT5 folder")


def _shard_names(path: Path) -> list[str]:
    weight_map = read_object(path, remedy="fetch the model again").get("weight_map")
    names = list(weight_map.values()) if isinstance(weight_map, dict) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{path}: expected a weight_map of tensor and file names; fetch the model again"
        )
    strange = [name for name in names if Path(name).name != name]
    if strange:
        raise InputError(f"{path}: shard {strange[0]!r} is not a plain file name")
    return sorted(set(names))


def save_model(
    model: T5,
    folder: Path,
    *,
    dtype: torch.dtype = torch.bfloat16,
    tokenizer_sha256: str | None = None,
) -> None:
    """Write a folder that transformers opens as MT5ForConditionalGeneration.

    `tokenizer_sha256` binds it to the packaged tokenizer, which then need not be copied into it. The
    weights' own SHA-256 is written besides, so that `load_model` finds a flipped bit.
    """
    tensors = {
        hugging_face_name(name): parameter.detach().to(dtype).contiguous()
        for name, parameter in model.named_parameters()
    }
    config = hugging_face_config(model.config, dtype)
    if tokenizer_sha256 is not None:
        config["tokenizer_sha256"] = tokenizer_sha256
    # both are on the disk before either takes its place
    with (
        replacing(folder / "config.json") as config_path,
        replacing(folder / "model.safetensors") as weights_path,
    ):
        save_file(tensors, weights_path, metadata={"format": "pt"})
        config["weights_sha256"] = _sha256(weights_path)
        config_path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def hugging_face_config(config: T5Config, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Return the config.json of `config` as transformers writes it for mT5."""
    return {
        "architectures": ["MT5ForConditionalGeneration"],
        "model_type": "mt5",
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": True,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
        "torch_dtype": str(dtype).removeprefix("torch."),
        **{key: getattr(config, ours) for key, ours in CONFIG_FIELDS.items()},
    }


def random_model(config: T5Config, *, seed: int) -> T5:
    """Initialise as T5 does (Mesh TensorFlow's factors): the start of pretraining."""
    generator = torch.Generator().manual_seed(seed)
    model = T5(config)
    inner = config.heads * config.head_width
    fan_in = {"key": config.width, "value": config.width, "output": inner}
    fan_in |= {"gate": config.width, "up": config.width, "down": config.feed_forward}
    fan_in |= {"query": config.width * config.head_width, "positions": config.width}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            matrix = name.split(".")[-2]
            if matrix.endswith("norm"):
                continue
            # the head starts small so that the first loss is near log V
            spread = 1.0 if matrix == "shared" else fan_in.get(matrix, config.width) ** -0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return model.eval()


def tiny_model(seed: int = 0, *, vocabulary: int = 512, width: int = 32) -> T5:
    """Return a random two-layer model for tests: milliseconds a step, every part present."""
    config = T5Config(
        vocabulary=vocabulary,
        width=width,
        heads=4,
        head_width=max(4, math.ceil(width / 4)),
        feed_forward=2 * width,
        encoder_layers=2,
        decoder_layers=2,
    )
    return random_model(config, seed=seed)
