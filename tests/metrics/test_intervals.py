"""Bootstrap intervals and paired tests: known answers, coverage, and what chance may not change."""

import numpy as np
import pytest

from xlgen.metrics.base import Metric
from xlgen.metrics.intervals import (
    Interval,
    bootstrap_totals,
    compare,
    document_totals,
    interval,
)
from xlgen.metrics.language import AsciiShare

METRIC: Metric = AsciiShare()  # any mean


def make_rows(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def interval_of(rows: np.ndarray, *, seed: int = 0) -> Interval | None:
    return interval(METRIC.scores(bootstrap_totals(rows, seed=seed)))


def test_resamples_have_as_many_examples() -> None:
    rows = make_rows(np.random.default_rng(0).random(37))
    totals = bootstrap_totals(rows, seed=0, resamples=50)
    assert totals.shape == (50, 2)
    assert (totals[:, 1] == 37).all()
    assert totals[:, 0].mean() == pytest.approx(rows[:, 0].sum(), rel=0.03)


def test_large_sets_are_drawn_in_blocks() -> None:
    rows = make_rows(np.ones(30_000))
    assert bootstrap_totals(rows, seed=0, resamples=150).shape == (150, 2)


def test_an_interval_has_the_width_of_the_normal_one() -> None:
    values = np.random.default_rng(1).random(400)
    found = interval_of(make_rows(values))
    assert found is not None
    half = 196 * values.std() / np.sqrt(len(values))
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)
    assert found.low < 100 * values.mean() < found.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        found = interval_of(make_rows(generator.random(60)))
        assert found is not None
        hits += found.low <= 50 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_the_seed_decides() -> None:
    rows = make_rows(np.random.default_rng(3).random(50))
    assert interval_of(rows, seed=1) == interval_of(rows, seed=1)
    assert interval_of(rows, seed=1) != interval_of(rows, seed=2)


def test_a_sample_without_a_score_leaves_no_interval() -> None:
    rows = np.array([[0.5, 1.0], [0.0, 0.0]])  # half of the resamples may hold the second row only
    assert interval_of(rows) is None


def test_parallel_documents_widen_the_interval_of_the_average() -> None:
    """If all languages find the same pages hard, more languages add no certainty."""
    values = make_rows(np.random.default_rng(4).random(100))
    names = [f"page-{i}" for i in range(100)]
    codes = ("th", "hi", "zh", "vi")
    one = width_of_average({"th": (names, values)})
    same = width_of_average(dict.fromkeys(codes, (names, values)))
    apart = width_of_average({code: ([code + name for name in names], values) for code in codes})
    assert same == pytest.approx(one)
    assert apart == pytest.approx(one / 2, rel=0.2)


def width_of_average(languages: dict[str, tuple[list[str], np.ndarray]]) -> float:
    totals = document_totals(languages, seed=0).values()
    found = interval(np.mean([METRIC.scores(total) for total in totals], axis=0))
    assert found is not None
    return found.high - found.low


def test_equal_systems_do_not_differ() -> None:
    rows = make_rows(np.random.default_rng(5).random(80))
    found = compare(rows, rows, metric=METRIC)
    assert found is not None
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert (found.p_bootstrap, found.p_randomization, found.n) == (1, 1, 80)


def test_a_clear_difference_is_found_and_signed() -> None:
    generator = np.random.default_rng(6)
    easy = generator.random(100)
    found = compare(
        make_rows(easy), make_rows(easy - 0.1 + 0.05 * generator.random(100)), metric=METRIC
    )
    assert found is not None
    assert found.low < found.difference < found.high
    assert 5 < found.low < found.high < 10
    assert found.p_bootstrap == found.p_randomization == 1 / 1001


def test_pairing_matters() -> None:
    """The same numbers in another order: the difference is the same, its certainty is not."""
    generator = np.random.default_rng(7)
    easy = generator.random(100)
    better = easy + 0.02
    paired = compare(make_rows(better), make_rows(easy), metric=METRIC)
    shuffled = compare(make_rows(generator.permutation(better)), make_rows(easy), metric=METRIC)
    assert paired is not None
    assert shuffled is not None
    assert paired.difference == pytest.approx(shuffled.difference)
    assert paired.p_randomization < 0.01 < 0.2 < shuffled.p_randomization


def test_systems_without_a_difference_rarely_seem_to_have_one() -> None:
    generator = np.random.default_rng(8)
    small = 0
    for _ in range(150):
        found = compare(
            make_rows(generator.random(40)),
            make_rows(generator.random(40)),
            metric=METRIC,
            resamples=200,
        )
        assert found is not None
        small += found.p_randomization < 0.05
    assert small / 150 < 0.11


def test_exchanging_the_systems_turns_the_sign() -> None:
    generator = np.random.default_rng(9)
    first, second = make_rows(generator.random(60)), make_rows(generator.random(60))
    one, other = compare(first, second, metric=METRIC), compare(second, first, metric=METRIC)
    assert one is not None
    assert other is not None
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_randomization == other.p_randomization


def test_different_numbers_of_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="got 3 and 4"):
        compare(make_rows(np.ones(3)), make_rows(np.ones(4)), metric=METRIC)


def test_an_undefined_score_has_no_comparison() -> None:
    nothing = np.zeros((4, 2))
    assert compare(nothing, nothing, metric=METRIC) is None
