"""Tasks: undone they give the text back; T5's own numbers; budgets; the same again for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.tasks import TASKS, LabelledTask, Limits, UnsupervisedTask, prefix_lm, span_corruption
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.span_corruption import SpanCorruption, noise_mask, random_segmentation, raw_length
from xlgen.tasks.summarization import tokenize


class SpecialIds:
    """The ids that tasks ask a tokenizer for; text is below 1000, sentinels descend from 1099."""

    eos = 1

    def sentinel(self, k: int) -> int:
        assert 0 <= k < 100
        return 1099 - k


IDS = SpecialIds()
UNSUPERVISED = {name: TASKS[name] for name in TASKS if issubclass(TASKS[name], UnsupervisedTask)}
texts = st.lists(st.integers(3, 999), min_size=2, max_size=600).map(np.array)
seeds = st.integers(0, 2**32)


@pytest.mark.parametrize(("inputs", "expected"), [(512, (568, 114)), (1024, (1137, 229))])
def test_raw_lengths_are_those_of_t5(inputs, expected):
    # what T5's random_spans_helper returns
    assert raw_length(inputs) == expected


def test_a_single_span_masks_the_tail():
    # T5's random_spans_noise_mask starts with text, so that 20 tokens hide their last 3
    mask = noise_mask(20, rng=np.random.default_rng(0))
    assert mask.tolist() == [False] * 17 + [True] * 3


@given(st.integers(2, 1200), seeds)
def test_a_mask_has_t5s_counts_and_begins_with_text(length, seed):
    mask = noise_mask(length, rng=np.random.default_rng(seed))
    noise = min(max(round(length * 0.15), 1), length - 1)
    assert mask.sum() == noise
    assert not mask[0]
    assert mask[-1]
    starts = mask[1:] & ~mask[:-1]
    assert starts.sum() == max(1, round(noise / 3))


@given(st.integers(1, 60), st.data())
def test_a_segmentation_adds_up_and_has_no_empty_part(items, data):
    segments = data.draw(st.integers(1, items))
    lengths = random_segmentation(items, segments, rng=np.random.default_rng(items))
    assert len(lengths) == segments
    assert lengths.sum() == items
    assert lengths.min() >= 1


def test_every_segmentation_is_equally_likely():
    rng = np.random.default_rng(1)
    drawn = [tuple(random_segmentation(5, 3, rng=rng)) for _ in range(6000)]
    counts = np.array([drawn.count(cut) for cut in set(drawn)])
    assert len(counts) == 6  # 4 choose 2
    assert abs(counts - 1000).max() < 150


@given(texts, seeds)
def test_span_corruption_can_be_undone(tokens, seed):
    limits = Limits(600, 600)
    pair = SpanCorruption().make(tokens, IDS, limits=limits, rng=np.random.default_rng(seed))
    assert span_corruption.restore(pair, IDS) == tokens.tolist()


@given(texts, seeds)
def test_a_prefix_split_can_be_undone(tokens, seed):
    pair = PrefixLM().make(tokens, IDS, limits=Limits(700, 700), rng=np.random.default_rng(seed))
    assert prefix_lm.restore(pair) == tokens.tolist()
    assert len(pair.input) >= 2
    assert len(pair.target) >= 2


def test_a_prefix_split_point_is_uniform_from_1_to_the_last():
    rng, tokens = np.random.default_rng(2), np.arange(3, 8)
    pairs = [PrefixLM().make(tokens, IDS, limits=Limits(9, 9), rng=rng) for _ in range(4000)]
    counts = np.bincount([len(pair.input) - 1 for pair in pairs])
    assert counts[0] == 0
    assert len(counts) == 5
    assert abs(counts[1:] - 1000).max() < 130


@pytest.mark.parametrize("name", UNSUPERVISED)
@given(tokens=texts, seed=seeds, inputs=st.integers(8, 256), targets=st.integers(8, 128))
def test_budgets_are_met(name, tokens, seed, inputs, targets):
    limits = Limits(inputs, targets)
    pair = UNSUPERVISED[name]().make(tokens, IDS, limits=limits, rng=np.random.default_rng(seed))
    assert 2 <= len(pair.input) <= inputs
    assert 2 <= len(pair.target) <= targets
    assert pair.input[-1] == pair.target[-1] == IDS.eos


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_the_same_seed_gives_the_same_pair_and_another_seed_another(name):
    tokens, limits = np.arange(3, 203), Limits(256, 256)
    first, again, other = (
        UNSUPERVISED[name]().make(tokens, IDS, limits=limits, rng=np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_the_raw_length_fills_the_input(name):
    limits = Limits(128, 128)
    tokens = np.arange(3, 3 + UNSUPERVISED[name]().raw_length(limits))
    pair = UNSUPERVISED[name]().make(tokens, IDS, limits=limits, rng=np.random.default_rng(0))
    assert len(pair.input) <= 128
    assert len(pair.target) <= 128


def test_limits_too_small_for_a_span_are_refused():
    with pytest.raises(InputError, match="at least 3"):
        SpanCorruption().raw_length(Limits(2, 2))


@pytest.mark.parametrize("language", ["en", "th", "ar", "hi", "zh", "vi"])
def test_real_text_survives_corruption(language, article_1, spiece):
    tokens = np.array(spiece.encode(article_1[language]))
    pair = SpanCorruption().make(
        tokens, spiece, limits=Limits(512, 512), rng=np.random.default_rng(3)
    )
    restored = span_corruption.restore(pair, spiece)
    assert spiece.decode(restored) == spiece.decode(tokens.tolist())
    assert spiece.sentinel(0) in pair.input
    assert pair.target[0] == spiece.sentinel(0)


@pytest.mark.parametrize("language", ["en", "th", "ar", "hi", "zh", "vi"])
def test_summarization_encodes_without_a_prefix(language, article_1, spiece):
    text = article_1[language]
    example = Example("7", language, text, text[:20])
    tokenized = tokenize(example, spiece)
    assert tokenized.input == (*spiece.encode(text), spiece.eos)
    assert tokenized.target == (*spiece.encode(text[:20]), spiece.eos)
    assert (tokenized.id, tokenized.language, tokenized.task) == ("7", language, "summarization")


def test_summarization_clips_with_eos_inside_the_limit(article_1, spiece):
    example = Example("1", "th", article_1["th"] * 9, article_1["th"] * 9)
    tokenized = tokenize(example, spiece, limits=Limits(input=12, target=5))
    assert len(tokenized.input) == 12
    assert len(tokenized.target) == 5
    assert tokenized.input[-1] == tokenized.target[-1] == spiece.eos


def test_empty_text_is_eos_alone(spiece):
    tokenized = tokenize(Example("1", "en", "", ""), spiece)
    assert tokenized.input == tokenized.target == (spiece.eos,)


def test_every_entry_is_one_of_the_two_kinds_and_knows_its_name():
    for name in TASKS:
        assert issubclass(TASKS[name], LabelledTask | UnsupervisedTask)
        assert TASKS[name]().name == name
