"""Padding and masks; batches that depend on the step alone."""

import random
from dataclasses import dataclass

import pytest
import torch

from xlgen.data.batches import BucketedStream, Prefetch, batches_by_length, collate
from xlgen.data.examples import TokenizedExample
from xlgen.data.mixture import Mixture
from xlgen.errors import InputError


@dataclass(frozen=True)
class Settings:
    batch_size: int = 4
    micro_batch: int | None = None
    window: int = 5
    seed: int = 0


def make_examples(count, *, seed=0):
    generator = random.Random(seed)
    return [
        TokenizedExample(
            id=f"doc-{number}",
            language=generator.choice(["en", "th", "ar", "hi", "zh", "vi"]),
            task="summarization",
            input=(*generator.choices(range(3, 500), k=generator.randrange(60)), 1),
            target=(*generator.choices(range(3, 500), k=generator.randrange(9)), 1),
        )
        for number in range(count)
    ]


EXAMPLES = make_examples(61)


def make_stream(**settings):
    order = Mixture((len(EXAMPLES),), rates=(1.0,), seed=3)
    return BucketedStream(
        order, lambda part, position, epoch: EXAMPLES[position], Settings(**settings)
    )


def ids(batches):
    return [batch.ids for batch in batches]


def all_ids(batches):
    return [id for batch in batches for id in batch.ids]


def test_masks_follow_lengths_and_padding_is_zero():
    batch = collate(EXAMPLES[:5])
    for row, example in enumerate(EXAMPLES[:5]):
        length = len(example.input)
        assert batch.input_BL[row, :length].tolist() == list(example.input)
        assert not batch.input_BL[row, length:].any()
        assert int(batch.input_mask_BL[row].sum()) == length
        assert batch.target_BT[row][batch.target_mask_BT[row]].tolist() == list(example.target)
    assert batch.input_BL.dtype == torch.int64
    assert batch.languages == [example.language for example in EXAMPLES[:5]]
    assert batch.target_tokens == sum(len(example.target) for example in EXAMPLES[:5])


def test_a_zero_inside_a_text_is_content():
    batch = collate([TokenizedExample("a", "th", "t", (5, 0, 1), (0, 1))])
    assert batch.input_mask_BL.all()
    assert batch.target_mask_BT.all()


def test_an_example_without_tokens_is_named():
    with pytest.raises(InputError, match="'doc' has no target tokens"):
        collate([TokenizedExample("doc", "th", "t", (5, 1), ())])
    with pytest.raises(InputError, match="'doc' has no input tokens"):
        collate([TokenizedExample("doc", "th", "t", (), (1,))])


def test_a_finite_set_is_cut_into_like_lengths_and_nothing_is_lost():
    batches = list(batches_by_length(EXAMPLES, batch_size=8))
    assert sorted(all_ids(batches)) == sorted(example.id for example in EXAMPLES)
    widths = [batch.input_BL.shape[1] for batch in batches]
    assert widths == sorted(widths, reverse=True)


def test_a_batch_depends_on_its_step_alone():
    in_order = [ids(make_stream().batch(step)) for step in range(40)]
    stream = make_stream()
    steps = list(range(40))
    random.Random(1).shuffle(steps)
    for step in steps:
        assert ids(stream.batch(step)) == in_order[step]


def test_micro_batches_only_cut_a_batch():
    whole, cut = make_stream(batch_size=6), make_stream(batch_size=6, micro_batch=4)
    for step in range(12):
        (one,), parts = whole.batch(step), cut.batch(step)
        assert [len(part) for part in parts] == [4, 2]
        assert all_ids(parts) == one.ids


def test_each_window_holds_just_the_examples_of_its_place_in_the_order():
    settings = Settings()
    size = settings.batch_size * settings.window
    order, stream = Mixture((len(EXAMPLES),), (1.0,), 3), make_stream()
    for window in range(6):
        seen = [
            id
            for step in range(window * settings.window, (window + 1) * settings.window)
            for batch in stream.batch(step)
            for id in batch.ids
        ]
        places = range(window * size, (window + 1) * size)
        assert sorted(seen) == sorted(EXAMPLES[order.locate(i).position].id for i in places)


def test_bucketing_removes_most_padding_and_seeds_change_the_order():
    def padding(stream):
        batches = [batch for step in range(30) for batch in stream.batch(step)]
        cells = sum(batch.input_BL.numel() for batch in batches)
        return cells / sum(int(batch.input_mask_BL.sum()) for batch in batches)

    assert padding(make_stream(window=1)) > 1.5
    assert padding(make_stream(window=15)) < 1.15
    first, other = ([ids(make_stream(seed=s).batch(k)) for k in range(5)] for s in (0, 1))
    assert first != other
    assert sorted(map(str, first)) == sorted(map(str, other))  # the same batches, turned round


@pytest.mark.parametrize("field", ["batch_size", "micro_batch", "window"])
def test_sizes_below_one_are_refused(field):
    with pytest.raises(InputError, match="at least 1"):
        make_stream(**{field: -1})


def test_reading_ahead_changes_nothing_and_passes_errors_on_when_they_are_due():
    class Failing:
        def batch(self, step):
            if step == 3:
                raise InputError("data.jsonl:7: no target")
            return make_stream().batch(step)

    ahead, plain = Prefetch(make_stream()), make_stream()
    for step in [0, 1, 2, 7, 8, 0]:
        assert ids(ahead.batch(step)) == ids(plain.batch(step))
    ahead.close()
    failing = Prefetch(Failing())
    for step in range(3):
        failing.batch(step)
    with pytest.raises(InputError, match=r"data\.jsonl:7"):
        failing.batch(3)
    failing.close()
