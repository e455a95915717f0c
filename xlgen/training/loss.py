"""The loss: sums over target tokens, and the only place that divides them.

Head and loss are one function, computed in blocks, so that the logits of a batch, [B, T, V] with
V = 250,112 for mT5, never exist at once. The gradients come out of the same pass over the blocks. That of a
head needs whole rows; where it is frozen, blocks of the vocabulary hold all rows and stay in the cache.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Normalization = Literal["none", "tokens", "batch"]

# Logits alive at once where the head is trained; a GPU needs larger blocks to be busy.
BLOCK_ELEMENTS = {"cpu": 2**24, "cuda": 2**28}
# Of these, those that a CPU turns into errors at once: 3 MiB in float32 stay in its cache.
CACHED_ELEMENTS = 3 * 2**18
# Logits alive at once where the head is frozen: 4 MiB in float32 on a CPU, in columns of this multiple.
FROZEN_ELEMENTS = {"cpu": 2**20, "cuda": 2**28}
COLUMNS = 64


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
    trained = head_VD.requires_grad and torch.is_grad_enabled()
    most = BLOCK_ELEMENTS if trained else FROZEN_ELEMENTS
    elements = block_elements or most.get(hidden_ND.device.type, most["cpu"])
    cut = len(hidden_ND) if trained else len(head_VD)  # what is cut into blocks
    blocks = max(2, math.ceil(len(hidden_ND) * len(head_VD) / elements))
    block = max(1, math.ceil(cut / blocks))
    if not trained:
        block = block // COLUMNS * COLUMNS or block
    head_VD = head_VD if trained else head_VD.detach()
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
        wants_hidden, wants_head = ctx.needs_input_grad[:2]
        hidden_grad = torch.empty_like(hidden_ND) if wants_hidden else None
        head_grad = torch.zeros_like(head_VD) if wants_head else None
        with torch.autocast(device, enabled=False):
            hidden, weight = hidden_ND.to(dtype), head_VD.to(dtype)
            if head_grad is None:
                sums = _with_frozen_head(
                    hidden, weight, target_N[:, None], z_loss, block=block, hidden_grad=hidden_grad
                )
            else:
                sums = _with_trained_head(
                    hidden,
                    weight,
                    target_N[:, None],
                    z_loss,
                    block=block,
                    hidden_grad=hidden_grad,
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


def _with_frozen_head(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    target_N1: Tensor,
    z_loss: float,
    *,
    block: int,
    hidden_grad: Tensor | None,
) -> Tensor:
    """Return [objective, nats]; write the rows' gradient. `block` rows of the vocabulary at a time.

    Each row's sums stand relative to its largest logit so far, and shrink when a larger one comes
    (Milakov and Gimelshein 2018).
    """
    peak_N1 = hidden_ND.new_full((len(hidden_ND), 1), -torch.inf, dtype=torch.float32)
    sum_N1 = torch.zeros_like(peak_N1)
    expected_ND = torch.zeros_like(hidden_ND, dtype=torch.float32)
    for weight_WD in weight_VD.split(block):
        own_NW = (hidden_ND @ weight_WD.T).float()
        before_N1, peak_N1 = peak_N1, torch.maximum(peak_N1, own_NW.amax(1, keepdim=True))
        own_NW.sub_(peak_N1).exp_()
        shrunk_N1 = (before_N1 - peak_N1).exp_()
        sum_N1.mul_(shrunk_N1).add_(own_NW.sum(1, keepdim=True))
        if hidden_grad is not None:
            expected_ND.mul_(shrunk_N1).add_(own_NW.to(weight_WD.dtype) @ weight_WD)
    target_ND = weight_VD[target_N1[:, 0]].float()
    log_z_N1 = peak_N1 + sum_N1.log()
    nats_N1 = log_z_N1 - (hidden_ND.float() * target_ND).sum(1, keepdim=True)
    objective_N1 = nats_N1 + z_loss * log_z_N1.square()
    if hidden_grad is not None:
        expected_ND.mul_((1 + 2 * z_loss * log_z_N1) / sum_N1)
        hidden_grad.copy_(expected_ND.sub_(target_ND))
    return torch.stack([objective_N1, nats_N1]).sum((1, 2), dtype=torch.float64)


def _with_trained_head(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    target_N1: Tensor,
    z_loss: float,
    *,
    block: int,
    hidden_grad: Tensor | None,
    head_grad: Tensor,
) -> Tensor:
    """Return [objective, nats]; write the rows' gradient, add to the head's. `block` rows at a time.

    The room for logits is used again by every block: new memory costs more than the product.
    """
    vocabulary = len(weight_VD)
    cached = block if hidden_ND.device.type != "cpu" else max(1, CACHED_ELEMENTS // vocabulary)
    sums = hidden_ND.new_zeros(2, dtype=torch.float64)
    room_RV = weight_VD.new_empty(min(block, len(hidden_ND)), vocabulary)
    for start in range(0, len(hidden_ND), block):
        rows = slice(start, start + block)
        hidden_RD = hidden_ND[rows]
        logits_RV = torch.mm(hidden_RD, weight_VD.T, out=room_RV[: len(hidden_RD)])
        for own_RV, own_R1 in zip(logits_RV.split(cached), target_N1[rows].split(cached)):
            sums += _turn_to_errors(own_RV, own_R1, z_loss)
        if hidden_grad is not None:
            hidden_grad[rows] = logits_RV @ weight_VD
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
