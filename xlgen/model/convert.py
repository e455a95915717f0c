"""Convert models between layouts, tensor by tensor and to the same bits.

Read are the layouts of `LAYOUTS`; written is Hugging Face's folder, as it stands for other programs or
with the hashes that XLGen checks.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open

from xlgen.config import override
from xlgen.data.byte_tokenizer import ByteTokenizer
from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.download import fetch_file, is_address
from xlgen.errors import InputError
from xlgen.files import check_new_folder, new_folder
from xlgen.model import MODELS
from xlgen.model.describe import TIED
from xlgen.model.fetch import MOST_PIECES, fetch_model
from xlgen.model.hugging_face import hugging_face_config, hugging_face_name, read_config_file
from xlgen.model.packaged import find_model, is_of_bytes, tokenizer_settings
from xlgen.model.stored import StoredTensor, open_stored, write_tensors
from xlgen.model.t5 import T5Config, count_parameters

log = logging.getLogger(__name__)

Form = Literal["xlgen", "hugging-face"]
# What no checkpoint of T5X says; the rest of a shape stands in its tensors.
UNSAID = ("dropout", "epsilon", "position_distance")
CACHE = Path("cache")
EXTRA_IDS = 100  # T5's sentinels above the pieces of a file that has none


@dataclass(frozen=True)
class Converted:
    """What was written."""

    folder: str
    parameters: int
    dtype: str
    bytes: int
    tokenizer: str

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.parameters:,} parameters in {self.dtype}, {self.bytes:,} bytes; "
            f"tokenizer: {self.tokenizer}"
        )


def convert(
    source: str,
    out: Path,
    *,
    to: Form = "xlgen",
    dtype: torch.dtype | None = None,
    spm: str | Path | None = None,
    settings: Sequence[str] = (),
    cache: Path = CACHE,
) -> Converted:
    """Write the model `source`, a folder, a packaged name or an address, as the new folder `out`.

    Tensors keep their dtype unless `dtype` is given. `spm` is the SentencePiece file to put into the folder,
    by default the source's own; it may be an address too. `settings` (`key=value`) say what a T5X checkpoint
    does not, see UNSAID. What an address has is fetched into `cache` and kept there.
    """
    check_new_folder(out, what="the model")
    spm = _find_pieces(spm, cache)
    path = fetch_model(source, cache=cache) if is_address(source) else _find_folder(source)
    stored = open_stored(path)
    config = _with(stored.config, settings)
    tensors = _renamed(stored.matched(), dtype)
    main = max(tensors.values(), key=lambda tensor: torch.Size(tensor.shape).numel()).dtype
    written = hugging_face_config(config, main, family=stored.family)
    with new_folder(out, what="the model") as partial:
        tokenizer = _write_tokenizer(path, partial, config=config, spm=spm, to=to)
        weights = partial / "model.safetensors"
        with _blaming(source):
            sha256 = write_tensors(weights, tensors, source=path)
        if _is_tied(weights):
            log.warning("%s: %s", source, TIED)
        ours = {"weights_sha256": sha256} | ({"tokenizer_sha256": tokenizer} if tokenizer else {})
        (partial / "config.json").write_text(
            json.dumps(written | (ours if to == "xlgen" else {}), indent=2) + "\n", "utf-8"
        )
        size = weights.stat().st_size
        has_pieces = (partial / "spiece.model").is_file()
        has_bytes = is_of_bytes(partial)
    if has_pieces or has_bytes:
        told = "spiece.model" if has_pieces else "ByT5's bytes"
    else:
        told = "the packaged one, by its hash" if tokenizer else NONE
    return Converted(
        str(out), count_parameters(config), str(main).removeprefix("torch."), size, told
    )


NONE = "none; put the model's spiece.model into the folder, or convert again with --spm FILE"


def _is_tied(weights: Path, *, rows: int = 4096) -> bool:
    """Return whether head and embedding are equal, read so many rows at a time up to a difference."""
    with safe_open(weights, framework="pt") as file:
        head, embedding = map(file.get_slice, ("lm_head.weight", "shared.weight"))
        starts = range(0, embedding.get_shape()[0], rows)
        return all(torch.equal(head[at : at + rows], embedding[at : at + rows]) for at in starts)


def _find_folder(source: str) -> Path:
    return Path(source) if Path(source).is_dir() and source not in MODELS else find_model(source)


def _find_pieces(spm: str | Path | None, cache: Path) -> Path | None:
    if isinstance(spm, str) and is_address(spm):
        return fetch_file(spm, cache=cache, what="a SentencePiece file", most=MOST_PIECES)
    return None if spm is None else Path(spm)


@contextlib.contextmanager
def _blaming(source: str) -> Iterator[None]:
    """Say of damage in a cached file where it came from and how to have it fetched anew."""
    try:
        yield
    except InputError as error:
        if not is_address(source):
            raise
        raise InputError(f"{error}; it came from {source}: remove it to fetch it anew") from error


def _with(config: T5Config, settings: Sequence[str]) -> T5Config:
    for setting in settings:
        if setting.split("=")[0] not in UNSAID:
            raise InputError(
                f"{setting}: the tensors say the model's shape; only {', '.join(UNSAID)} may be set"
            )
    changed = override(config, settings)
    if not (
        0 <= changed.dropout < 1 and 0 <= changed.epsilon < 1 and changed.position_distance > 0
    ):
        raise InputError(
            f"{' '.join(settings)}: expected 0 <= dropout, epsilon < 1 and a distance > 0"
        )
    return changed


def _renamed(
    tensors: dict[str, StoredTensor], dtype: torch.dtype | None
) -> dict[str, StoredTensor]:
    """Return the tensors by Hugging Face's names; wide dtypes first, else in the order of reading."""
    renamed = {
        hugging_face_name(name): replace(stored, dtype=dtype or stored.dtype)
        for name, stored in tensors.items()
    }
    return dict(sorted(renamed.items(), key=lambda item: -item[1].dtype.itemsize))


def _write_tokenizer(
    source: Path, out: Path, *, config: T5Config, spm: Path | None, to: Form
) -> str | None:
    """Put the tokenizer into the folder; return the packaged one's hash where that stands for it."""
    if spm is None and is_of_bytes(source):
        of_bytes = ByteTokenizer(source / "tokenizer_config.json")
        _check_rows(of_bytes, config)
        of_bytes.save(out)
        return None
    packaged = None
    extra_ids = tokenizer_settings(source).get("extra_ids", 0)
    if spm is None and (source / "spiece.model").is_file():
        spm = source / "spiece.model"
    elif spm is None and (source / "config.json").is_file():
        packaged = read_config_file(source).get("tokenizer_sha256")
        if packaged == packaged_tokenizer().sha256 and to == "hugging-face":
            spm, packaged = packaged_tokenizer().path, None
    if spm is None:
        return packaged
    tokenizer = Tokenizer(spm)
    if not tokenizer.sentinels and config.vocabulary >= tokenizer.size + EXTRA_IDS:
        extra_ids = EXTRA_IDS
    tokenizer = Tokenizer(spm, extra_ids=0 if tokenizer.sentinels else extra_ids)
    _check_rows(tokenizer, config)
    tokenizer.save(out)
    return None


def _check_rows(tokenizer: Tokenizer, config: T5Config) -> None:
    if tokenizer.size > config.vocabulary:
        raise InputError(
            f"{tokenizer.path}: has {tokenizer.size:,} pieces, the model only {config.vocabulary:,} "
            "rows; use the model's own file"
        )
