"""I.i.d. denoising: tokens are hidden one by one, neighbours share a sentinel, and all of it fits."""

import numpy as np
import pytest
from special_ids import IDS

from xlgen.errors import InputError
from xlgen.tasks import Limits
from xlgen.tasks.iid_denoising import IIDDenoising
from xlgen.tasks.span_corruption import restore

WIDE = Limits(700, 700)


class Coins:
    """A generator that shows these sides: 0 hides a token, 1 does not."""

    def __init__(self, sides):
        self.sides = sides

    def random(self, size):
        assert size == len(self.sides)
        return np.array(self.sides, float)


def sentinels(side):
    return [token for token in side if token > 999]


@pytest.mark.parametrize(
    ("sides", "expected_input", "expected_target"),
    [
        # T5's own example: "We hold X to be Y that" -> "X these truths Y self evident Z"
        (
            [1, 1, 0, 0, 1, 1, 0, 0, 1],
            [10, 11, "X", 14, 15, "Y", 18],
            ["X", 12, 13, "Y", 16, 17, "Z"],
        ),
        ([0, 1, 0], ["X", 11, "Y"], [10, "X", 12]),  # a hidden beginning: the target begins with it
        ([1, 0], [10, "X"], ["X", 11]),
        ([0, 0, 0], ["X"], [10, 11, 12]),
        ([1, 1, 1], [10, 11, 12], ["X"]),
    ],
)
def test_runs_of_hidden_and_of_shown_tokens_become_one_sentinel_each(
    sides, expected_input, expected_target
):
    named = {"X": IDS.sentinel(0), "Y": IDS.sentinel(1), "Z": IDS.sentinel(2)}
    tokens = np.arange(10, 10 + len(sides))
    pair = IIDDenoising().make(tokens, IDS, limits=WIDE, rng=Coins(sides))
    assert pair.input == (*[named.get(token, token) for token in expected_input], IDS.eos)
    assert pair.target == (*[named.get(token, token) for token in expected_target], IDS.eos)
    assert restore(pair, IDS) == tokens.tolist()


@pytest.mark.parametrize("density", [0.05, 0.15, 0.5])
def test_a_token_is_hidden_whatever_its_place_and_its_neighbours(density):
    rng, tokens = np.random.default_rng(4), np.arange(3, 103)
    task = IIDDenoising(density)
    hidden = np.zeros((500, 100), bool)
    for draw in hidden:
        pair = task.make(tokens, IDS, limits=WIDE, rng=rng)
        draw[:] = np.isin(tokens, pair.target)
    assert abs(hidden.mean() - density) < 0.01
    assert abs(hidden.mean(axis=0) - density).max() < 0.1  # the first and the last as any other
    both = (hidden[:, 1:] & hidden[:, :-1]).mean()
    assert abs(both - density**2) < 0.01  # spans of three would make it two thirds of the density


def test_an_input_of_t5s_length_takes_t5s_segment():
    # split_tokens_to_inputs_length leaves room for </s>
    assert IIDDenoising().raw_length(Limits(512, 512)) == 511


@pytest.mark.parametrize(
    "limits", [Limits(512, 114), Limits(1024, 512), Limits(40, 200), Limits(9, 9)], ids=str
)
def test_text_is_cut_only_where_the_next_token_would_not_fit(limits):
    task, rng = IIDDenoising(), np.random.default_rng(5)
    raw = task.raw_length(limits)
    tokens = np.arange(raw) % 997 + 3
    kept = []
    for _ in range(300):
        pair = task.make(tokens, IDS, limits=limits, rng=rng)
        kept.append(len(restore(pair, IDS)))
        full = (
            len(pair.target) == limits.target,
            len(sentinels(pair.input)) == 100,
            len(sentinels(pair.target)) == 100,
        )
        assert kept[-1] == raw or any(full)
    assert max(kept) == raw
    assert np.mean(kept) > 0.9 * raw  # raw_length foresees it: little text goes unused


def test_long_inputs_end_at_the_hundredth_sentinel():
    task, rng = IIDDenoising(), np.random.default_rng(6)
    tokens = np.arange(task.raw_length(Limits(2048, 2048))) % 997 + 3
    counts = [
        len(sentinels(side))
        for _ in range(200)
        for pair in [task.make(tokens, IDS, limits=Limits(2048, 2048), rng=rng)]
        for side in (pair.input, pair.target)
    ]
    assert max(counts) == 100
    assert np.mean(counts) > 90


@pytest.mark.parametrize("density", [0, 1, -0.15, 15, float("nan")])
def test_a_density_that_is_no_share_is_refused(density):
    with pytest.raises(InputError, match="expected a share between 0 and 1, got"):
        IIDDenoising(density)
