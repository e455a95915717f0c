"""Longest common subsequences with bit operations, many candidate lines at once.

A row of the usual dynamic programme grows by 0 or 1 from cell to cell, so a row is one integer: a
bit per candidate token, 0 where the length grows (Hyyrö 2004, "Bit-parallel LCS-length computation
revisited"). All candidate lines stand side by side in that integer, each closed by an unused bit
that catches the carry of the addition, so one pass over a reference line compares it with them all.
"""

from collections import Counter
from collections.abc import Sequence

from xlgen.metrics.pieces import Piece

Line = Sequence[Piece]


def lcs_length(first: Line, second: Line) -> int:
    """Return the length of the longest common subsequence.

    >>> lcs_length([1, 2, 3, 4], [2, 9, 4])
    2
    """
    candidate = _Candidate([second])
    _, grows = candidate.rows(first)
    return grows.bit_count()


def summary_hits(references: Sequence[Line], candidates: Sequence[Line]) -> int:
    """Count the reference tokens in the union of each line's LCS with every candidate line.

    Exactly rouge-score's `_summary_level_lcs`: of several longest subsequences it takes the same
    one, and no token counts more often than the candidate has it.

    >>> summary_hits([[1, 2, 3, 4, 5]], [[1, 2, 6, 7, 8], [1, 3, 8, 9, 5]])  # Lin 2004, section 3.2
    4
    """
    candidate = _Candidate(candidates)
    if len(references) == 1 and len(candidates) == 1:
        _, grows = candidate.rows(references[0])
        return grows.bit_count()
    found: Counter[Piece] = Counter()
    for line in references:
        found.update([line[i] for i in candidate.union(line)])
    places = candidate.places
    return sum(min(count, places[token].bit_count()) for token, count in found.items())


class _Candidate:
    """Lines laid out in one integer: `places` has the bits of a token, `lines` those of a line."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.places: dict[Piece, int] = {}
        self.lines: list[int] = []
        bit = 1
        for line in lines:
            first = bit
            for token in line:
                self.places[token] = self.places.get(token, 0) | bit
                bit <<= 1
            self.lines.append(bit - first)
            bit <<= 1  # the unused bit
        self.all = sum(self.lines)

    def rows(self, reference: Line) -> tuple[list[tuple[int, int, int]], int]:
        """Return a row per reference token that occurs, and where the last row grows.

        A row is (index in the reference, places of that token, where the row above grows).
        """
        places, everywhere = self.places, self.all
        rows = []
        flat = everywhere  # the complement of where a row grows: what the addition needs
        for index, token in enumerate(reference):
            here = places.get(token)
            if here is not None:
                rows.append((index, here, everywhere ^ flat))
                common = flat & here
                flat = ((flat + common) | (flat - common)) & everywhere
        return rows, everywhere ^ flat

    def union(self, reference: Line) -> set[int]:
        """Return the indices of reference tokens in the LCS with any of the lines.

        Walks back as rouge-score does: a match is taken; else it goes left where that is longer than
        up, which ends at the nearest match to the left; else up. Rows without a match change nothing.
        """
        rows, grows = self.rows(reference)
        rows.reverse()
        union: set[int] = set()
        for line in self.lines:
            ahead = line  # the columns from here to the line's start; its top bit is the column we are in
            length = (grows & line).bit_count()
            if not length:
                continue
            for index, here, above in rows:
                matches = here & ahead
                if not matches:
                    continue
                is_match = matches > ahead ^ matches  # the top bit is among them
                if is_match or (above & ahead).bit_count() < length:
                    union.add(index)
                    length -= 1
                    if not length:
                        break
                    ahead &= (1 << (matches.bit_length() - 1)) - 1
        return union
