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
        found[code], drawn_R = _one(
            x_N,
            judgements[code],
            documents=documents[code],
            kind=kind,
            seed=seed * len(KNOWN) + list(KNOWN).index(code),
        )
        if found[code].value is not None:
            drawn.append(drawn_R)
    values = [cell.value for cell in found.values() if cell.value is not None]
    if not values:
        return found, Correlation(None, None, None, 0)
    mean = _with_interval(float(np.mean(values)), np.mean(drawn, axis=0), n=len(values))
    return found, mean


def _one(
    x_N: Floats, y_N: Floats, *, documents: Sequence[str], kind: str, seed: int
) -> tuple[Correlation, Floats]:
    """Return the coefficient of one language, and those [R] of its resamples."""
    if len(x_N) < FEWEST:
        return Correlation(None, None, None, len(x_N)), np.empty(0)
    value = coefficients(x_N, y_N, counts_RN=np.ones((1, len(x_N))), kind=kind)[0]
    if np.isnan(value):
        return Correlation(None, None, None, len(x_N)), np.empty(0)
    # the totals of single summaries are counts [R, N]: how often each is in each resample
    singles = {"": (documents, np.eye(len(x_N)))}
    counts_RN = document_totals(singles, seed=seed, resamples=RESAMPLES)[""]
    drawn_R = coefficients(x_N, y_N, counts_RN=counts_RN, kind=kind)
    return _with_interval(float(value), drawn_R, n=len(x_N)), drawn_R


def _with_interval(value: float, drawn_R: Floats, *, n: int) -> Correlation:
    limits = interval(drawn_R)
    return Correlation(
        value, low=limits.low if limits else None, high=limits.high if limits else None, n=n
    )


def coefficients(x_N: Floats, y_N: Floats, *, counts_RN: Floats, kind: str) -> Floats:
    """Return a coefficient [R] for each row of counts; not-a-number where x or y is constant.

    >>> once = np.ones((1, 4))
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])
    >>> float(coefficients(x, y, counts_RN=once, kind="spearman").round(6)[0])
    1.0
    """
    if kind not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}, got {kind!r}")
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
