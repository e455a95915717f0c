"""Data order as a pure function of (seed, mixture, global example number).

The state of a run's data is one integer, on any number of workers. Randomness is counter-based
(Philox) and used raw: only there does NumPy promise the same bits from version to version.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from xlgen.errors import InputError

# Draws in which every part has its exact share. Ours: 1 in 10,000 is the smallest rate kept.
BLOCK = 10_000
_PERMUTATION, _BLOCK_ORDER = 0, 1  # what a random stream is for: the last word of its counter


class Location(NamedTuple):
    """Where one draw comes from: which part, which of its examples, in which pass over the part."""

    part: int
    position: int
    epoch: int


@dataclass(frozen=True)
class Locations:
    """The same for many draws: three arrays `[N]` of int64."""

    part: np.ndarray
    position: np.ndarray
    epoch: np.ndarray


@dataclass(frozen=True)
class Mixture:
    """Parts of `parts[k]` examples each, drawn at `rates` (any positive scale), for ever.

    Every block of 10,000 draws holds each part exactly in proportion (largest remainder), spread
    evenly. A part is drawn without replacement, in a fresh permutation for each epoch.

    >>> mixture = Mixture((3, 2), (3, 1), seed=7)
    >>> [mixture.locate(i).part for i in range(8)].count(0)
    6
    """

    parts: Sequence[int]
    rates: Sequence[float]
    seed: int
    # The last permutation of each part: speed only, never part of the answer.
    _last_orders: dict[int, tuple[int, np.ndarray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(int(size) for size in self.parts))
        object.__setattr__(self, "rates", tuple(float(rate) for rate in self.rates))
        _check(self.parts, self.rates, self.seed)
        for part, rate in enumerate(self.rates):
            if rate > 0 and self.counts[part] == 0:
                share = rate / sum(self.rates)
                raise InputError(
                    f"part {part} has a rate of {share:.2g}, below one in {BLOCK:,};"
                    " raise its rate or leave it out"
                )

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How often each part comes in one block of 10,000 draws."""
        return tuple(largest_remainder(self.rates, BLOCK))

    def locate(self, number: int) -> Location:
        """Return where global example `number` (from 0) comes from, in whatever order it is asked."""
        if number < 0:
            raise ValueError(f"expected a number from 0, got {number}")
        block, place = divmod(number, BLOCK)
        part, rank = map(int, _block(self.seed, self.counts, block)[:, place])
        epoch, index = divmod(block * self.counts[part] + rank, self.parts[part])
        return Location(part, int(self._permutation(part, epoch)[index]), epoch)

    def locate_many(self, start: int, count: int) -> Locations:
        """Return `locate` of the `count` numbers from `start`, as arrays `[count]`."""
        if start < 0 or count < 0:
            raise ValueError(f"expected numbers from 0, got start {start} and count {count}")
        counts = np.array(self.counts)
        pieces = [np.empty((2, 0), np.int64)]
        for block in range(start // BLOCK, -(-(start + count) // BLOCK)):
            part, rank = _block(self.seed, self.counts, block)
            pieces.append(np.stack([part, block * counts[part] + rank]))
        first = start % BLOCK
        part, draw = np.concatenate(pieces, axis=1)[:, first : first + count]
        epoch, index = np.divmod(draw, np.array(self.parts)[part])
        return Locations(part, self._positions(part, epoch, index), epoch)

    def _positions(self, part: np.ndarray, epoch: np.ndarray, index: np.ndarray) -> np.ndarray:
        position = np.zeros_like(index)
        for k in np.unique(part):
            (of_part,) = np.nonzero(part == k)
            # Within a part epochs only rise, so each of them is one run of draws.
            new_epoch = np.flatnonzero(np.diff(epoch[of_part])) + 1
            for draws in np.split(of_part, new_epoch):
                order = self._permutation(int(k), int(epoch[draws[0]]))
                position[draws] = order[index[draws]]
        return position

    def _permutation(self, part: int, epoch: int) -> np.ndarray:
        """Return the order of `part` in `epoch`, a permutation `[parts[part]]`."""
        last_epoch, order = self._last_orders.get(part, (-1, np.empty(0, np.int32)))
        if last_epoch != epoch:
            order = _permutation(self.seed, (epoch, part, _PERMUTATION), self.parts[part])
            self._last_orders[part] = (epoch, order)
        return order


def _permutation(seed: int, stream: tuple[int, int, int], size: int) -> np.ndarray:
    """Return a random permutation `[size]` of int32: sort random words that end in their index.

    10^7 examples take about a second and 80 MB while sorting; equal high bits keep file order.
    """
    bits = np.uint64(size.bit_length())
    keys = _random_words(seed, stream, size) >> bits << bits
    keys |= np.arange(size, dtype=np.uint64)
    keys.sort()
    keys &= (np.uint64(1) << bits) - np.uint64(1)
    return keys.astype(np.int32)


@lru_cache(maxsize=16)
def _block(seed: int, counts: tuple[int, ...], block: int) -> np.ndarray:
    """Return part and rank within the part for each draw of a block, `[2, BLOCK]`.

    The k-th of a part's n draws falls at random into the k-th n-th of the block: so a run of a few
    hundred draws is in proportion, too, to within about one draw a part.
    """
    part = np.repeat(np.arange(len(counts)), counts)
    rank = np.concatenate([np.arange(count) for count in counts])
    words = _random_words(seed, (block, 0, _BLOCK_ORDER), BLOCK)
    place = (rank + (words >> np.uint64(11)) * 2.0**-53) / np.array(counts)[part]
    order = np.argsort(place, kind="stable")
    return np.stack([part[order], rank[order]])


def largest_remainder(rates: Sequence[float], total: int) -> list[int]:
    """Split `total` in proportion to `rates` into whole numbers, the largest remainders rounded up.

    >>> largest_remainder([0.5, 0.3, 0.2], 7)
    [4, 2, 1]
    """
    scale = total / math.fsum(rates)
    shares = [rate * scale for rate in rates]
    counts = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(rates)), key=lambda k: (counts[k] - shares[k], k))
    for k in by_remainder[: total - sum(counts)]:
        counts[k] += 1
    return counts


