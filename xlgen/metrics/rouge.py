"""SP-ROUGE: ROUGE over SentencePiece pieces (paper section 2.1, footnotes 6 and 7).

Equal to rouge-score 0.1.2 with a SentencePiece tokenizer, number by number. Such a tokenizer does
away with rouge-score's lower-casing, stemming and dropping of all but [a-z0-9]. The score is the mean
of F1 over examples times 100; T5's unseeded bootstrap median is not used.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from xlgen.metrics.base import Metric
from xlgen.metrics.lcs import lcs_length, summary_hits
from xlgen.metrics.pieces import Piece, Pieces

Overlap = tuple[
    int, int, int
]  # what both texts have, what the prediction has, what the reference has


class SpRouge(Metric):
    """The mean F1 of an overlap of two texts. A text without pieces overlaps with nothing: 0."""

    def __init__(self, label: str, pieces: Pieces, overlap: Callable[[Pieces, str, str], Overlap]):
        self._label = label
        self._pieces = pieces
        self._overlap = overlap

    @property
    def label(self) -> str:
        """The name with its variant."""
        return self._label

    @property
    def signature(self) -> str:
        """The name and settings; reads the SentencePiece file."""
        split = "nl" if self._overlap is _line_overlap else "no"
        spm = self._pieces.signature
        return f"{self._label}|v1|F1|{spm}|lower:no|stem:no|split:{split}|nrefs:1"

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (F1 of this example, 1)."""
        common, predicted, expected = self._overlap(self._pieces, prediction, reference)
        return f1(common, predicted=predicted, expected=expected), 1.0


def sp_rouge_1(pieces: Pieces) -> SpRouge:
    """Make SP-ROUGE-1: pieces in common."""
    return SpRouge("SP-ROUGE-1", pieces, _unigram_overlap)


def sp_rouge_2(pieces: Pieces) -> SpRouge:
    """Make SP-ROUGE-2: pairs of neighbouring pieces in common."""
    return SpRouge("SP-ROUGE-2", pieces, _bigram_overlap)


def sp_rouge_l(pieces: Pieces) -> SpRouge:
    """Make SP-ROUGE-L: the longest common subsequence, line breaks ignored."""
    return SpRouge("SP-ROUGE-L", pieces, _sequence_overlap)


def sp_rouge_lsum(pieces: Pieces) -> SpRouge:
    """Make SP-ROUGE-Lsum, the paper's SP-RG: longest common subsequences line by line."""
    return SpRouge("SP-ROUGE-Lsum", pieces, _line_overlap)


def f1(common: int, *, predicted: int, expected: int) -> float:
    """Return the harmonic mean of precision and recall, in rouge-score's order of operations.

    >>> f1(2, predicted=4, expected=2)
    0.6666666666666666
    """
    if not common:
        return 0.0
    precision, recall = common / predicted, common / expected
    return 2 * precision * recall / (precision + recall)


def _unigram_overlap(pieces: Pieces, prediction: str, reference: str) -> Overlap:
    return _multiset_overlap(pieces.of(prediction), pieces.of(reference))


def _bigram_overlap(pieces: Pieces, prediction: str, reference: str) -> Overlap:
    first, second = pieces.of(prediction), pieces.of(reference)
    return _multiset_overlap(_pairs(first), _pairs(second))


def _sequence_overlap(pieces: Pieces, prediction: str, reference: str) -> Overlap:
    first, second = pieces.of(prediction), pieces.of(reference)
    return lcs_length(second, first), len(first), len(second)


def _line_overlap(pieces: Pieces, prediction: str, reference: str) -> Overlap:
    first, second = pieces.of_lines(prediction), pieces.of_lines(reference)
    return summary_hits(second, first), sum(map(len, first)), sum(map(len, second))


def _pairs(pieces: Sequence[Piece]) -> list[tuple[Piece, Piece]]:
    return list(pairwise(pieces))


def _multiset_overlap(first: Sequence[object], second: Sequence[object]) -> Overlap:
    common = Counter(first) & Counter(second)
    return common.total(), len(first), len(second)
