"""Correlation with people: SciPy's coefficients, documents drawn whole, and what has no coefficient."""

import numpy as np
import pytest
from scipy import stats

from xlgen.metrics.correlation import KINDS, coefficients, correlate, subtract

PEERS = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}


def scores(seed=0, n=60):
    """Return numbers with ties, and others that follow them with noise."""
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 12, n).astype(np.float64)
    return x, np.round(x + generator.normal(scale=4, size=n), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_coefficients_are_scipys(kind):
    x, y = scores()
    found = coefficients(x, y, counts_RN=np.ones((1, len(x))), kind=kind)
    assert found[0] == pytest.approx(PEERS[kind](x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_resample_is_as_if_the_drawn_were_written_out(kind):
    """Ranks are those within the resample, not within the whole."""
    x, y = scores()
    counts = np.random.default_rng(1).multinomial(len(x), np.full(len(x), 1 / len(x)), size=5)
    found = coefficients(x, y, counts_RN=counts.astype(np.float64), kind=kind)
    for value, times in zip(found, counts, strict=True):
        expected = PEERS[kind](np.repeat(x, times), np.repeat(y, times)).statistic
        assert value == pytest.approx(expected, abs=1e-12)


def one(x, y, documents=None, *, kind="pearson", seed=0):
    names = [str(n) for n in range(len(x))] if documents is None else documents
    found, mean = correlate({"fr": x}, {"fr": y}, documents={"fr": names}, kind=kind, seed=seed)
    assert (found["fr"].value, found["fr"].low, found["fr"].high) == (
        mean.value,
        mean.low,
        mean.high,
    )
    return found["fr"]


def test_an_interval_has_the_width_of_fishers():
    generator = np.random.default_rng(2)
    x = generator.normal(size=300)
    found = one(x, x + generator.normal(size=300))
    low, high = (np.tanh(np.arctanh(found.value) + side / np.sqrt(297)) for side in (-1.96, 1.96))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_documents_are_drawn_with_all_their_summaries():
    """Each summary four times under one document is no more certain than once."""
    x, y = scores()
    names = [str(n) for n in range(len(x))]
    once = one(x, y, names)
    again = one(np.tile(x, 4), np.tile(y, 4), names * 4)
    assert again.value == pytest.approx(once.value)
    assert (again.low, again.high) == pytest.approx((once.low, once.high))
    apart = one(np.tile(x, 4), np.tile(y, 4))
    assert apart.high - apart.low < 0.7 * (once.high - once.low)


def test_the_seed_decides():
    x, y = scores()
    assert one(x, y, seed=3) == one(x, y, seed=3)
    assert one(x, y, seed=3) != one(x, y, seed=4)


def languages(codes):
    both = {code: scores(seed) for seed, code in enumerate(codes)}
    names = {code: [str(n // 2) for n in range(60)] for code in codes}
    x, y = ({code: pair[side] for code, pair in both.items()} for side in (0, 1))
    return x, y, names


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_is_over_the_languages(kind):
    x, y, names = languages(("de", "en", "zh"))
    found, mean = correlate(x, y, documents=names, kind=kind)
    assert mean.value == pytest.approx(np.mean([cell.value for cell in found.values()]))
    assert mean.n == 3
    widths = [cell.high - cell.low for cell in found.values()]
    assert mean.high - mean.low < min(widths), "three independent samples are surer than one"


def test_a_language_does_not_depend_on_the_others():
    x, y, names = languages(("de", "en", "zh"))
    found, _ = correlate(x, y, documents=names, kind="pearson")
    alone, _ = correlate({"zh": x["zh"]}, {"zh": y["zh"]}, documents=names, kind="pearson")
    assert alone["zh"] == found["zh"]


def test_what_is_constant_has_no_coefficient_and_is_not_in_the_mean():
    x, y, names = languages(("de", "en"))
    x["de"] = np.full(60, 0.1)
    for kind in KINDS:
        found, mean = correlate(x, y, documents=names, kind=kind)
        assert found["de"].value is found["de"].low is found["de"].high is None
        assert (mean.value, mean.n) == (found["en"].value, 1)
        found, mean = correlate(y, x, documents=names, kind=kind)
        assert found["de"].value is None


def test_too_few_summaries_have_no_coefficient():
    for n in (0, 2):
        found, mean = correlate(
            {"th": np.arange(n) * 1.0}, {"th": np.arange(n) * 1.0},
            documents={"th": ["a", "b"][:n]}, kind="pearson",
        )  # fmt: skip
        assert (found["th"].value, found["th"].n, mean.value, mean.n) == (None, n, None, 0)


def test_there_is_no_interval_where_a_resample_has_no_coefficient():
    found = one(np.array([1.0, 1.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0, 3.0]))
    assert found.value == pytest.approx(0.870388)
    assert found.low is found.high is None


def test_the_kind_is_one_of_two():
    x, y = scores()
    with pytest.raises(ValueError, match="pearson, spearman, got 'kendall'"):
        one(x, y, kind="kendall")


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_is_that_of_the_means_and_paired(kind):
    x, y, names = languages(("de", "en", "zh"))
    generator = np.random.default_rng(5)
    noisy = {code: side + generator.normal(scale=0.5, size=60) for code, side in x.items()}
    means = [correlate(side, y, documents=names, kind=kind)[1] for side in (x, noisy)]
    found = subtract(x, noisy, judgements=y, documents=names, kind=kind)
    assert found.value == pytest.approx(means[0].value - means[1].value)
    assert found.n == 3
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 0.5 * (means[0].high - means[0].low)
    turned = subtract(noisy, x, judgements=y, documents=names, kind=kind)
    assert (turned.value, turned.low) == pytest.approx((-found.value, -found.high))


def test_a_difference_is_over_the_languages_that_have_both():
    x, y, names = languages(("de", "en"))
    constant = {"de": np.ones(60), "en": y["en"]}
    found = subtract(x, constant, judgements=y, documents=names, kind="pearson")
    alone = correlate({"en": x["en"]}, y, documents=names, kind="pearson")[1]
    assert (found.value, found.n) == (pytest.approx(alone.value - 1), 1)
    nothing = subtract(
        x, dict.fromkeys(x, np.ones(60)), judgements=y, documents=names, kind="pearson"
    )
    assert (nothing.value, nothing.low, nothing.n) == (None, None, 0)


def test_languages_are_drawn_apart():
    """Two languages that happen to have the same numbers are surer than one, by the root of two."""
    x, y = scores()
    names = [str(n) for n in range(len(x))]
    found, mean = correlate(
        {"de": x, "zh": x}, {"de": y, "zh": y}, documents={"de": names, "zh": names}, kind="pearson"
    )
    widths = [cell.high - cell.low for cell in found.values()]
    assert mean.high - mean.low == pytest.approx(np.mean(widths) / np.sqrt(2), rel=0.15)
