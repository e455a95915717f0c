"""Dropout drops the share it should, everywhere, and scales what stays; off, it changes nothing."""

import pytest
import torch

from xlgen.model.dropout import Dropout, DropoutMask


def kept(shape, rate):
    return DropoutMask.draw(shape, rate).factors(torch.float32).bool()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.999])
def test_every_element_is_dropped_at_the_rate(rate):
    """Over many masks, whose own shares differ by up to a 256th: places of a random number alike."""
    torch.manual_seed(3)
    masks = torch.stack([kept((3, 333), rate) for _ in range(2000)])
    dropped = (~masks).double()
    deviation = (rate * (1 - rate) / 2000) ** 0.5
    assert float(dropped.mean()) == pytest.approx(rate, abs=5 * deviation / 30 + 1e-3 * rate)
    assert (dropped.mean(0) - rate).abs().max() < 5 * deviation
    by_byte = dropped.flatten(1)[:, : 999 // 8 * 8].view(2000, -1, 8).mean((0, 1))
    assert (by_byte - rate).abs().max() < 10 * deviation / (999 // 8) ** 0.5 + 1e-3


@pytest.mark.parametrize(("dropping", "stay"), [(0, 256), (1, 255), (128, 128), (256, 0)])
def test_as_many_of_256_bytes_drop_as_were_drawn(dropping, stay):
    mask = DropoutMask(torch.arange(256, dtype=torch.uint8), dropping)
    assert mask.factors(torch.float32).sum() == stay
    assert set(mask.factors(torch.bfloat16).tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_neighbours_are_dropped_independently(rate):
    torch.manual_seed(4)
    dropped = (~kept((2**18,), rate)).double()
    share = dropped.mean()
    for distance in range(1, 10):
        both = (dropped[distance:] * dropped[:-distance]).mean()
        assert float(both) == pytest.approx(float(share**2), abs=5 * rate / 2**9)


def test_a_mask_is_the_generators_and_has_any_shape():
    torch.manual_seed(3)
    first, second = (kept((5, 7), 0.5) for _ in range(2))
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(first, kept((5, 7), 0.5))
    assert kept((0, 3), 0.5).shape == (0, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_value_and_gradient_have_one_mask_and_keep_the_mean(dtype):
    hidden = torch.ones(200, 300, dtype=dtype, requires_grad=True)
    torch.manual_seed(5)
    output = Dropout(0.25).train()(hidden)
    assert set(output.unique().tolist()) == {0.0, float(torch.tensor(1 / 0.75, dtype=dtype))}
    assert float(output.detach().double().mean()) == pytest.approx(1, abs=0.02)
    (gradient,) = torch.autograd.grad(output.sum(), hidden)
    assert torch.equal(gradient, output)


def test_nothing_happens_where_it_is_off():
    hidden = torch.ones(2, 3)
    assert Dropout(0.5).eval()(hidden) is hidden
    assert Dropout(0.0).train()(hidden) is hidden
