"""How sure a score is: bootstrap intervals, and paired tests between two systems.

Everything works on statistics [N, K] of N examples, before any division, so it holds for every metric.
The same seed and the same examples give the same numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlgen.metrics.base import Floats, Metric

RESAMPLES = 1000
LEVEL = 95.0  # per cent

_BLOCK = 2_000_000  # numbers drawn at once


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a score."""

    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The first system's score minus the second's over the same examples, and how likely by chance.

    `p_bootstrap` and `p_randomization` are two-sided, and never 0: (1 + as extreme) / (1 + trials).
    """

    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomization: float
    n: int


def bootstrap_totals(statistics_NK: Floats, *, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Return sums [R, K] over R samples of N examples, drawn with replacement."""
    blocks = _resample_counts(len(statistics_NK), seed=seed, resamples=resamples)
    return np.concatenate([counts_RN @ statistics_NK for counts_RN in blocks])


def interval(scores_R: Floats) -> Interval | None:
    """Return the percentile interval of resampled scores; None unless all are defined."""
    if not len(scores_R) or np.isnan(scores_R).any():
        return None
    tail = (100.0 - LEVEL) / 2
    low, high = np.percentile(scores_R, [tail, 100.0 - tail])
    return Interval(float(low), float(high))


def document_totals(
    languages: Mapping[str, tuple[Sequence[str], Floats]],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Floats]:
    """Return sums [R, K] of each language, given as document names and statistics [N, K].

    They are for averages over languages. Documents are resampled, not examples: one that was drawn
    counts with all its examples in all its languages, since translations of one page are easy or hard
    together.
    """
    names = sorted({name for documents, _ in languages.values() for name in documents})
    place = {name: column for column, name in enumerate(names)}
    columns = {code: [place[name] for name in given] for code, (given, _) in languages.items()}
    parts: dict[str, list[Floats]] = {code: [] for code in languages}
    for counts_RD in _resample_counts(len(names), seed=seed, resamples=resamples):
        for code, (_, statistics_NK) in languages.items():
            parts[code].append(counts_RD[:, columns[code]] @ statistics_NK)
    return {code: np.concatenate(blocks) for code, blocks in parts.items()}


def compare(
    first_NK: Floats,
    second_NK: Floats,
    *,
    metric: Metric,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison | None:
    """Test two systems on the same N examples, row by row; None where a score is undefined.

    Paired bootstrap (Koehn 2004, centred as in sacrebleu) and approximate randomization (Riezler and
    Maxwell 2005). Raises `ValueError` where the shapes differ.
    """
    if first_NK.shape != second_NK.shape:
        raise ValueError(
            f"expected the same examples of both, got {len(first_NK)} and {len(second_NK)}"
        )

    def differences(first: Floats, second: Floats) -> Floats:
        return metric.scores(first) - metric.scores(second)

    observed = float(differences(first_NK.sum(0), second_NK.sum(0)))
    both = np.hstack([first_NK, second_NK])
    totals = bootstrap_totals(both, seed=seed, resamples=resamples)
    drawn_R = differences(*np.hsplit(totals, 2))
    found = interval(drawn_R)
    if np.isnan(observed) or found is None:
        return None
    swapped_R = _swapped(differences, first_NK, second_NK, seed=seed, resamples=resamples)
    return Comparison(
        difference=observed,
        low=found.low,
        high=found.high,
        p_bootstrap=_p_value(drawn_R - drawn_R.mean(), observed),
        p_randomization=_p_value(swapped_R, observed),
        n=len(first_NK),
    )


def _swapped(
    differences: Callable[[Floats, Floats], Floats],
    first_NK: Floats,
    second_NK: Floats,
    *,
    seed: int,
    resamples: int,
) -> Floats:
    """Return differences [R] with the two systems' outputs exchanged for half of the examples."""
    generator = np.random.default_rng(seed)
    gap_NK = first_NK - second_NK
    blocks = []
    for size in _block_sizes(len(first_NK), resamples):
        exchange_RN = generator.integers(2, size=(size, len(first_NK))).astype(np.float64)
        moved_RK = exchange_RN @ gap_NK
        blocks.append(differences(first_NK.sum(0) - moved_RK, second_NK.sum(0) + moved_RK))
    return np.concatenate(blocks)


def _p_value(by_chance_R: Floats, observed: float) -> float:
    """Return how often chance is as extreme; sums in another order may differ by rounding."""
    extreme = np.abs(by_chance_R) >= abs(observed) - 1e-9
    return float((1 + extreme.sum()) / (1 + len(by_chance_R)))


def _resample_counts(count: int, *, seed: int, resamples: int) -> Iterator[Floats]:
    """Yield blocks [r, N]: how often each example is in each of the samples, `resamples` in all."""
    generator = np.random.default_rng(seed)
    for size in _block_sizes(count, resamples):
        yield generator.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)


def _block_sizes(count: int, resamples: int) -> list[int]:
    largest = max(1, _BLOCK // max(1, count))
    return [min(largest, resamples - done) for done in range(0, resamples, largest)]
