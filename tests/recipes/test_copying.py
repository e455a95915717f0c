"""The start that copies: codes alone change nothing; what followed in the source gets likelier."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.errors import InputError
from xlgen.model.load import random_model
from xlgen.model.t5 import T5Config
from xlgen.recipes.bigrams import BigramStart
from xlgen.recipes.copying import add_codes, bigram_width
from xlgen.recipes.factors import Factors

SHAPE = T5Config(400, 96, 3, 32, 64, 2, 2, dropout=0.0)
CODES = 24
TEXT = range(3, 300)  # above them the sentinels


def factors(width: int) -> Factors:
    draw = torch.Generator().manual_seed(1)
    embedding = F.rms_norm(torch.randn(400, width, generator=draw), (width,))
    return Factors(embedding, torch.randn(400, width, generator=draw) * 0.1)


def make(codes: int) -> torch.nn.Module:
    start = BigramStart(shape=SHAPE, codes=codes)
    return start.make_model(factors(bigram_width(SHAPE, codes=codes)), text_ids=TEXT).eval()


@torch.no_grad()
def next_logits(model, source: list[int], last: int) -> torch.Tensor:
    """Return the logits [V] of what the decoder says after `last`."""
    given = torch.tensor([source])
    encoded = model.encode(given, torch.ones_like(given, dtype=torch.bool))
    return model.head(model.decode(torch.tensor([[0, last]]), encoded))[-1]


def test_what_followed_in_the_source_is_likelier_after_its_token():
    model = make(CODES)
    draw = torch.Generator().manual_seed(2)
    for _ in range(20):
        source = torch.randperm(290, generator=draw)[:60] + 3
        place = int(torch.randint(1, 58, (), generator=draw))
        token, following = source[place].item(), source[place + 1].item()
        without = torch.cat([source[:place], source[place + 2 :]]).tolist()
        gains = next_logits(model, source.tolist(), token) - next_logits(model, without, token)
        assert gains.argmax() == following
        assert gains[following] > 1.5


def test_without_codes_the_source_says_next_to_nothing():
    gains = next_logits(make(0), [5, 6, 7, 8], 6) - next_logits(make(0), [15, 16, 17, 18], 6)
    assert gains.abs().max() < 0.5


def test_a_sentinel_is_not_looked_for():
    model = make(CODES)
    with_it, without = next_logits(model, [5, 6, 350, 8], 350), next_logits(model, [5, 6, 8], 350)
    assert (with_it - without)[8] < 0.5


def test_the_codes_alone_change_no_logit():
    model = random_model(SHAPE, seed=0)
    given = factors(bigram_width(SHAPE, codes=CODES))
    add_codes(
        model,
        embedding_VA=given.embedding_VD,
        head_VA=given.head_VD,
        text_ids=TEXT,
        seed=0,
    )
    hidden = F.rms_norm(model.shared.weight[list(TEXT)], (SHAPE.width,))
    wanted = given.embedding_VD[list(TEXT)] @ given.head_VD.T
    torch.testing.assert_close(model.head(hidden), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("codes", [33, 48])
def test_codes_that_do_not_fit_are_refused(codes):
    with pytest.raises(InputError, match=f"codes={codes}: expected at most shape.head_width=32"):
        bigram_width(SHAPE, codes=codes)
    assert bigram_width(SHAPE, codes=0) == 96
