"""The RMS norm is torch's, in values and gradients."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.model.norm import rms_norm


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_equals_torchs_in_values_and_gradients(scale):
    generator = torch.Generator().manual_seed(0)
    hidden = scale * torch.randn(3, 5, 16, generator=generator, dtype=torch.float64)
    hidden[1, 2] = 0  # only epsilon stands below
    weight = torch.randn(16, generator=generator, dtype=torch.float64)
    upstream = torch.randn(3, 5, 16, generator=generator, dtype=torch.float64)
    found = []
    for norm in (
        lambda x, w: rms_norm(x, w, epsilon=1e-6, dtype=torch.float64),
        lambda x, w: F.rms_norm(x, (16,), w, 1e-6),
    ):
        leaves = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
        output = norm(*leaves)
        found.append([output, *torch.autograd.grad(output, leaves, upstream)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_frozen_weight_costs_no_gradient_and_the_result_has_the_type_asked_for():
    hidden = torch.randn(2, 3, 8).requires_grad_()
    output = rms_norm(hidden, torch.ones(8), epsilon=1e-6, dtype=torch.bfloat16)
    assert output.dtype == torch.bfloat16
    (gradient,) = torch.autograd.grad(output.float().sum(), hidden)
    assert gradient.dtype == torch.float32
    exact = F.rms_norm(hidden, (8,), None, 1e-6)
    torch.testing.assert_close(output.float(), exact, rtol=1e-2, atol=1e-2)