def temperature_rates(sizes: Sequence[int], alpha: float) -> tuple[float, ...]:
    """Return rates in proportion to size ** alpha: 1 as found, 0 all alike, 0.3 as in mT5.

    >>> temperature_rates([100, 1], 0.5)
    (0.9090909090909091, 0.09090909090909091)
    """
    if not 0 <= alpha <= 1 or not sizes or min(sizes) < 1:
        raise InputError(f"expected sizes above 0 and alpha in 0..1, got {list(sizes)} and {alpha}")
    weights = [float(size) ** alpha for size in sizes]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def _random_words(seed: int, stream: tuple[int, int, int], count: int) -> np.ndarray:
    """Return `count` random 64-bit words of one stream; the lowest counter word counts within it."""
    generator = np.random.Philox(
        key=np.array([seed, 0], np.uint64), counter=np.array([0, *stream], np.uint64)
    )
    return generator.random_raw(count)


def _check(parts: Sequence[int], rates: Sequence[float], seed: int) -> None:
    if not parts or len(parts) != len(rates):
        raise InputError(
            f"expected one rate for each part, got {len(parts)} parts, {len(rates)} rates"
        )
    if min(parts) < 1:
        raise InputError(
            f"part {list(parts).index(min(parts))} of the mixture is empty; leave it out"
        )
    if not all(math.isfinite(rate) and rate >= 0 for rate in rates) or sum(rates) <= 0:
        raise InputError(f"expected rates of 0 or more, at least one above 0, got {list(rates)}")
    if not 0 <= seed < 2**64:
        raise InputError(f"expected a seed in 0..2**64-1, got {seed}")
