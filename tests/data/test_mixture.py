import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgen.data.mixture import BLOCK, Mixture, largest_remainder, temperature_rates
from xlgen.errors import InputError

THREE = Mixture((97, 10, 1), (0.79, 0.2, 0.01), seed=3)


def stream(mixture, numbers):
    return [tuple(mixture.locate(number)) for number in numbers]


def test_order_is_the_same_on_every_machine_and_version():
    """Golden: a change here changes every run that continues from an older checkpoint."""
    assert stream(Mixture((3, 2), (3, 1), seed=7), range(12)) == [
        (0, 1, 0), (0, 2, 0), (0, 0, 0), (1, 0, 0), (0, 2, 1), (1, 1, 0),
        (0, 1, 1), (0, 0, 1), (1, 0, 1), (0, 1, 2), (0, 2, 2), (0, 0, 2),
    ]  # fmt: skip


def test_proportions_are_exact_in_every_block_and_near_within():
    found = THREE.locate_many(0, 100_000)
    for start in range(0, 100_000, BLOCK):
        counts = np.bincount(found.part[start : start + BLOCK])
        assert counts.tolist() == [7900, 2000, 100]
    for start in range(0, 100_000, 500):
        counts = np.bincount(found.part[start : start + 500], minlength=3)
        assert np.abs(counts - [395, 100, 5]).max() <= 2


