"""Tasks: undone they give the text back; T5's own numbers; budgets; the same again for the same seed.

What every unsupervised task must do is tried on each entry of TASKS.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from special_ids import IDS

from xlgen.config import from_json, to_json
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.tasks import TASKS, LabelledTask, Limits, UnsupervisedTask
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.span_corruption import noise_mask, random_segmentation, raw_length
from xlgen.tasks.summarization import tokenize

UNSUPERVISED = {name: TASKS[name] for name in TASKS if issubclass(TASKS[name], UnsupervisedTask)}
# With their own settings these have nothing to draw.
NO_CHANCE = {"lm", "n_token_prefix_prediction", "missing_n_token_prefix_prediction"}
SCRIPTS = ["en", "th", "ar", "hi", "zh", "vi"]
seeds = st.integers(0, 2**32)


def text(length, seed):
    """Return random tokens in the type that shards hold."""
    return np.random.default_rng(seed).integers(3, 1000, length).astype(np.uint16)


texts = st.builds(text, st.integers(2, 600), seeds)  # st.lists would hardly ever be long


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


def test_a_prefix_split_point_is_uniform_from_1_to_the_last():
    rng, tokens = np.random.default_rng(2), np.arange(3, 8)
    pairs = [PrefixLM().make(tokens, IDS, limits=Limits(9, 9), rng=rng) for _ in range(4000)]
    counts = np.bincount([len(pair.input) - 1 for pair in pairs])
    assert counts[0] == 0
    assert len(counts) == 5
    assert abs(counts[1:] - 1000).max() < 130


def make(name, tokens, *, limits, seed=0, tokenizer=IDS):
    """Return what the entry makes of `tokens`, and its undoing."""
    task = UNSUPERVISED[name]()
    pair = task.make(tokens, tokenizer, limits=limits, rng=np.random.default_rng(seed))
    return pair, task.restore(pair, tokenizer)


@pytest.mark.parametrize("name", UNSUPERVISED)
@settings(deadline=None)
@given(tokens=texts, seed=seeds)
def test_a_task_can_be_undone(name, tokens, seed):
    _, restored = make(name, tokens, limits=Limits(700, 700), seed=seed)
    assert restored == tokens.tolist()


@pytest.mark.parametrize("name", UNSUPERVISED)
@settings(deadline=None)
@given(tokens=texts, seed=seeds, inputs=st.integers(8, 256), targets=st.integers(8, 128))
def test_budgets_are_met_and_only_the_end_of_a_text_is_lost(name, tokens, seed, inputs, targets):
    pair, restored = make(name, tokens, limits=Limits(inputs, targets), seed=seed)
    assert (1 if name == "lm" else 2) <= len(pair.input) <= inputs
    assert 2 <= len(pair.target) <= targets
    assert pair.input[-1] == pair.target[-1] == IDS.eos
    assert restored == tokens.tolist()[: len(restored)]
    assert len(restored) >= min(len(tokens), 7)  # what the smaller of the least limits holds


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_tiny_limits_are_kept_or_refused(name):
    tokens, accepted = np.arange(3, 43), []
    for limits in [Limits(i, t) for i in range(6) for t in range(6)]:
        try:
            made = [make(name, tokens, limits=limits, seed=seed) for seed in range(20)]
        except InputError as error:
            assert f"{name} needs limits of at least" in str(error)
            assert f"got {limits.input} and {limits.target}; raise" in str(error)
            continue
        accepted.append(limits)
        for pair, restored in made:
            assert len(pair.input) <= limits.input
            assert 2 <= len(pair.target) <= limits.target  # something to learn
            assert restored == tokens.tolist()[: len(restored)]
    assert Limits(3, 3) in accepted
    assert not any(limits.input < 1 or limits.target < 2 for limits in accepted)


@pytest.mark.parametrize("name", UNSUPERVISED)
@pytest.mark.parametrize("tokens", [[], [5]], ids=["empty", "one token"])
def test_hardly_any_text_gives_closed_sides_and_comes_back(name, tokens):
    for seed in range(20):
        pair, restored = make(name, np.array(tokens, np.uint16), limits=Limits(9, 9), seed=seed)
        assert pair.input[-1] == pair.target[-1] == IDS.eos
        assert restored == tokens


@pytest.mark.parametrize("name", UNSUPERVISED)
@pytest.mark.parametrize("limits", [Limits(5000, 5000), Limits(5000, 50), Limits(50, 5000)])
def test_no_limits_need_more_than_a_hundred_sentinels(name, limits):
    tokens = np.arange(12_000) % 997 + 3
    for seed in range(5):
        pair, _ = make(name, tokens, limits=limits, seed=seed)  # IDS refuses a 101st
        assert len(pair.input) <= limits.input
        assert len(pair.target) <= limits.target


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_the_same_seed_gives_the_same_pair_and_another_seed_another(name):
    tokens, limits = np.arange(3, 203), Limits(256, 256)
    first, again, other = (make(name, tokens, limits=limits, seed=seed)[0] for seed in (5, 5, 6))
    assert first == again
    assert (first == other) == (name in NO_CHANCE)


@pytest.mark.parametrize("name", UNSUPERVISED)
@pytest.mark.parametrize("limits", [Limits(128, 128), Limits(512, 114), Limits(40, 200)], ids=str)
def test_text_beyond_the_raw_length_is_not_used(name, limits):
    raw = UNSUPERVISED[name]().raw_length(limits)
    tokens = np.arange(3, 3 + 2 * raw)
    for seed in range(5):
        exact, restored = make(name, tokens[:raw], limits=limits, seed=seed)
        assert make(name, tokens, limits=limits, seed=seed)[0] == exact
        assert len(restored) <= raw


@pytest.mark.parametrize("name", UNSUPERVISED)
@pytest.mark.parametrize("language", SCRIPTS)
def test_real_text_comes_back(name, language, articles, tokenizer):
    tokens = np.array(tokenizer.encode(articles[language]), np.uint16)
    assert len(tokens) > 700
    for limits in (Limits(1024, 512), Limits(512, 114), Limits(64, 32)):
        for seed in range(3):
            pair, restored = make(name, tokens, limits=limits, seed=seed, tokenizer=tokenizer)
            assert len(pair.input) <= limits.input
            assert len(pair.target) <= limits.target
            assert restored == tokens[: len(restored)].tolist()
            assert len(restored) >= 31
            text = tokenizer.decode(restored)
            assert tokenizer.normalize(articles[language]).startswith(text.rstrip("\ufffd"))


@pytest.mark.parametrize("language", SCRIPTS)
def test_span_corruption_marks_what_it_hides(language, article_1, spiece):
    tokens = np.array(spiece.encode(article_1[language]))
    limits = Limits(512, 512)
    pair, _ = make("span_corruption", tokens, limits=limits, seed=3, tokenizer=spiece)
    assert spiece.sentinel(0) in pair.input
    assert pair.target[0] == spiece.sentinel(0)


@pytest.mark.parametrize("language", SCRIPTS)
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


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_a_task_can_be_stored_and_named_in_a_setting(name):
    task = UNSUPERVISED[name]()
    assert from_json(UnsupervisedTask, to_json(task)) == task
    assert from_json(UnsupervisedTask, {"name": name}) == task


def test_the_seven_unsupervised_tasks_of_the_paper_are_there():
    # Vu et al. 2022, section 3.1, in its order
    assert set(UNSUPERVISED) == {
        "prefix_lm",
        "span_corruption",
        "iid_denoising",
        "lm",
        "missing_prefix_prediction",
        "n_token_prefix_prediction",
        "missing_n_token_prefix_prediction",
    }
