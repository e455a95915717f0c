"""RMS norm with its own backward pass: torch's on a CPU is a longer chain of single operations.

Without gradients torch's is the faster one (25 us in place of 55 for 4 x 192 numbers).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def rms_norm(hidden_BTD: Tensor, weight_D: Tensor, *, epsilon: float, dtype: torch.dtype) -> Tensor:
    """Return weight * hidden / sqrt(mean(hidden ** 2) + epsilon) in `dtype`, computed in hidden's type."""
    if hidden_BTD.device.type == "cpu" and torch.is_grad_enabled():
        return _RMSNorm.apply(hidden_BTD, weight_D, epsilon, dtype)
    return F.rms_norm(hidden_BTD, weight_D.shape, weight_D, epsilon).to(dtype)


class _RMSNorm(torch.autograd.Function):
    """Keeps hidden and one scale a position."""

    @staticmethod
    def forward(
        ctx: Any, hidden_BTD: Tensor, weight_D: Tensor, epsilon: float, dtype: torch.dtype
    ) -> Tensor:
        norm_BT1 = torch.linalg.vector_norm(hidden_BTD, dim=-1, keepdim=True)
        scale_BT1 = (norm_BT1.square_() / len(weight_D)).add_(epsilon).rsqrt_()
        ctx.save_for_backward(hidden_BTD, weight_D, scale_BT1)
        return (hidden_BTD * scale_BT1).mul_(weight_D).to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BTD: Tensor) -> tuple[Tensor | None, ...]:
        hidden_BTD, weight_D, scale_BT1 = ctx.saved_tensors
        grad_BTD = grad_BTD.to(hidden_BTD.dtype)
        product_ND = (grad_BTD * hidden_BTD).flatten(0, -2)
        pull_BT1 = (
            (product_ND @ weight_D).view_as(scale_BT1).mul_(scale_BT1.pow(3)).div_(len(weight_D))
        )
        hidden_grad = (grad_BTD * scale_BT1).mul_(weight_D).addcmul_(hidden_BTD, pull_BT1, value=-1)
        weight_grad = scale_BT1.flatten() @ product_ND if ctx.needs_input_grad[1] else None
        return hidden_grad, weight_grad, None, None
