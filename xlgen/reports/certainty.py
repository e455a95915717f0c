"""How sure a mean over documents and seeds is: 95 % intervals clustered both ways.

A score differs by document (some are hard, in all languages together) and by seed (some runs forget more).
The variance is that of the documents' sums plus that of the seeds' sums minus that of both together
(Cameron, Gelbach and Miller 2011), at least the larger of the first two; the interval is Student's with
Satterthwaite's degrees of freedom, so that three seeds that disagree make it wide, as they should.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

LEVEL = 0.975  # both tails of 95 %
BOTH, DOCUMENTS, ONLY_SEEDS, NEITHER = "documents and seeds", "documents", "seeds", "nothing"


@dataclass(frozen=True)
class Scored:
    """A score of one run in one language, and each example's: id -> (document, score)."""

    value: float
    examples: Mapping[str, tuple[str, float]]


Seed = int | None
# Scores by language and seed; None stands for what needs no seed.
Parts = Mapping[str, Mapping[Seed, Scored]]


@dataclass(frozen=True)
class Estimate:
    """A mean over languages of means over seeds, with its 95 % interval over what `over` says.

    Without scores per example the interval is over seeds alone; with one seed over documents alone, and
    then it does not say what another seed would give. With neither there is none.
    """

    value: float
    low: float | None
    high: float | None
    languages: tuple[str, ...]
    seeds: int
    documents: int
    over: str


def subtract(first: Parts, second: Parts) -> Parts:
    """Return the first scores minus the second's where both have them, paired by seed and example."""
    return {
        language: pairs
        for language, ours in first.items()
        if (
            pairs := {
                seed: _minus(score, second[language][seed])
                for seed, score in ours.items()
                if seed in second.get(language, {})
            }
        )
    }


def _minus(ours: Scored, theirs: Scored) -> Scored:
    return Scored(
        ours.value - theirs.value,
        {
            name: (document, value - theirs.examples[name][1])
            for name, (document, value) in ours.examples.items()
            if name in theirs.examples
        },
    )


def mean(scores: Iterable[Scored]) -> Scored:
    """Average scores of the same examples, such as of runs that count as one seed."""
    given = list(scores)
    common = set.intersection(*(set(score.examples) for score in given))
    return Scored(
        math.fsum(score.value for score in given) / len(given),
        {
            name: (document, math.fsum(s.examples[name][1] for s in given) / len(given))
            for name, (document, _) in given[0].examples.items()
            if name in common
        },
    )


def estimate(parts: Parts) -> Estimate | None:
    """Average over languages, each with equal weight, and over each one's seeds; None without scores."""
    known = {language: scores for language, scores in parts.items() if scores}
    if not known:
        return None
    means = {
        language: math.fsum(s.value for s in scores.values()) / len(scores)
        for language, scores in known.items()
    }
    value = math.fsum(means.values()) / len(means)
    seeds = {seed for scores in known.values() for seed in scores}
    documents = {
        d for scores in known.values() for s in scores.values() for d, _ in s.examples.values()
    }
    whole = all(score.examples for scores in known.values() for score in scores.values())
    shares = _shares(known) if whole else _seed_shares(known, means)
    variances = [
        _variance(shares, lambda place: place[0]) if whole and len(documents) > 1 else None,
        _variance(shares, lambda place: place[1]) if len(seeds) > 1 else None,
    ]
    width = _half_width(variances, _squares(shares.values()), counts=(len(documents), len(seeds)))
    over = {(True, True): BOTH, (True, False): DOCUMENTS, (False, True): ONLY_SEEDS}
    return Estimate(
        value=value,
        low=None if width is None else value - width,
        high=None if width is None else value + width,
        languages=tuple(known),
        seeds=len(seeds),
        documents=len(documents),
        over=over.get((variances[0] is not None, variances[1] is not None), NEITHER),
    )


# What each document under each seed adds to the mean's deviation from what is expected.
Shares = Mapping[tuple[str, Seed], float]


def _shares(parts: Parts) -> Shares:
    found: dict[tuple[str, Seed], float] = defaultdict(float)
    for scores in parts.values():
        means = {seed: _example_mean(score) for seed, score in scores.items()}
        centre = math.fsum(means.values()) / len(means)
        for seed, score in scores.items():
            weight = len(parts) * len(scores) * len(score.examples)
            for document, value in score.examples.values():
                found[document, seed] += (value - centre) / weight
    return found


def _seed_shares(parts: Parts, means: Mapping[str, float]) -> Shares:
    found: dict[tuple[str, Seed], float] = defaultdict(float)
    for language, scores in parts.items():
        for seed, score in scores.items():
            found["", seed] += (score.value - means[language]) / (len(parts) * len(scores))
    return found


def _example_mean(score: Scored) -> float:
    return math.fsum(value for _, value in score.examples.values()) / len(score.examples)


def _variance(shares: Shares, cluster: Callable[[tuple[str, Seed]], Hashable]) -> float:
    sums: dict[Hashable, float] = defaultdict(float)
    for place, share in shares.items():
        sums[cluster(place)] += share
    return _squares(sums.values()) * len(sums) / (len(sums) - 1)


def _squares(sums: Iterable[float]) -> float:
    return math.fsum(share * share for share in sums)


def _half_width(
    variances: list[float | None], both: float, *, counts: tuple[int, int]
) -> float | None:
    """Return half the interval; with one kind of cluster its own variance and degrees of freedom."""
    known = [(v, n - 1) for v, n in zip(variances, counts, strict=True) if v is not None]
    if not known:
        return None
    total = math.fsum(v for v, _ in known)
    if not total:
        return 0.0
    freedom = total**2 / math.fsum(v**2 / n for v, n in known)
    variance = max(*(v for v, _ in known), total - both)
    return float(stdtrit(freedom, LEVEL)) * math.sqrt(variance)
