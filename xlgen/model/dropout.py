"""Dropout with masks that are cheap to draw: on a CPU torch's `bernoulli_` takes six times as long."""

import math
import random
from dataclasses import dataclass
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


@dataclass(frozen=True)
class DropoutMask:
    """What was drawn for each element, and below which byte it is dropped."""

    drawn: Tensor
    dropping: int

    @classmethod
    def draw(cls, shape: tuple[int, ...], rate: float) -> "DropoutMask":
        """Draw a mask that drops with probability `rate`, from torch's CPU generator.

        Eight elements share a random number of 64 bits, each has its byte. A byte has 256 values; the number
        of those that drop is one of the two next to 256 * rate, drawn for each mask: exact for every element.
        """
        count = math.prod(shape)
        words = torch.empty(1 + math.ceil(count / 8), dtype=torch.int64).random_(-(2**63), None)
        values = 256 * rate
        dropping = math.floor(values) + (random.Random(int(words[0])).random() < values % 1)
        return cls(words[1:].view(torch.uint8)[:count].view(shape), dropping)

    def factors(self, dtype: torch.dtype) -> Tensor:
        """Return 1 for what stays, 0 for what is dropped.

        Made of the bytes whenever it is needed: to multiply by a mask of bytes takes torch twice as long.
        """
        factors = torch.empty(self.drawn.shape, dtype=dtype)
        return torch.ge(self.drawn, float(self.dropping), out=factors)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, rate: float) -> Tensor:
        mask = DropoutMask.draw(hidden.shape, rate)
        ctx.save_for_backward(mask.drawn)
        ctx.dropping, ctx.rate = mask.dropping, rate
        return mask.factors(hidden.dtype).mul_(hidden).mul_(1 / (1 - rate))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (drawn,) = ctx.saved_tensors
        mask = DropoutMask(drawn, ctx.dropping)
        return mask.factors(grad.dtype).mul_(grad).mul_(1 / (1 - ctx.rate)), None
