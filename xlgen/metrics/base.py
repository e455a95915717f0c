"""What a metric is: statistics of one example -> their sum -> a score of 0 to 100."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from xlgen import __version__

Floats = npt.NDArray[np.float64]


class Metric(ABC):
    """Adds up over examples, so parts can be measured apart and resampled; only `scores` divides.

    The signature names every setting that changes the score, apart from the texts and how they came
    about, which `signed` adds.
    """

    needs_reference: ClassVar[bool] = True
    empty_reference: ClassVar[bool] = False  # whether an empty one says something: nothing to find
    by_default: ClassVar[bool] = True  # whether outputs are scored so where nobody names metrics

    @property
    @abstractmethod
    def label(self) -> str:
        """The name in tables and plots."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """Name, version and settings, such as `ASCII|v1|characters:all`; without how many."""

    @property
    def higher_is_better(self) -> bool | None:
        """Which way is better; None where that depends on the language, or on the texts."""
        return True

    def covers(self, language: str) -> bool:
        """Whether outputs in `language` have this score at all; averages go over those that have."""
        return True

    @abstractmethod
    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, ...]:
        """Measure one example. The last number is 1, or 0 where the example has no score at all."""

    def scores(self, totals: Floats) -> Floats:
        """Turn sums of statistics [..., K] into scores [...]; not-a-number where nothing counts.

        The default is the mean of the first number over the examples that count, times 100.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100.0 * totals[..., 0] / totals[..., -1])

    def score(self, total: Sequence[float] | Floats) -> float | None:
        """Turn one sum of statistics into a score; None where it is undefined."""
        value = float(self.scores(np.asarray(total, dtype=np.float64)))
        return None if np.isnan(value) else value


def signed(metric: Metric, *, n: int, decoding: str | None = None) -> str:
    """Return the line that makes a score comparable: settings, decoding, how many, which release."""
    how = [] if decoding is None else [f"decoding:{decoding.replace('|', '/')}"]
    return "|".join([metric.signature, *how, f"n:{n}", f"xlgen:{__version__}"])
