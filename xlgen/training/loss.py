"""The loss: sums over target tokens, and the only place that divides them.

Head and loss are one function, computed in blocks of rows, so that the logits of a batch, [B, T, V] with
V = 250,112 for mT5, never exist at once. The gradients come out of the same pass over the blocks.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Normalization = Literal["none", "tokens", "batch"]

# Logits alive at once. On a CPU about the largest that pays; a GPU needs larger blocks to be busy.
BLOCK_ELEMENTS = {"cpu": 2**24, "cuda": 2**28}
# Of these, those that a CPU turns into errors at once: 3 MiB in float32 stay in its cache.
CACHED_ELEMENTS = 3 * 2**18


@dataclass(frozen=True)
class LossSum:
    """A loss summed over target tokens: `objective` is differentiable, `nats` is what gets reported."""

    objective: Tensor
    nats: Tensor
    tokens: int


def sequence_loss(
    hidden_ND: Tensor, head_VD: Tensor, *, target_N: Tensor, z_loss: float = 1e-4
) -> LossSum:
    """Sum cross-entropy over N target positions of a batch, those that hold content.

    `objective` adds `z_loss` * logsumexp(logits)^2 for each token, as T5X does (1e-4 there); no label
    smoothing. Under autocast the products are in its type, the rest in float32.
    """
    objective, nats = linear_cross_entropy(hidden_ND, head_VD, target_N=target_N, z_loss=z_loss)
    return LossSum(objective, nats, len(target_N))


def linear_cross_entropy(
    hidden_ND: Tensor,
    head_VD: Tensor,
    *,
    target_N: Tensor,
    z_loss: float = 0.0,
    block_elements: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return (objective, nats), each a float64 sum over N rows, of softmax(hidden @ head^T).

    No tensor of N x V elements is made for N > 1. A head that is frozen costs no gradient.
    """
    rows, vocabulary = len(hidden_ND), len(head_VD)
    elements = block_elements or BLOCK_ELEMENTS.get(hidden_ND.device.type, BLOCK_ELEMENTS["cpu"])
    blocks = max(2, math.ceil(rows * vocabulary / elements))
    block = max(1, math.ceil(rows / blocks))
    return _LinearCrossEntropy.apply(hidden_ND, head_VD, target_N, z_loss, block)


class _LinearCrossEntropy(torch.autograd.Function):
    """Gradients are made in `forward`, where each block's logits are at hand, and scaled in `backward`."""

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, head_VD: Tensor, target_N: Tensor, z_loss: float, block: int
    ) -> tuple[Tensor, Tensor]:
        device = hidden_ND.device.type
        dtype = hidden_ND.dtype
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        hidden_grad = torch.empty_like(hidden_ND) if ctx.needs_input_grad[0] else None
        head_grad = torch.zeros_like(head_VD) if ctx.needs_input_grad[1] else None
        sums = hidden_ND.new_zeros(2, dtype=torch.float64)
        with torch.autocast(device, enabled=False):
            weight_VD = head_VD.to(dtype)
            logits_RV = weight_VD.new_empty(min(block, len(hidden_ND)), len(head_VD))
            for start in range(0, len(hidden_ND), block):
                rows = slice(start, start + block)
                hidden_RD, target_R1 = hidden_ND[rows].to(dtype), target_N[rows, None]
                sums += _block(
                    hidden_RD,
                    weight_VD,
                    target_R1,
                    z_loss,
                    logits_RV=logits_RV[: len(hidden_RD)],
                    hidden_grad=None if hidden_grad is None else hidden_grad[rows],
                    head_grad=head_grad,
                )
        ctx.gradients = (hidden_grad, head_grad)
        objective, nats = sums.unbind()
        ctx.mark_non_differentiable(nats)
        return objective, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        # scaled in place, for a head is large: so the graph can be used once
        if ctx.gradients is None:
            raise RuntimeError("the loss can be differentiated once; compute it again")
        gradients, ctx.gradients = ctx.gradients, None
        for gradient in gradients if scale != 1 else ():
            if gradient is not None:
                gradient.mul_(scale.to(gradient.dtype))
        return (*gradients, None, None, None)


def _block(
    hidden_RD: Tensor,
    weight_VD: Tensor,
    target_R1: Tensor,
    z_loss: float,
    *,
    logits_RV: Tensor,
    hidden_grad: Tensor | None,
    head_grad: Tensor | None,
) -> Tensor:
    """Return [objective, nats] of R rows; write the rows' gradient and add to the head's.

    `logits_RV` is room for them, used again by every block: new memory costs more than the product.
    """
    torch.mm(hidden_RD, weight_VD.T, out=logits_RV)
    rows, vocabulary = logits_RV.shape
    step = rows
    if hidden_RD.device.type == "cpu":
        step = max(1, CACHED_ELEMENTS // vocabulary)
    sums = hidden_RD.new_zeros(2, dtype=torch.float64)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        sums += _turn_to_errors(logits_RV[part], target_R1[part], z_loss)
    if hidden_grad is not None:
        hidden_grad.copy_(logits_RV @ weight_VD)
    if head_grad is not None:
        head_grad.add_(logits_RV.T @ hidden_RD)
    return sums


def _turn_to_errors(logits_RV: Tensor, target_R1: Tensor, z_loss: float) -> Tensor:
    """Return [objective, nats] of logits, and put d objective / d logits in their place.

    That is (1 + 2 z log_z) softmax - onehot. log_z comes from the largest probability, at least 1 / V.
    """
    own_RV = logits_RV.float()  # the logits themselves where they are float32
    target_logit_R1, peak_R1 = own_RV.gather(1, target_R1), own_RV.amax(1, keepdim=True)
    torch.softmax(own_RV, 1, out=own_RV)
    log_z_R1 = peak_R1 - own_RV.amax(1, keepdim=True).log_()
    nats_R1 = log_z_R1 - target_logit_R1
    objective_R1 = nats_R1 + z_loss * log_z_R1.square()
    if z_loss:
        own_RV.mul_(1 + 2 * z_loss * log_z_R1)
    own_RV.scatter_add_(1, target_R1, torch.full_like(nats_R1, -1.0))
    logits_RV.copy_(own_RV)
    return torch.stack([objective_R1, nats_R1]).sum((1, 2), dtype=torch.float64)


def gradient_divisor(normalization: Normalization, *, tokens: int, examples: int) -> int:
    """Return what summed gradients are divided by: 1 ("none", as T5X), the tokens, or the batch."""
    return {"none": 1, "tokens": tokens, "batch": examples}[normalization]


def mean_nats(nats: float, tokens: int) -> float:
    """Divide a sum of nats by its count of target tokens; NaN where there was none."""
    return nats / tokens if tokens else math.nan
