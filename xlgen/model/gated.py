"""The gated GELU: gelu(gate) * up, on a CPU in one pass through the cache and with one exponential."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# gelu(x) ~ x sigmoid(x (SLOPE + CURVE x^2)), its tanh form (Hendrycks and Gimpel 2016, section 2)
SLOPE = 2 * math.sqrt(2 / math.pi)
CURVE = 0.044715 * SLOPE
BLOCK_ELEMENTS = 2**17  # of a tensor at once: some of them fit a core's cache


def gated_gelu(gate_BTF: Tensor, up_BTF: Tensor) -> Tensor:
    """Return gelu(gate) * up with T5 1.1's tanh approximation; on a CPU computed in float32 at least."""
    if gate_BTF.device.type == "cpu":
        return _GatedGELU.apply(gate_BTF, up_BTF)
    return F.gelu(gate_BTF, approximate="tanh") * up_BTF


class _GatedGELU(torch.autograd.Function):
    """Keeps its two inputs alone."""

    @staticmethod
    def forward(ctx: Any, gate_BTF: Tensor, up_BTF: Tensor) -> Tensor:
        ctx.save_for_backward(gate_BTF, up_BTF)
        output = torch.empty_like(gate_BTF)
        for out, gate, up in _blocks(output, gate_BTF, up_BTF):
            wide = _wide(gate)
            torch.mul(_sigmoid(wide, wide.square()).mul_(wide), up, out=out)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BTF: Tensor) -> tuple[Tensor, Tensor]:
        gate_BTF, up_BTF = ctx.saved_tensors
        gate_grad, up_grad = torch.empty_like(gate_BTF), torch.empty_like(up_BTF)
        tensors = (gate_grad, up_grad, grad_BTF.contiguous(), gate_BTF, up_BTF)
        for to_gate, to_up, grad, gate, up in _blocks(*tensors):
            wide, grad = _wide(gate), _wide(grad)
            square = wide.square()
            sigmoid = _sigmoid(wide, square)
            # gelu' = s + x s (1 - s) (SLOPE + 3 CURVE x^2)
            slope = square.mul_(3 * CURVE).add_(SLOPE).mul_(wide)
            slope.addcmul_(slope, sigmoid, value=-1).add_(1).mul_(sigmoid)
            torch.mul(sigmoid.mul_(wide), grad, out=to_up)
            torch.mul(slope.mul_(grad), up, out=to_gate)
        return gate_grad, up_grad


def _sigmoid(wide: Tensor, square: Tensor) -> Tensor:
    return (square * CURVE).add_(SLOPE).mul_(wide).sigmoid_()


def _wide(part: Tensor) -> Tensor:
    return part.float() if part.dtype == torch.bfloat16 else part


def _blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut contiguous tensors of one shape into flat blocks, side by side."""
    return zip(*(tensor.view(-1).split(BLOCK_ELEMENTS) for tensor in tensors), strict=True)
