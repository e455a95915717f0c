"""Blocked attention is plain attention: values, every gradient, dropout; and it keeps less."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.model import attention
from xlgen.model.attention import attend, attention_bias, blocked
from xlgen.model.dropout import dropout_mask

BATCH, HEADS, TARGETS, SOURCES, WIDTH = 5, 3, 7, 11, 4


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    return {
        "query": random(BATCH, HEADS, TARGETS, WIDTH),
        "key": random(BATCH, HEADS, SOURCES, WIDTH),
        "value": random(BATCH, HEADS, SOURCES, WIDTH),
        "learned": random(HEADS, TARGETS, SOURCES),
    }


MASKS = {
    "no padding": torch.ones(BATCH, 1, 1, SOURCES, dtype=torch.bool),
    "padding": (torch.arange(SOURCES) < torch.tensor([11, 4, 1, 8, 11])[:, None])[:, None, None],
    "a source without content": (torch.arange(SOURCES) < torch.tensor([11, 0, 1, 8, 0])[:, None])[
        :, None, None
    ],
    "causal": torch.ones(TARGETS, SOURCES, dtype=torch.bool).tril()[None, None],
}


def plain(tensors, mask, kept=None, rate=0.0):
    """Return the output and gradients of the definition, with dropout by a given mask."""
    scores = tensors["query"] @ tensors["key"].mT + tensors["learned"]
    weights = (scores + blocked(mask, torch.float64)).softmax(-1)
    if kept is not None:
        weights = weights * kept / (1 - rate)
    return with_gradients(weights @ tensors["value"], tensors)


def with_gradients(output, tensors):
    generator = torch.Generator().manual_seed(1)
    upstream = torch.randn(output.shape, generator=generator, dtype=output.dtype)
    gradients = torch.autograd.grad(output, list(tensors.values()), upstream)
    return output.detach(), dict(zip(tensors, gradients, strict=True))


def attend_all(tensors, bias, **settings):
    query, key, value = (tensors[name] for name in ("query", "key", "value"))
    return attend(query, key, value_BHSK=value, bias=bias, **settings)


def own(tensors, mask, *, rate=0.0):
    bias = attention_bias(mask, tensors["learned"], dtype=torch.float64)
    output = attend_all(tensors, bias, dropout=rate)
    assert type(output.grad_fn).__name__ == "_BlockedAttentionBackward"
    return with_gradients(output, tensors)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours[0], theirs[0])
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(ours[1][name], gradient, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("block", [1, 2 * HEADS * TARGETS * SOURCES, 2**20])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_equals_the_definition_in_values_and_gradients(tensors, mask, block, monkeypatch):
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", block)  # one example, two, all at once
    assert_same(own(tensors, mask), plain(tensors, mask))


@pytest.mark.parametrize("block", [1, 2**20])
def test_dropout_drops_the_same_weights_in_both_passes(tensors, block, monkeypatch):
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", block)
    rate, mask = 0.3, MASKS["padding"]
    size = 1 if block == 1 else BATCH
    torch.manual_seed(7)
    kept = torch.cat(
        [
            dropout_mask(torch.Size([size, HEADS, TARGETS, SOURCES]), rate)
            for _ in range(BATCH // size)
        ]
    )
    torch.manual_seed(7)
    assert_same(own(tensors, mask, rate=rate), plain(tensors, mask, kept, rate))


def test_dropout_without_a_learned_bias_is_blocked_too(tensors):
    del tensors["learned"]
    bias = attention_bias(MASKS["padding"], dtype=torch.float64)
    output = attend_all(tensors, bias, dropout=0.5)
    assert type(output.grad_fn).__name__ == "_BlockedAttentionBackward"
    with_gradients(output, tensors)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_equals_torchs_own_attention(tensors, mask):
    bias = attention_bias(mask, tensors["learned"], dtype=torch.float64)
    query, key, value = (tensors[name] for name in ("query", "key", "value"))
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.total, scale=1.0)
    torch.testing.assert_close(attend_all(tensors, bias), expected)


def test_a_full_mask_costs_no_pass():
    learned = torch.ones(HEADS, TARGETS, SOURCES)
    assert attention_bias(MASKS["no padding"], learned, dtype=torch.float32).mask is None
    assert attention_bias(MASKS["padding"], learned, dtype=torch.float32).mask is not None


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("many", [True, False])
def test_many_weights_are_made_again_and_few_are_kept_with_the_same_gradients(
    tensors, many, rate, monkeypatch
):
    kept: list[int] = []

    def note(tensor):
        kept.append(tensor.numel() if tensor.is_floating_point() else 0)
        return tensor

    torch.manual_seed(7)
    expected = own(tensors, MASKS["padding"], rate=rate)
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", 1)
    whole = BATCH * HEADS * TARGETS * SOURCES
    monkeypatch.setattr(attention, "KEPT_ELEMENTS", whole - 1 if many else whole)
    torch.manual_seed(7)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = own(tensors, MASKS["padding"], rate=rate)
    # the addend of the learned bias is of one example's size, so its weights stand out as five more
    assert kept.count(whole // BATCH) == (1 if many else 1 + BATCH)
    assert max(kept) < whole
    if not rate:  # with dropout other blocks are other masks
        assert_same(found, expected)


def test_a_fully_padded_row_stays_finite_in_bfloat16():
    mask = torch.tensor([[True, False], [False, False]])
    addend = blocked(mask, torch.float32).to(torch.bfloat16)
    assert torch.isfinite(addend).all()
    assert torch.isfinite((addend - 5).softmax(1)).all()
    assert addend.float().softmax(1)[0].tolist() == [1, 0]