@pytest.mark.parametrize("size", [1, 2, 3, 97, 1000])
def test_every_epoch_is_a_fresh_permutation(size):
    mixture = Mixture((size, 5), (0.6, 0.4), seed=11)
    found = mixture.locate_many(0, 20_000)
    mine = found.part == 0
    epochs = found.epoch[mine], found.position[mine]
    orders = set()
    for epoch in range(12_000 // size):
        order = epochs[1][epochs[0] == epoch]
        assert sorted(order.tolist()) == list(range(size))
        orders.add(tuple(order.tolist()))
    assert len(orders) > min(0.9 * math.factorial(min(size, 9)), 0.99 * (12_000 // size)) - 1


def test_permutations_are_uniform():
    """All 24 orders of four examples come equally often: chi-square on 23 degrees of freedom."""
    found = Mixture((4,), (1,), seed=5).locate_many(0, 48_000)
    orders = found.position.reshape(-1, 4) @ np.array([64, 16, 4, 1])
    _, counts = np.unique(orders, return_counts=True)
    assert len(counts) == 24
    assert ((counts - 500) ** 2 / 500).sum() < 49.7  # p = 0.001


def test_blocks_differ():
    parts = THREE.locate_many(0, 5 * BLOCK).part.reshape(5, BLOCK)
    for one, two in itertools.combinations(parts, 2):
        assert 0.2 < (one != two).mean() < 0.5


def test_seeds_parts_and_epochs_differ():
    first = Mixture((1000, 1000), (1, 1), seed=0).locate_many(0, 4000)
    other = Mixture((1000, 1000), (1, 1), seed=1).locate_many(0, 4000)
    assert not np.array_equal(first.part, other.part)
    positions = [
        first.position[(first.part == k) & (first.epoch == e)] for k in (0, 1) for e in (0, 1)
    ]
    for one, two in itertools.combinations(positions, 2):
        assert (one == two).mean() < 0.01


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=5),
    st.integers(0, 2**64 - 1),
    st.integers(0, 30_000),
    st.integers(0, 40),
)
def test_one_by_one_and_many_agree_in_any_order(parts, seed, start, count):
    sizes, rates = zip(*parts)
    mixture = Mixture(sizes, rates, seed)
    found = mixture.locate_many(start, count)
    together = list(zip(found.part.tolist(), found.position.tolist(), found.epoch.tolist()))
    numbers = list(range(start, start + count))
    random.Random(0).shuffle(numbers)
    alone = {number: tuple(Mixture(sizes, rates, seed).locate(number)) for number in numbers[:5]}
    shuffled = {number: tuple(mixture.locate(number)) for number in numbers}
    assert [shuffled[number] for number in range(start, start + count)] == together
    assert all(shuffled[number] == alone[number] for number in alone)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_workers_and_batches_never_change_the_order(seed):
    """12 layouts x 3 seeds x 200 points to resume from give one stream."""
    mixture = Mixture((97, 10, 1), (0.79, 0.2, 0.01), seed)
    whole = stream(mixture, range(1100))
    for workers, batch in itertools.product((1, 2, 3, 4), (1, 8, 12)):
        for resumed_at in range(0, 1000, 5):
            shares = []
            for worker in range(workers):
                share = (
                    Mixture(mixture.parts, mixture.rates, seed)
                    if resumed_at % 250 == 0
                    else mixture
                )
                shares.append(
                    stream(share, range(resumed_at + worker, resumed_at + batch, workers))
                )
            merged = [shares[number % workers][number // workers] for number in range(batch)]
            assert merged == whole[resumed_at : resumed_at + batch]


def test_a_part_of_ten_million():
    mixture = Mixture((10_000_000,), (1,), seed=1)
    found = mixture.locate_many(123_456, 50_000)
    assert len(np.unique(found.position)) == 50_000
    assert 0.49 < found.position.mean() / 10_000_000 < 0.51
    assert found.position[7] == mixture.locate(123_463).position


def test_zero_rates_and_scale():
    assert set(Mixture((5, 5), (1, 0), seed=0).locate_many(0, 1000).part) == {0}
    scaled = Mixture((97, 10, 1), (79, 20, 1), seed=3)
    assert stream(scaled, range(100)) == stream(THREE, range(100))
    assert Mixture((97, 10, 1), (0.79, 0.2, 0.01), seed=3) == THREE


@pytest.mark.parametrize(
    "parts, rates, seed, message",
    [
        ((), (), 0, "one rate for each part, got 0 parts"),
        ((1, 2), (1,), 0, "got 2 parts, 1 rates"),
        ((1, 0), (1, 1), 0, "part 1 of the mixture is empty"),
        ((1, 1), (1, -1), 0, "rates of 0 or more"),
        ((1, 1), (0, 0), 0, "at least one above 0"),
        ((1,), (math.nan,), 0, "rates of 0 or more"),
        ((1,), (1,), -1, "seed in 0"),
        ((1,), (1,), 2**64, "seed in 0"),
        ((9, 9), (1, 1e-5), 0, "part 1 has a rate of 1e-05, below one in 10,000"),
    ],
)
def test_wrong_mixtures_are_refused(parts, rates, seed, message):
    with pytest.raises(InputError, match=message):
        Mixture(parts, rates, seed)


def test_numbers_start_at_zero():
    for call in (lambda: THREE.locate(-1), lambda: THREE.locate_many(-1, 2)):
        with pytest.raises(ValueError, match="from 0"):
            call()


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=20).filter(lambda rates: sum(rates) > 1e-3),
    st.integers(1, 20_000),
)
def test_largest_remainder_is_exact_and_within_one(rates, total):
    counts = largest_remainder(rates, total)
    assert sum(counts) == total
    for count, rate in zip(counts, rates):
        assert abs(count - rate / math.fsum(rates) * total) < 1 + 1e-6


@pytest.mark.parametrize(
    "sizes, alpha, expected",
    [
        ([30, 10], 1, (0.75, 0.25)),
        ([30, 10], 0, (0.5, 0.5)),
        ([1024, 1], 0.3, (8 / 9, 1 / 9)),  # mT5's alpha: 1024 ** 0.3 = 8
    ],
)
def test_temperature_rates(sizes, alpha, expected):
    assert temperature_rates(sizes, alpha) == pytest.approx(expected)


@pytest.mark.parametrize("sizes, alpha", [([], 0.3), ([1, 0], 0.3), ([1], -1), ([1], math.nan)])
def test_wrong_temperatures_are_refused(sizes, alpha):
    with pytest.raises(InputError, match="expected sizes above 0 and alpha"):
        temperature_rates(sizes, alpha)
