"""The gated GELU is torch's, in values and gradients, however it is cut."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.model import gated
from xlgen.model.gated import gated_gelu


def with_gradients(function, inputs):
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    output = function(*leaves)
    upstream = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad(output, leaves, upstream)]


def torchs(gate, up):
    return F.gelu(gate, approximate="tanh") * up


@pytest.mark.parametrize("block", [7, 2**17])
def test_equals_torchs_in_values_and_gradients(block, monkeypatch):
    monkeypatch.setattr(gated, "BLOCK_ELEMENTS", block)
    generator = torch.Generator().manual_seed(0)
    gate = torch.cat([torch.linspace(-30, 30, 200), torch.zeros(4)]).double().view(2, 3, 34)
    up = torch.randn(2, 3, 34, generator=generator, dtype=torch.float64)
    for ours, theirs in zip(
        with_gradients(gated_gelu, [gate, up]), with_gradients(torchs, [gate, up]), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
        assert torch.isfinite(ours).all()


def test_is_no_less_exact_than_torchs_in_bfloat16():
    generator = torch.Generator().manual_seed(1)
    inputs = [4 * torch.randn(4, 50, 20, generator=generator).bfloat16() for _ in range(2)]
    exact = with_gradients(torchs, [tensor.double() for tensor in inputs])
    errors = [
        [
            float((found.double() - truth).norm() / truth.norm())
            for found, truth in zip(with_gradients(function, inputs), exact, strict=True)
        ]
        for function in (gated_gelu, torchs)
    ]
    for ours, theirs in zip(*errors, strict=True):
        assert ours <= theirs * 1.01
        assert ours < 5e-3
