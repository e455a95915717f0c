"""Arrays as T5X stores them: a folder in zarr's format, version 2, chunks gzipped or plain.

Only what T5X writes is read. A missing chunk is damage: of weights none is left out. `zarr` itself brings
eight packages for these lines.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import deflate
import torch
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import read_object, reason

# zarr's name -> what the bytes are, little-endian
DTYPES = {"<f4": torch.float32, "<f2": torch.float16, "bfloat16": torch.bfloat16}
REMEDY = "copy the checkpoint again, files that begin with a dot too"
LARGEST = 2**40  # bytes of one array: mT5-XXL's largest has 4 GB
MOST_SHRUNK = 1032  # times that deflate makes bytes fewer, at most: 258 of them in two bits


@dataclass(frozen=True)
class ZarrArray:
    """An array that is not read yet."""

    folder: Path
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    kind: str
    compressed: bool
    separator: str = "."

    @property
    def dtype(self) -> torch.dtype:
        """Return what the numbers are."""
        return DTYPES[self.kind]

    @property
    def chunk_bytes(self) -> int:
        """Return how long each chunk is once inflated, those at the edge too."""
        return math.prod(self.chunks) * self.dtype.itemsize

    @property
    def chunk_count(self) -> int:
        """Return how many files `chunk_names` has."""
        return math.prod(self._counts())

    def chunk_names(self) -> Iterator[str]:
        """Yield the names of the chunks' files in the folder."""
        return map(self._name, self._places())

    def read(self) -> Tensor:
        """Read all chunks, in torch's threads; raises `InputError` for a missing or damaged one."""
        whole = torch.empty(self.shape, dtype=self.dtype)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # inflating lets go of the GIL
            for _ in pool.map(partial(self._fill, whole), self._places()):
                pass
        return whole

    def slabs(self, axis: int) -> list[Callable[[], Tensor]]:
        """Return what reads the array in turn: all chunks of one index along `axis`, turned to be first."""
        return [partial(self._slab, axis, i) for i in range(self._counts()[axis])]

    def _slab(self, axis: int, index: int) -> Tensor:
        places = [place for place in self._places() if place[axis] == index]
        if len(places) == 1:
            return self._read_chunk(places[0]).movedim(axis, 0).contiguous()
        rooms = [self._room(place) for place in places]
        shape = list(self.shape)
        shape[axis] = rooms[0][axis].stop - rooms[0][axis].start
        slab = torch.empty(shape, dtype=self.dtype).movedim(axis, 0).contiguous()
        for place, room in zip(places, rooms):
            chunk = self._read_chunk(place).movedim(axis, 0).contiguous()
            slab[(slice(None), *room[:axis], *room[axis + 1 :])] = chunk
        return slab

    def _fill(self, whole: Tensor, place: tuple[int, ...]) -> None:
        whole[self._room(place)] = self._read_chunk(place)

    def _counts(self) -> list[int]:
        return [-(-n // size) for n, size in zip(self.shape, self.chunks)]

    def _places(self) -> Iterator[tuple[int, ...]]:
        return product(*map(range, self._counts()))

    def _name(self, place: tuple[int, ...]) -> str:
        return self.separator.join(map(str, place))

    def _room(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        """Return where in the array a chunk stands; those at the edge end with it."""
        starts = [index * size for index, size in zip(place, self.chunks)]
        ends = [min(s + size, n) for s, size, n in zip(starts, self.chunks, self.shape)]
        return tuple(map(slice, starts, ends))

    def _read_chunk(self, place: tuple[int, ...]) -> Tensor:
        """Read a chunk, without what of it is beyond the array's edge."""
        path, expected = self.folder / self._name(place), self.chunk_bytes
        try:
            data = bytearray(path.read_bytes()) if not self.compressed else _inflate(path, expected)
        except (OSError, deflate.DeflateError) as error:
            raise InputError(
                f"{path}: a missing or damaged chunk ({reason(error)}); {REMEDY}"
            ) from error
        if len(data) != expected:
            raise InputError(
                f"{path}: expected a chunk of {expected:,} bytes, got {len(data):,}; {REMEDY}"
            )
        chunk = torch.frombuffer(data, dtype=self.dtype).view(self.chunks)
        return chunk[tuple(slice(room.stop - room.start) for room in self._room(place))]


def _inflate(path: Path, expected: int) -> bytearray:
    """Inflate gzip into no more room than one byte above what is expected; its checksum is compared."""
    data = path.read_bytes()
    if expected > MOST_SHRUNK * len(data):
        raise deflate.DeflateError(f"{len(data):,} bytes cannot be {expected:,}")
    try:
        return deflate.gzip_decompress(data, expected + 1)
    except deflate.DeflateError as error:
        raise deflate.DeflateError(f"no gzip of {expected:,} bytes") from error


def open_array(folder: Path) -> ZarrArray:
    """Read `.zarray`; raises `InputError` for another version, dtype, order or compression."""
    path = folder / ".zarray"
    data = read_object(path, remedy=REMEDY)
    shape, chunks = _sizes(data, "shape", path), _sizes(data, "chunks", path)
    compressor = data.get("compressor")
    kind = compressor.get("id") if isinstance(compressor, dict) else compressor
    separator = data.get("dimension_separator", ".")
    for key, value, known in (
        ("zarr_format", data.get("zarr_format"), (2,)),
        ("dtype", data.get("dtype"), tuple(DTYPES)),
        ("order", data.get("order"), ("C",)),
        ("compressor", kind, ("gzip", None)),
        ("filters", data.get("filters"), (None,)),
        ("dimension_separator", separator, (".", "/")),
    ):
        if value not in known:
            expected = " or ".join(map(repr, known))
            raise InputError(f"{path}: {key}: expected {expected}, got {str(value)[:40]!r}")
    if len(shape) != len(chunks) or not shape:
        raise InputError(f"{path}: shape {list(shape)} and chunks {list(chunks)} do not match")
    if max(math.prod(shape), math.prod(chunks)) * 4 > LARGEST:
        raise InputError(
            f"{path}: {list(shape)} in chunks of {list(chunks)} is too large to be true"
        )
    return ZarrArray(folder, shape, chunks, str(data["dtype"]), kind is not None, separator)


def _sizes(data: dict[str, Any], key: str, path: Path) -> tuple[int, ...]:
    sizes = data.get(key)
    if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
        raise InputError(f"{path}: {key}: expected a list of sizes, got {str(sizes)[:40]!r}")
    return tuple(sizes)
