"""How well a metric agrees with people: Pearson's r and Spearman's rho, with bootstrap intervals.

Documents are resampled, not summaries: all systems' summaries of a document are drawn together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlgen.languages import KNOWN
from xlgen.metrics.base import Floats
from xlgen.metrics.intervals import RESAMPLES, document_totals, interval

FEWEST = 3  # two points lie on a line, whatever they are
KINDS = ("pearson", "spearman")


@dataclass(frozen=True)
class Correlation:
    """A coefficient from -1 to 1 over `n` summaries, and its 95 % interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def correlate(
    scores: Mapping[str, Floats],
    judgements: Mapping[str, Floats],
    *,
    documents: Mapping[str, Sequence[str]],
    kind: str,
    seed: int = 0,
) -> tuple[dict[str, Correlation], Correlation]:
    """Correlate scores [N] with judgements [N] in each language; return these, and their mean.

    `kind` is one of KINDS. The mean goes over the languages that have a coefficient; its `n` counts
    them. Languages are resampled apart, with the same draws for every metric and scale; a language's
    interval does not depend on which others there are. There is none where a resample has no coefficient.
    """
    found: dict[str, Correlation] = {}
    drawn: list[Floats] = []
    for code, x_N in scores.items():
        found[code] = Correlation(None, None, None, len(x_N))
        counts_RN = _once_and_drawn(documents[code], language=code, seed=seed)
        value_R = coefficients(x_N, judgements[code], counts_RN=counts_RN, kind=kind)
        if not np.isnan(value_R[0]):
            found[code] = _with_interval(value_R, n=len(x_N))
            drawn.append(value_R)
    return found, _mean(drawn)


def subtract(
    first: Mapping[str, Floats],
    second: Mapping[str, Floats],
    *,
    judgements: Mapping[str, Floats],
    documents: Mapping[str, Sequence[str]],
    kind: str,
    seed: int = 0,
) -> Correlation:
    """Return the mean difference of two metrics' coefficients over the languages where both have one.

    The interval is paired: both metrics see the same draws. `n` counts the languages.
    """
    drawn: list[Floats] = []
    for code, y_N in judgements.items():
        counts_RN = _once_and_drawn(documents[code], language=code, seed=seed)
        one_R, other_R = (
            coefficients(side[code], y_N, counts_RN=counts_RN, kind=kind)
            for side in (first, second)
        )
        if not np.isnan(one_R[0] - other_R[0]):
            drawn.append(one_R - other_R)
    return _mean(drawn)


def _mean(languages: Sequence[Floats]) -> Correlation:
    if not languages:
        return Correlation(None, None, None, 0)
    return _with_interval(np.mean(languages, axis=0), n=len(languages))


def _with_interval(value_R: Floats, *, n: int) -> Correlation:
    """Make a value of the first number, and its interval of the others, the resamples."""
    limits = interval(value_R[1:])
    low, high = (limits.low, limits.high) if limits else (None, None)
    return Correlation(float(value_R[0]), low=low, high=high, n=n)


def _once_and_drawn(documents: Sequence[str], *, language: str, seed: int) -> Floats:
    """Return counts [1 + R, N]: each summary once, then how often each is in each resample."""
    once_1N = np.ones((1, len(documents)))
    if len(documents) < FEWEST:
        return once_1N
    own = seed * len(KNOWN) + list(KNOWN).index(language)  # languages are drawn apart
    singles = {"": (documents, np.eye(len(documents)))}  # the totals of single summaries are counts
    drawn_RN = document_totals(singles, seed=own, resamples=RESAMPLES)[""]
    return np.concatenate([once_1N, drawn_RN])


def coefficients(x_N: Floats, y_N: Floats, *, counts_RN: Floats, kind: str) -> Floats:
    """Return a coefficient [R] for each row of counts; not-a-number where x or y is constant.

    Fewer than FEWEST numbers have none either.

    >>> once = np.ones((1, 4))
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])
    >>> float(coefficients(x, y, counts_RN=once, kind="spearman").round(6)[0])
    1.0
    """
    if kind not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}, got {kind!r}")
    if len(x_N) < FEWEST:
        return np.full(len(counts_RN), np.nan)
    ranked = kind == "spearman"
    sides = [_ranks(side_N, counts_RN) if ranked else side_N[None] for side_N in (x_N, y_N)]
    x_RN, y_RN = (_centred(side_RN, counts_RN) for side_RN in sides)
    covariance_R = (counts_RN * x_RN * y_RN).sum(-1)
    spread_R = np.sqrt((counts_RN * x_RN**2).sum(-1) * (counts_RN * y_RN**2).sum(-1))
    constant_R = _is_constant(x_N, counts_RN) | _is_constant(y_N, counts_RN)
    with np.errstate(invalid="ignore", divide="ignore"):
        found_R = np.clip(covariance_R / spread_R, -1.0, 1.0)
    return np.where(constant_R, np.nan, found_R)


def _centred(side_RN: Floats, counts_RN: Floats) -> Floats:
    mean_R = (counts_RN * side_RN).sum(-1) / counts_RN.sum(-1)
    return np.asarray(side_RN - mean_R[:, None])


def _is_constant(side_N: Floats, counts_RN: Floats) -> np.ndarray:
    """Say for each resample whether all that was drawn is one number, exactly."""
    drawn_RN = counts_RN > 0
    largest_R = np.where(drawn_RN, side_N, -np.inf).max(-1)
    return np.asarray(largest_R == np.where(drawn_RN, side_N, np.inf).min(-1))


def _ranks(side_N: Floats, counts_RN: Floats) -> Floats:
    """Return the rank [R, N] of each number in each resample; equal ones share their mean rank."""
    values_U, place_N = np.unique(side_N, return_inverse=True)
    is_value_NU = np.equal.outer(side_N, values_U).astype(np.float64)
    group_RU = counts_RN @ is_value_NU
    rank_RU = group_RU.cumsum(-1) - group_RU / 2 + 0.5
    return np.asarray(rank_RU[:, place_N])
