"""The baseline of a language model: interpolated Kneser-Ney trigrams.

Kneser and Ney 1995; Chen and Goodman 1999. Over token ids, one absolute discount an order,
D = n1 / (n1 + 2 n2), 0.5 where nothing occurs once; the unigram is interpolated with the uniform
distribution, so every token has a probability.
"""

from dataclasses import dataclass

import numpy as np

BITS = 21  # token ids are packed three to an integer of 64 bits


@dataclass(frozen=True)
class _Order:
    """Counts of n-grams by key (sorted), and of their contexts: the sum of counts, how many kinds."""

    keys: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray
    discount: float

    def mix(self, keys: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Return p [N] of the last token of each key; `lower` is p in the shorter context."""
        count = _find(self.keys, self.counts, keys)
        contexts = keys >> BITS
        total = _find(self.contexts, self.totals, contexts)
        kinds = _find(self.contexts, self.kinds, contexts)
        known = np.maximum(total, 1)
        mixed = (np.maximum(count - self.discount, 0) + self.discount * kinds * lower) / known
        return np.where(total > 0, mixed, lower)


class Trigrams:
    """A model of one language's running text; tokens [N] of ids below 2 ** 21."""

    def __init__(self, tokens: np.ndarray, *, vocabulary: int) -> None:
        if vocabulary > 2**BITS:
            raise ValueError(
                f"expected ids of at most {BITS} bits, got a vocabulary of {vocabulary:,}"
            )
        ids = np.asarray(tokens, np.int64)
        triples = (ids[:-2] << 2 * BITS) | (ids[1:-1] << BITS) | ids[2:]
        keys, counts = np.unique(triples, return_counts=True)
        self._three = _order(keys, counts)
        # below the highest order, an n-gram counts once for each token that stands before it
        keys, counts = np.unique(keys & (1 << 2 * BITS) - 1, return_counts=True)
        self._two = _order(keys, counts)
        before = np.bincount(keys & (1 << BITS) - 1, minlength=vocabulary).astype(np.float64)
        discount = _discount(before[before > 0])
        spread = discount * np.count_nonzero(before) / vocabulary
        self._one = np.full(vocabulary, 1 / vocabulary)
        if before.any():
            self._one = (np.maximum(before - discount, 0) + spread) / before.sum()

    def probabilities(self, context: np.ndarray, token: np.ndarray) -> np.ndarray:
        """Return p [N] of each token [N] after its two tokens of context [N, 2]."""
        first, second = np.asarray(context, np.int64).T
        token = np.asarray(token, np.int64)
        pair = (second << BITS) | token
        in_two = self._two.mix(pair, self._one[token])
        return self._three.mix((first << 2 * BITS) | pair, in_two)


def _order(keys: np.ndarray, counts: np.ndarray) -> _Order:
    contexts, start, kinds = np.unique(keys >> BITS, return_index=True, return_counts=True)
    totals = np.add.reduceat(counts, start) if len(counts) else counts
    return _Order(keys, counts, contexts, totals, kinds, _discount(counts))


def _discount(counts: np.ndarray) -> float:
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    return once / (once + 2 * twice) if once else 0.5


def _find(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the value of each wanted key, 0 where it is missing; `keys` are sorted."""
    if not len(keys):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
