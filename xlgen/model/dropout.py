"""Dropout with masks that are cheap to draw: on a CPU torch's `bernoulli_` takes six times as long."""

import math
import random
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Dropout(nn.Module):
    """Zero elements with probability `rate` while training, and scale the others by 1 / (1 - rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, hidden: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return hidden
        if hidden.device.type == "cpu":
            return _Dropout.apply(hidden, self.rate)
        return F.dropout(hidden, self.rate)


def dropout_mask(shape: torch.Size, rate: float) -> Tensor:
    """Return a mask, False with probability `rate`, from torch's CPU generator.

    Eight elements share a random number of 64 bits, each has its byte. A byte has 256 values; the number of
    those that drop is one of the two next to 256 * rate, drawn for each mask: exact for every element.
    """
    drawn = torch.empty(1 + math.ceil(shape.numel() / 8), dtype=torch.int64).random_(-(2**63), None)
    values = 256 * rate
    dropping = math.floor(values) + (random.Random(int(drawn[0])).random() < values % 1)
    if dropping == 256:
        return torch.zeros(shape, dtype=torch.bool)
    return (drawn[1:].view(torch.int8)[: shape.numel()] >= dropping - 128).view(shape)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, rate: float) -> Tensor:
        mask = dropout_mask(hidden.shape, rate)
        ctx.rate = rate
        ctx.save_for_backward(mask)
        return (hidden * mask).mul_(1 / (1 - rate))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return (grad * mask).mul_(1 / (1 - ctx.rate)), None
