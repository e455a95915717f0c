"""Models fetched from an address, shard by shard: only the files that a conversion reads.

The msgpack file of a T5X checkpoint tells the arrays, the `.zarray` of each the names of its chunks; the
optimizer's state is never asked for. Before the chunks are fetched, the shapes have to be those of a model.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from xlgen.download import Downloads, RemoteFile, address_of, downloads
from xlgen.errors import InputError, MissingError
from xlgen.model.hugging_face import read_model_config
from xlgen.model.load import SHARDS, WEIGHTS, shard_names
from xlgen.model.t5x import T5XCheckpoint, array_folders
from xlgen.model.zarr import ZarrArray, open_array

# What files may have at most, in bytes; all ours.
MOST_TREE = 2**32  # small arrays stand in it, or all: mT5-base's in float32 are 2.3 GB
MOST_SHAPE = 2**16  # a .zarray has some 300
MOST_TEXT = 2**24  # config.json, the shards' index
MOST_PIECES = 2**26  # mT5's vocabulary has 4.3 MB
MOST_WEIGHTS = 2**40
MOST_CHUNKS = 2**20  # ours: files in all
TREE = RemoteFile("checkpoint", "the msgpack file of a T5X checkpoint", MOST_TREE)
CONFIG = RemoteFile("config.json", "the shape of a Hugging Face model", MOST_TEXT)
WHOLE = RemoteFile(WEIGHTS, "a Hugging Face model's weights", MOST_WEIGHTS)
INDEX = RemoteFile(SHARDS, "the names of the weights' shards", MOST_TEXT)
TOKENIZER = (
    RemoteFile("spiece.model", "the model's SentencePiece file", MOST_PIECES),
    RemoteFile("tokenizer_config.json", "the tokenizer's settings", MOST_TEXT),
)


def fetch_model(source: str, *, cache: Path) -> Path:
    """Fetch the T5X checkpoint or Hugging Face folder at an address; return its folder in the cache.

    What is in the cache already is not fetched again. Raises `InputError` where the server lacks a file, or
    what comes is no model of ours.
    """
    with downloads(address_of(source), cache=cache) as files:
        try:
            files.fetch(TREE)
        except MissingError as no_tree:
            try:
                files.fetch(CONFIG)
            except MissingError:
                raise InputError(
                    f"{no_tree}, or {CONFIG.name}, which is not there either; name the folder that holds it"
                ) from None
            _fetch_hugging_face(files)
        else:
            _fetch_t5x(files)
        return files.folder


def _fetch_t5x(files: Downloads) -> None:
    doing = f"Fetching {files.folder.name}"
    with _forgotten_if_bad(files, TREE):
        folders = array_folders(files.folder / TREE.name)
    hint = "a T5X checkpoint with zarr has it, one in OCDBT's format has not"
    shapes = [
        RemoteFile(f"{folder}/.zarray", f"the shape of an array ({hint})", MOST_SHAPE)
        for folder in folders
    ]
    files.fetch_all(shapes, f"{doing}: shapes")
    arrays: list[ZarrArray] = []
    for shape in shapes:
        with _forgotten_if_bad(files, shape):
            arrays.append(open_array((files.folder / shape.name).parent))
    count = sum(array.chunk_count for array in arrays)
    if count > MOST_CHUNKS:
        raise InputError(f"{files.address}: {count:,} chunks are too many to be true")
    T5XCheckpoint(files.folder).matched()
    files.fetch_all([chunk for array in arrays for chunk in _chunks(array)], doing)


def _chunks(array: ZarrArray) -> Iterator[RemoteFile]:
    most = array.chunk_bytes + array.chunk_bytes // 8 + 1024  # gzip may make it longer, not much
    for name in array.chunk_names():
        yield RemoteFile(f"{array.folder.name}/{name}", "a chunk of an array", most)


def _fetch_hugging_face(files: Downloads) -> None:
    with _forgotten_if_bad(files, CONFIG):
        read_model_config(files.folder)
    for file in TOKENIZER:
        with contextlib.suppress(MissingError):
            files.fetch(file)
    try:
        files.fetch(WHOLE)
    except MissingError as no_weights:
        try:
            index = files.fetch(INDEX)
        except MissingError:
            raise InputError(
                f"{no_weights}, or {SHARDS}, which is not there either; pickles (*.bin) are never opened: "
                "take the model's T5X checkpoint"
            ) from None
        with _forgotten_if_bad(files, INDEX):
            names = shard_names(index)
        shards = [RemoteFile(name, "a shard of the weights", MOST_WEIGHTS) for name in names]
        files.fetch_all(shards, f"Fetching {files.folder.name}")


@contextlib.contextmanager
def _forgotten_if_bad(files: Downloads, file: RemoteFile) -> Iterator[None]:
    """Remove a file that is not what it should be, so that the next command asks for it anew."""
    try:
        yield
    except InputError as error:
        (files.folder / file.name).unlink(missing_ok=True)
        raise InputError(f"{files.url(file)}: {error}") from error
