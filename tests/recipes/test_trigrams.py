"""Kneser-Ney trigrams against a plain transcription of the formulas, and as a distribution."""

from collections import Counter

import numpy as np
import pytest

from xlgen.recipes.trigrams import Trigrams

VOCABULARY = 60
TEXT = np.random.default_rng(0).zipf(1.6, 400) % VOCABULARY


def published(text: list[int], first: int, second: int, token: int) -> float:
    """Chen and Goodman 1999, section 3.7 with one discount an order, by dictionaries."""

    def discount(counts):
        sizes = Counter(counts)
        return sizes[1] / (sizes[1] + 2 * sizes[2])

    three = Counter(zip(text, text[1:], text[2:], strict=False))
    two = Counter(trigram[1:] for trigram in three)
    one = Counter(bigram[1] for bigram in two)
    d1, d2, d3 = (discount(order.values()) for order in (one, two, three))
    p = (max(one[token] - d1, 0) + d1 * len(one) / VOCABULARY) / sum(one.values())
    for order, context, d in ((two, (second,), d2), (three, (first, second), d3)):
        following = Counter()
        for gram, count in order.items():
            if gram[:-1] == context:
                following[gram[-1]] += count
        if following:
            total = sum(following.values())
            p = (max(following[token] - d, 0) + d * len(following) * p) / total
    return p


def test_probabilities_follow_the_published_formulas():
    model = Trigrams(TEXT, vocabulary=VOCABULARY)
    order = np.random.default_rng(1)
    context, token = order.integers(0, VOCABULARY, (200, 2)), order.integers(0, VOCABULARY, 200)
    wanted = zip(context.tolist(), token.tolist(), strict=True)
    expected = [published(TEXT.tolist(), *pair, t) for pair, t in wanted]
    assert model.probabilities(context, token) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 400])
def test_every_context_has_a_distribution(length):
    model = Trigrams(TEXT[:length], vocabulary=VOCABULARY)
    for context in ([0, 0], [1, 2], [51, 40]):
        p = model.probabilities(np.array([context] * VOCABULARY), np.arange(VOCABULARY))
        assert p.sum() == pytest.approx(1.0)
        assert (p > 0).all()


def test_what_was_seen_is_likelier():
    model = Trigrams(np.array([5, 6, 7] * 50), vocabulary=VOCABULARY)
    p = model.probabilities(np.array([[5, 6]] * VOCABULARY), np.arange(VOCABULARY))
    assert p.argmax() == 7 and p[7] > 0.9


def test_ids_as_large_as_mt5s_do_not_collide():
    text = np.array([250_000, 250_099, 7, 250_000, 250_099, 7, 65_536, 1])
    p = Trigrams(text, vocabulary=250_112).probabilities(
        np.array([[250_000, 250_099], [250_000 - 2**16, 250_099]]), np.array([7, 7])
    )
    assert p[0] > 0.4
    assert p[1] < p[0]
    with pytest.raises(ValueError, match="at most 21 bits"):
        Trigrams(text, vocabulary=2**21 + 1)
