"""Intervals over documents and seeds, against formulas worked out by hand and by scipy."""

import math
import random
import statistics

import pytest
from scipy import stats

from xlgen.reports.certainty import Scored, estimate, mean, subtract


def scored(values: dict[str, float], *, document: str = "{}") -> Scored:
    examples = {name: (document.format(name), value) for name, value in values.items()}
    return Scored(statistics.fmean(values.values()), examples)


def test_seeds_alone_give_students_interval():
    values = [10.0, 12.0, 17.0]
    found = estimate({"th": {seed: Scored(value, {}) for seed, value in enumerate(values)}})
    low, high = stats.t.interval(0.95, 2, statistics.fmean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.over, found.seeds, found.documents) == ("seeds", 3, 0)


def test_one_run_without_examples_leaves_the_interval_to_seeds():
    whole = {seed: scored({"a": 1.0, "b": 2.0 + seed, "c": 4.0}) for seed in range(3)}
    lacking = {**whole, 2: Scored(whole[2].value, {})}
    found = estimate({"ar": whole, "th": lacking})
    alone = {seed: Scored(score.value, {}) for seed, score in whole.items()}
    bare = estimate({"ar": alone, "th": alone})
    assert (found.low, found.high, found.over) == (bare.low, bare.high, "seeds")


def test_one_seed_gives_the_interval_over_documents():
    values = {"a": 10.0, "b": 12.0, "c": 17.0, "d": 3.0}
    found = estimate({"th": {0: scored(values)}})
    low, high = stats.t.interval(0.95, 3, found.value, stats.sem(list(values.values())))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.over == "documents"


def test_examples_of_one_document_are_one_piece_of_evidence():
    values = {str(n): float(n % 5) for n in range(40)}
    apart = estimate({"hi": {0: scored(values)}})
    together = {
        name: (str(int(name) % 5), value) for name, value in values.items()
    }  # 5 documents, each with 8 equal examples
    joined = estimate({"hi": {0: Scored(apart.value, together)}})
    assert joined.documents == 5
    assert joined.high - joined.low > 2 * (apart.high - apart.low)


def test_translations_of_a_document_stand_or_fall_together():
    values = {str(n): float(n) for n in range(20)}
    same = estimate({code: {0: scored(values)} for code in ("ar", "zh")})
    other = estimate(
        {code: {0: scored(values, document=code + "-{}")} for code in ("ar", "zh")}
    )  # as if they were not translations
    assert same.high - same.low == pytest.approx(
        estimate({"ar": {0: scored(values)}}).high * 2 - 19
    )
    assert same.high - same.low > 1.3 * (other.high - other.low)


def test_seeds_that_disagree_widen_the_interval():
    random_ = random.Random(0)
    values = {str(n): random_.gauss(50, 10) for n in range(60)}
    agree = estimate({"vi": {seed: scored(values) for seed in range(3)}})
    apart = estimate(
        {"vi": {seed: scored({k: v + 8 * seed for k, v in values.items()}) for seed in range(3)}}
    )
    assert agree.over == apart.over == "documents and seeds"
    assert apart.high - apart.low > 3 * (agree.high - agree.low)


CROSSED = {
    "both count": [[10.0, 14.0, 30.0], [20.0, 27.0, 33.0], [31.0, 38.0, 52.0], [9.0, 21.0, 24.0]],
    # in each document another seed is best: the sum of both less what they share is below either
    "neither says more": [[10.0, 0.0], [0.0, 10.0], [11.0, 0.0], [0.0, 9.5]],
}


@pytest.mark.parametrize("case", CROSSED)
def test_the_interval_of_documents_by_seeds_is_that_of_the_formula(case: str):
    """By hand: the variances of the documents' and the seeds' means, less that of the single scores."""
    table = CROSSED[case]
    documents, seeds = [statistics.fmean(row) for row in table], list(zip(*table, strict=True))
    centre = statistics.fmean(documents)
    of_documents = statistics.variance(documents) / len(documents)
    of_seeds = statistics.variance(map(statistics.fmean, seeds)) / len(seeds)
    squares = sum((value - centre) ** 2 for row in table for value in row)
    shared = squares / (len(documents) * len(seeds)) ** 2
    variance = max(of_documents, of_seeds, of_documents + of_seeds - shared)
    assert (variance == of_documents + of_seeds - shared) == (case == "both count")
    freedom = (of_documents + of_seeds) ** 2 / (
        of_documents**2 / (len(documents) - 1) + of_seeds**2 / (len(seeds) - 1)
    )
    found = estimate(
        {
            "hi": {
                seed: scored({str(place): value for place, value in enumerate(column)})
                for seed, column in enumerate(seeds)
            }
        }
    )
    low, high = stats.t.interval(0.95, freedom, centre, math.sqrt(variance))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    random_ = random.Random(1)
    hits = 0
    for _ in range(300):
        documents = [random_.gauss(0, 5) for _ in range(30)]
        seeds = [random_.gauss(0, 2) for _ in range(3)]
        parts = {
            code: {
                place: scored(
                    {str(n): d + seed + random_.gauss(0, 5) for n, d in enumerate(documents)}
                )
                for place, seed in enumerate(seeds)
            }
            for code in ("fr", "ru")
        }
        found = estimate(parts)
        hits += found.low <= 0 <= found.high
    assert 0.88 <= hits / 300 <= 0.99  # 0.95, less what three seeds cannot tell


def test_differences_are_paired_by_seed_and_example():
    ours = {
        "th": {0: scored({"a": 5.0, "b": 9.0}), 1: scored({"a": 1.0, "b": 2.0})},
        "zh": {0: scored({"a": 1.0})},
    }
    theirs = {"th": {0: scored({"b": 4.0, "c": 8.0})}, "hi": {0: scored({"a": 3.0})}}
    gaps = subtract(ours, theirs)
    assert list(gaps) == ["th"]
    assert list(gaps["th"]) == [0]
    assert gaps["th"][0].examples == {"b": ("b", 5.0)}
    assert gaps["th"][0].value == 7.0 - 6.0


def test_what_hides_in_hard_documents_is_seen_by_pairing():
    random_ = random.Random(2)
    hard = {str(n): random_.gauss(50, 30) for n in range(40)}
    better = {name: value + 2 + random_.gauss(0, 1) for name, value in hard.items()}
    found = estimate(subtract({"ar": {0: scored(better)}}, {"ar": {0: scored(hard)}}))
    assert 1 < found.low < found.high < 3


def test_nothing_gives_nothing():
    assert estimate({}) is None
    assert estimate({"th": {}}) is None
    found = estimate({"th": {0: Scored(3.0, {})}})
    assert (found.value, found.low, found.high, found.over) == (3.0, None, None, "nothing")
    equal = estimate({"th": {0: scored({"a": 1.0, "b": 1.0})}})
    assert (equal.low, equal.high) == (1.0, 1.0)


def test_mean_is_over_examples_that_all_have():
    found = mean([scored({"a": 1.0, "b": 3.0}), scored({"b": 5.0, "c": 9.0})])
    assert found.examples == {"b": ("b", 4.0)}
    assert math.isclose(found.value, 4.5)
