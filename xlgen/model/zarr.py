"""Arrays as T5X stores them: a folder in zarr's format, version 2, chunks gzipped or plain.

Only what T5X writes is read. A missing chunk is damage: of weights none is left out. `zarr` itself brings
eight packages for these lines.
"""

import math
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import read_object, reason

# zarr's name -> how numpy reads the bytes, and what they are; numpy knows no bfloat16
DTYPES = {
    "<f4": ("<f4", torch.float32),
    "<f2": ("<f2", torch.float16),
    "bfloat16": ("<i2", torch.bfloat16),
}
REMEDY = "copy the checkpoint again, files that begin with a dot too"
LARGEST = 2**40  # bytes of one array: mT5-XXL's largest has 4 GB


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
        return DTYPES[self.kind][1]

    def read(self) -> Tensor:
        """Read all chunks, in torch's threads; raises `InputError` for a missing or damaged one."""
        stored, dtype = DTYPES[self.kind]
        whole = np.empty(self.shape, stored)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # inflating lets go of the GIL
            for _ in pool.map(partial(self._fill, whole), self._places()):
                pass
        return torch.from_numpy(whole).view(dtype)

    def _fill(self, whole: NDArray[Any], place: tuple[int, ...]) -> None:
        start = [index * size for index, size in zip(place, self.chunks)]
        room = whole[tuple(slice(s, s + size) for s, size in zip(start, self.chunks))]
        chunk = np.frombuffer(self._read_chunk(place), whole.dtype).reshape(self.chunks)
        room[...] = chunk[tuple(map(slice, room.shape))]  # those at the edge stand out

    def _places(self) -> Iterator[tuple[int, ...]]:
        return product(*(range(-(-n // size)) for n, size in zip(self.shape, self.chunks)))

    def _read_chunk(self, place: tuple[int, ...]) -> bytes:
        path = self.folder / self.separator.join(map(str, place))
        expected = math.prod(self.chunks) * np.dtype(DTYPES[self.kind][0]).itemsize
        try:
            data = path.read_bytes()
            if self.compressed:
                data = _inflate(data, expected)
        except (OSError, zlib.error) as error:
            raise InputError(
                f"{path}: a missing or damaged chunk ({reason(error)}); {REMEDY}"
            ) from error
        if len(data) != expected:
            raise InputError(
                f"{path}: expected a chunk of {expected:,} bytes, got another; {REMEDY}"
            )
        return data


def _inflate(data: bytes, expected: int) -> bytes:
    """Inflate gzip, never to more than one byte above what is expected; its checksum is compared."""
    inflater = zlib.decompressobj(wbits=31)
    inflated = inflater.decompress(data, expected + 1)
    if not inflater.eof and len(inflated) <= expected:
        raise zlib.error("it ends too early")
    return inflated


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
