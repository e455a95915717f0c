"""Sampling: the frequencies it should have, nothing outside the nucleus, the same for the same seed."""

from collections import Counter

import pytest
import torch

from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import EOS
from xlgen.generation.generate import generate
from xlgen.generation.sample import sample
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.model.load import tiny_model

SHARES = {7: 0.5, 9: 0.3, 11: 0.15, 13: 0.05}


def inputs(count, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(3, 400, (count, 12), generator=generator).tolist()
    return [TokenizedExample(str(n), "th", "", (*row, EOS), (EOS,)) for n, row in enumerate(rows)]


@pytest.fixture
def opinionated():
    """A model that gives four tokens SHARES whatever it reads and wrote."""
    model = tiny_model(0).eval()
    torch.nn.init.zeros_(model.head.weight)
    bias = torch.full((512,), -1e9)
    for token, share in SHARES.items():
        bias[token] = torch.tensor(share).log()
    model.head.bias = torch.nn.Parameter(bias)
    return Adapted(model)


@pytest.mark.parametrize(
    ("nucleus", "expected"),
    [
        (1.0, SHARES),
        (0.9, {7: 0.5 / 0.95, 9: 0.3 / 0.95, 11: 0.15 / 0.95}),
        (0.6, {7: 0.5 / 0.8, 9: 0.3 / 0.8}),
        (0.01, {7: 1.0}),
    ],
)
def test_tokens_come_as_often_as_their_share_of_the_nucleus(opinionated, nucleus, expected):
    rows = sample(opinionated, inputs(64), length=100, nucleus=nucleus)
    counts = Counter(token for row in rows for token in row)
    assert set(counts) == set(expected)
    for token, share in expected.items():
        assert counts[token] / 6400 == pytest.approx(share, abs=0.03)


def test_a_narrow_nucleus_is_greedy_search():
    model = tiny_model(3).eval()
    with torch.no_grad():
        model.head.weight.mul_(3.0)
    examples = inputs(5)
    settings = BeamSettings(beams=1, max_length=12)
    greedy = generate(Adapted(model), examples, settings=settings)
    assert sample(Adapted(model), examples, length=12, nucleus=1e-9) == greedy
    assert any(greedy)


def test_the_seed_decides():
    adapted = Adapted(tiny_model(0).eval())
    first, again, other = (sample(adapted, inputs(4), length=9, seed=s) for s in (1, 1, 2))
    assert first == again != other


def test_an_output_ends_with_its_first_end(opinionated):
    with torch.no_grad():
        opinionated.model.head.bias[EOS] = torch.tensor(0.5).log()
    rows = sample(opinionated, inputs(64), length=6, nucleus=1.0)
    lengths = {len(row) for row in rows}
    assert lengths == set(range(7))  # ends anywhere, or not at all
    assert all(EOS not in row for row in rows)
