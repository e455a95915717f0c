"""Blocked attention is plain attention: values, every gradient, dropout; and it keeps less."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.model import attention
from xlgen.model.attention import attend, attention_bias, blocked, dropout_mask

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


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_mask_drops_the_share_it_should_everywhere_and_differs_by_call(rate):
    torch.manual_seed(3)
    mask = dropout_mask(torch.Size([4, 3, 251, 333]), rate)
    deviation = (rate * (1 - rate) / mask.numel()) ** 0.5
    assert float((~mask).double().mean()) == pytest.approx(rate, abs=5 * deviation)
    by_lane = (
        (~mask.flatten()[: mask.numel() // 4 * 4]).view(-1, 4).double().mean(0)
    )  # 16-bit draws
    assert (by_lane - rate).abs().max() < 10 * deviation
    assert not torch.equal(mask, dropout_mask(mask.shape, rate))
    assert dropout_mask(torch.Size([0, 3]), rate).shape == (0, 3)


def test_dropout_without_a_learned_bias_is_blocked_too(tensors):
    del tensors["learned"]
    bias = attention_bias(MASKS["padding"], dtype=torch.float64)
    output = attend_all(tensors, bias, dropout=0.5)
    assert type(output.grad_fn).__name__ == "_BlockedAttentionBackward"
    with_gradients(output, tensors)


def test_frozen_bias_takes_torchs_fused_path(tensors):
    bias = attention_bias(MASKS["padding"], tensors.pop("learned").detach(), dtype=torch.float64)
    output = attend_all(tensors, bias)
    assert type(output.grad_fn).__name__.startswith("ScaledDotProduct")
    expected = F.scaled_dot_product_attention(
        *tensors.values(), attn_mask=bias.total_BHTS, scale=1.0
    )
    assert torch.equal(output, expected)


def test_nothing_of_the_weights_size_is_kept_for_the_backward_pass(tensors):
    kept: list[int] = []

    def note(tensor):
        kept.append(tensor.numel())
        return tensor

    bias = attention_bias(
        torch.ones(1, 1, 1, SOURCES, dtype=torch.bool), tensors["learned"], dtype=torch.float64
    )
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        attend_all(tensors, bias)
    assert kept
    assert max(kept) < BATCH * HEADS * TARGETS * SOURCES


def test_a_fully_padded_row_stays_finite_in_bfloat16():
    mask = torch.tensor([[True, False], [False, False]])
    addend = blocked(mask, torch.float32).to(torch.bfloat16)
    assert torch.isfinite(addend).all()
    assert torch.isfinite((addend - 5).softmax(1)).all()
    assert addend.float().softmax(1)[0].tolist() == [1, 0]
