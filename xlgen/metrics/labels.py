"""Accuracy of outputs that name a class: exactly the label's text, or wrong."""

from typing import TYPE_CHECKING, ClassVar

from xlgen.metrics.base import Metric

if TYPE_CHECKING:
    from xlgen.metrics.pieces import Pieces


class Accuracy(Metric):
    """The share of predictions that are the reference, character by character, times 100.

    As multilingual-T5 scores XNLI and PAWS-X: an output that names no class is wrong.
    """

    by_default: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """As everywhere."""
        return "Accuracy"

    @property
    def signature(self) -> str:
        """How texts are compared."""
        return "ACCURACY|v1|exact"

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (1 if equal, 1)."""
        return float(prediction == reference), 1.0


def accuracy(pieces: "Pieces | None" = None) -> Accuracy:
    """Make accuracy; needs no pieces."""
    return Accuracy()
