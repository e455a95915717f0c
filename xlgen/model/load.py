"""Models on disk: a Hugging Face folder (config.json + model.safetensors), read and written.

Only JSON and safetensors are opened, never pickle, never code. Our own folders are laid out the same, with
two keys more in config.json: the weights' SHA-256 and, where no spiece.model lies beside, the tokenizer's.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import read_object, replacing
from xlgen.model.hugging_face import (
    hugging_face_config,
    hugging_face_name,
    read_config_file,
    read_model_config,
)
from xlgen.model.stored import DTYPES, StoredModel, StoredTensor, read_finite, write_tensors
from xlgen.model.t5 import T5, T5Config

WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
# Old files repeat the embedding under these names, and hold a bias that no attention has.
_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


class HuggingFaceFolder(StoredModel):
    """config.json and safetensors, in one file or in shards: mT5, mT0, T5 1.1, FLAN-T5, umT5, ByT5, ours.

    Raises `InputError` for a missing or damaged file: for a single bit, where `save_model` wrote the folder.
    """

    description: ClassVar[str] = "Hugging Face's folder: config.json and safetensors; ours too"
    shape_from: ClassVar[str] = "config.json"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.config = read_model_config(path)
        _verify_weights(path)
        self.tensors = dict(sorted(_stored(path), key=lambda item: _order(item[1])))
        self._forget_copies()

    @staticmethod
    def fits(path: Path) -> bool:
        return (path / "config.json").is_file()

    def name(self, ours: str) -> str:
        return hugging_face_name(ours)

    @property
    def family(self) -> str | None:
        return str(read_config_file(self.path)["model_type"])

    def _forget_copies(self) -> None:
        self.tensors.pop(_UNUSED, None)
        shared = self.tensors.get("shared.weight")
        for name in _COPIES:
            copy = self.tensors.pop(name, None)
            if copy and shared and not torch.equal(copy.read(), shared.read()):
                raise InputError(
                    f"{self.path}: tensors {name!r} and 'shared.weight' differ; an mT5 has one embedding"
                )


def _order(stored: StoredTensor) -> tuple[int, str]:
    return -stored.dtype.itemsize, stored.name  # as safetensors writes


def load_model(folder: Path) -> T5:
    """Read a model folder into float32 parameters on the CPU.

    Raises `InputError` for what `HuggingFaceFolder` refuses, and for missing, extra, non-finite or misshapen
    tensors, a tied head, or another architecture than mT5's.
    """
    stored = HuggingFaceFolder(folder)
    tensors = stored.matched()
    with torch.device("meta"):
        model = T5(stored.config)
    loaded = {
        name: read_finite(tensor, where=folder).to(torch.float32)
        for name, tensor in tensors.items()
    }
    model.load_state_dict(loaded, assign=True)
    return model.requires_grad_(False).eval()


def _verify_weights(folder: Path) -> None:
    """Compare the weights with the hash that `save_model` left in config.json, if it did."""
    config, path = read_config_file(folder), folder / WEIGHTS
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


def _stored(folder: Path) -> Iterator[tuple[str, StoredTensor]]:
    """Yield every tensor of every shard, unread; a name that stands twice is refused."""
    seen: dict[str, Path] = {}
    for path in _weight_files(folder):
        try:
            file = safe_open(path, framework="pt")
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: damaged or truncated ({error}); fetch it again") from error
        for name in file.keys():  # noqa: SIM118 (not a dict)
            if name in seen:
                raise InputError(f"{path}: tensor {name!r} stands in {seen[name].name} too")
            seen[name] = path
            view = file.get_slice(name)
            kind = view.get_dtype()
            if kind not in DTYPES:
                known = ", ".join(DTYPES)
                raise InputError(f"{path}: tensor {name!r} is {kind}; expected one of {known}")
            read = partial(_read, file, name)
            yield name, StoredTensor(name, tuple(view.get_shape()), DTYPES[kind], read)


def _read(file: Any, name: str) -> Tensor:
    return file.get_tensor(name)


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / SHARDS).is_file():
        return [folder / name for name in shard_names(folder / SHARDS)]
    pickles = sorted(
        path.name for kind in ("*.bin", "*.pt", "*.ckpt") for path in folder.glob(kind)
    )
    if pickles:
        raise InputError(
            f"{folder}: holds pickle weights only ({pickles[0]}), which can run code and are never opened; "
            "take the model's safetensors, or convert its T5X checkpoint"
        )
    raise InputError(f"{folder}: no model.safetensors; expected a Hugging Face mT5 folder")


def shard_names(path: Path) -> list[str]:
    """Read the shards' file names off the index `path`; raises `InputError` for names with a folder."""
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
    named = {hugging_face_name(name): p.detach() for name, p in model.named_parameters()}
    tensors = {
        name: StoredTensor(name, tuple(p.shape), dtype, partial(p.to, "cpu", dtype))
        for name, p in sorted(named.items())
    }
    config = hugging_face_config(model.config, dtype)
    if tokenizer_sha256 is not None:
        config["tokenizer_sha256"] = tokenizer_sha256
    # both are on the disk before either takes its place
    with (
        replacing(folder / "config.json") as config_path,
        replacing(folder / WEIGHTS) as weights_path,
    ):
        config["weights_sha256"] = write_tensors(weights_path, tensors, source=folder)
        config_path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")


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
