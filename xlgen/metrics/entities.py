"""Span F1 of named entities written as text: "PER: Rick $$ LOC: Earth".

As multilingual-T5 scores WikiANN: an entity is right if the reference has one of that type and text, each
as often as it stands there; over all examples (micro). An entity whose text holds ":" is not read, neither
in the prediction nor in the reference. Ours is 0 to 100, theirs 0 to 1.
"""

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.metrics.base import Floats, Metric
from xlgen.sources.forms import BETWEEN_ENTITIES

if TYPE_CHECKING:
    from xlgen.metrics.pieces import Pieces


class SpanF1(Metric):
    """2 x right / (predicted + expected), over all examples, times 100."""

    by_default: ClassVar[bool] = False
    empty_reference: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """As in Table 7."""
        return "Span F1"

    @property
    def signature(self) -> str:
        """How entities are averaged and compared."""
        return "SPAN-F1|v1|micro|type+text|colon:skip"

    def statistics(
        self, prediction: str, reference: str, language: str
    ) -> tuple[float, float, float]:
        """Return (right, predicted + expected, 1), or (0, 0, 0) where nothing stands in either."""
        given, expected = Counter(entities(prediction)), Counter(entities(reference))
        both = given.total() + expected.total()
        return float((given & expected).total()), float(both), float(both > 0)

    def scores(self, totals: Floats) -> Floats:
        """Return 100 x F1; not-a-number where there are no entities at all."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(200.0 * totals[..., 0] / totals[..., 1])


def entities(text: str) -> list[tuple[str, str]]:
    """Return type and text of each entity in a line of them; what has no ":" or several is none.

    >>> entities("PER: Rick $$ LOC: Earth $$ ORG: a:b $$ cool"), entities("")
    ([('PER', 'Rick'), ('LOC', 'Earth')], [])
    """
    parts = [part.split(":") for part in text.split(BETWEEN_ENTITIES)]
    return [(part[0].strip(), part[1].strip()) for part in parts if len(part) == 2]


def span_f1(pieces: "Pieces | None" = None) -> SpanF1:
    """Make span F1; needs no pieces."""
    return SpanF1()
