"""Prefix prediction: what is missing adjoins what is left; n tokens are n tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from special_ids import IDS

from xlgen.errors import InputError
from xlgen.generation.lead import lead
from xlgen.tasks import Limits, Pair
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.prefixes import (
    MissingNTokenPrefixPrediction,
    MissingPrefixPrediction,
    NTokenPrefixPrediction,
)

WIDE = Limits(700, 700)
N_TOKEN = [NTokenPrefixPrediction, MissingNTokenPrefixPrediction]


def make(task, tokens, *, limits=WIDE, seed=0):
    return task.make(np.array(tokens), IDS, limits=limits, rng=np.random.default_rng(seed))


@settings(deadline=None)
@given(st.integers(1, 600), st.integers(0, 2**32))
def test_missing_prefix_prediction_is_prefix_lm_the_other_way_round(length, seed):
    tokens = np.arange(length) + 3
    pair = make(MissingPrefixPrediction(), tokens, seed=seed)
    forward = make(PrefixLM(), tokens, seed=seed)
    assert pair == Pair(input=forward.target, target=forward.input)


@pytest.mark.parametrize(("target", "lengths"), [(9, [1, 2, 3, 4]), (4, [1, 2, 3]), (3, [1, 2])])
def test_a_missing_prefix_is_of_any_length_that_the_target_holds(target, lengths):
    tokens = [5, 6, 7, 8, 9]
    drawn = []
    for seed in range(2000):
        pair = make(MissingPrefixPrediction(), tokens, limits=Limits(9, target), seed=seed)
        assert [*pair.target[:-1], *pair.input[:-1]] == tokens  # no token is lost between the two
        drawn.append(len(pair.target) - 1)
    found, counts = np.unique(drawn, return_counts=True)
    assert found.tolist() == lengths
    assert abs(counts / 2000 - 1 / len(lengths)).max() < 0.05


def test_n_tokens_are_n_tokens():
    tokens = list(range(3, 203))
    copied = make(NTokenPrefixPrediction(), tokens)
    assert copied == Pair(input=(*tokens, 1), target=(*tokens[:64], 1))
    missing = make(MissingNTokenPrefixPrediction(), tokens)
    assert missing == Pair(input=(*tokens[64:], 1), target=(*tokens[:64], 1))
    assert make(NTokenPrefixPrediction(3, 3), tokens).target == (3, 4, 5, 1)
    assert make(MissingNTokenPrefixPrediction(3, 3), tokens).input == (*tokens[3:], 1)


@pytest.mark.parametrize("language", ["en", "th", "ar", "hi", "zh", "vi"])
def test_the_copied_prefix_is_what_lead_64_answers(language, articles, tokenizer):
    text = articles[language]
    pair = NTokenPrefixPrediction().make(
        np.array(tokenizer.encode(text)), tokenizer, limits=WIDE, rng=np.random.default_rng(0)
    )
    assert len(pair.target) == 65
    assert tokenizer.decode(pair.target) == lead(text, tokenizer, length=64)


@pytest.mark.parametrize("kind", N_TOKEN)
def test_n_is_uniform_between_its_bounds(kind):
    drawn = [
        len(make(kind(least=3, most=6), range(3, 53), seed=seed).target) - 1 for seed in range(2000)
    ]
    found, counts = np.unique(drawn, return_counts=True)
    assert found.tolist() == [3, 4, 5, 6]
    assert abs(counts / 2000 - 0.25).max() < 0.05


@pytest.mark.parametrize("kind", N_TOKEN)
@pytest.mark.parametrize("length", [2, 63, 64, 65])
def test_of_a_short_text_all_is_copied_but_never_all_is_missing(kind, length):
    tokens = list(range(3, 3 + length))
    pair = make(kind(), tokens)
    if kind is NTokenPrefixPrediction:
        assert pair == Pair(input=(*tokens, 1), target=(*tokens[:64], 1))
    else:
        n = min(64, length - 1)
        assert pair == Pair(input=(*tokens[n:], 1), target=(*tokens[:n], 1))


@pytest.mark.parametrize("kind", N_TOKEN)
def test_a_small_target_shortens_the_prefix_from_its_end(kind):
    tokens = list(range(3, 43))
    pair = make(kind(), tokens, limits=Limits(100, 11))
    assert pair.target == (*tokens[:10], 1)
    left = tokens if kind is NTokenPrefixPrediction else tokens[10:]
    assert pair.input == (*left, 1)


@pytest.mark.parametrize("kind", N_TOKEN)
@pytest.mark.parametrize("limits", [Limits(512, 114), Limits(128, 32), Limits(30, 512)], ids=str)
def test_the_raw_length_fills_the_input(kind, limits):
    raw = kind().raw_length(limits)
    pair = make(kind(), np.arange(raw) + 3, limits=limits)
    assert len(pair.input) == limits.input
    assert len(pair.target) == min(64 + 1, limits.target, raw + 1)


@pytest.mark.parametrize("kind", N_TOKEN)
@pytest.mark.parametrize(("least", "most"), [(0, 5), (6, 5), (-1, -1)])
def test_bounds_of_n_that_leave_no_n_are_refused(kind, least, most):
    with pytest.raises(InputError, match=rf"1 <= least <= most, got {least} and {most}"):
        kind(least=least, most=most)
