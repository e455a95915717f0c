"""Attention without score scaling, with a bias that is learned and one that masks.

torch's fused attention has no gradient for a bias on a CPU, nor dropout there, and falls back to a path that
keeps tensors of [B, H, T, S]. `_BlockedAttention` keeps none: it goes through the batch in blocks that
stay in the cache and makes the weights again in the backward pass (Dao et al. 2022, by whole examples).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Weights alive at once: 4 MiB in float32, a share of the last cache.
BLOCK_ELEMENTS = 2**20


@dataclass(frozen=True)
class AttentionBias:
    """What is added to the scores: `total_BHTS` is all of it, B and H may be 1.

    `learned_HTS` is the part of it that may be trained (relative positions), already in the total.
    """

    total_BHTS: Tensor
    learned_HTS: Tensor | None = None


def attention_bias(
    mask: Tensor, learned_HTS: Tensor | None = None, *, dtype: torch.dtype
) -> AttentionBias:
    """Make the bias once for all layers; `mask` is True where there is content, [B or 1, 1, T or 1, S]."""
    if learned_HTS is None:
        return AttentionBias(blocked(mask, dtype))
    return AttentionBias((learned_HTS + blocked(mask, learned_HTS.dtype)).to(dtype), learned_HTS)


def blocked(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a mask into an addend: 0 where there is content, elsewhere a number that stays finite in bf16."""
    lowest = max(torch.finfo(dtype).min, torch.finfo(torch.bfloat16).min)
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, lowest)


def attention_dtype(hidden: Tensor) -> torch.dtype:
    """Return the precision in which attention will run: autocast's where it is on."""
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


def attend(
    query_BHTK: Tensor,
    key_BHSK: Tensor,
    *,
    value_BHSK: Tensor,
    bias: AttentionBias,
    dropout: float = 0.0,
) -> Tensor:
    """Return softmax(query @ key^T + bias) @ value, [B, H, T, K], with dropout on the weights."""
    learned_HTS = bias.learned_HTS
    trains_bias = torch.is_grad_enabled() and learned_HTS is not None and learned_HTS.requires_grad
    if query_BHTK.device.type == "cpu" and (trains_bias or dropout):
        return _BlockedAttention.apply(
            query_BHTK.contiguous(),
            key_BHSK.contiguous(),
            value_BHSK.contiguous(),
            learned_HTS,
            bias.total_BHTS.detach().to(query_BHTK.dtype),
            dropout,
        )
    return F.scaled_dot_product_attention(
        query_BHTK,
        key_BHSK,
        value_BHSK,
        attn_mask=bias.total_BHTS.to(query_BHTK.dtype),
        dropout_p=dropout,
        scale=1.0,
    )


def dropout_mask(shape: torch.Size, rate: float) -> Tensor:
    """Return a mask, False with probability `rate` to within 2**-17, from torch's CPU generator.

    Four draws of 16 bits from each random number: seven times as fast as `bernoulli_`.
    """
    numbers = torch.empty(math.ceil(shape.numel() / 4), dtype=torch.int64).random_(-(2**63), None)
    threshold = round(rate * 2**16) - 2**15
    return (numbers.view(torch.int16)[: shape.numel()] >= threshold).view(shape)


class _BlockedAttention(torch.autograd.Function):
    """Block by block of whole examples; of the weights only dropout's mask outlives its block."""

    @staticmethod
    def forward(
        ctx: Any,
        query_BHTK: Tensor,
        key_BHSK: Tensor,
        value_BHSK: Tensor,
        learned_HTS: Tensor | None,
        bias_BHTS: Tensor,
        dropout: float,
    ) -> Tensor:
        ctx.blocks = _blocks(query_BHTK, key_BHSK)
        output_BHTK, kept = torch.empty_like(query_BHTK), []
        for rows in ctx.blocks:
            weights = _weights(query_BHTK[rows], key_BHSK[rows], _rows(bias_BHTS, rows))
            if dropout:
                kept.append(dropout_mask(weights.shape, dropout))
                weights.mul_(kept[-1]).mul_(1 / (1 - dropout))
            torch.matmul(weights, value_BHSK[rows], out=output_BHTK[rows])
        ctx.dropout = dropout
        ctx.learned = None if learned_HTS is None else learned_HTS.dtype
        ctx.save_for_backward(query_BHTK, key_BHSK, value_BHSK, bias_BHTS, output_BHTK, *kept)
        return output_BHTK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BHTK: Tensor) -> tuple[Tensor | None, ...]:
        query_BHTK, key_BHSK, value_BHSK, bias_BHTS, output_BHTK, *kept = ctx.saved_tensors
        grad_BHTK = grad_BHTK.contiguous()
        query_grad, key_grad, value_grad = map(torch.empty_like, (query_BHTK, key_BHSK, value_BHSK))
        learned_grad = None
        # what the softmax subtracts: the sum of weight * its gradient, equal to output . its gradient
        pull_BHT1 = (grad_BHTK * output_BHTK).sum(-1, keepdim=True)
        for index, rows in enumerate(ctx.blocks):
            grad, value = grad_BHTK[rows], value_BHSK[rows]
            weights = _weights(query_BHTK[rows], key_BHSK[rows], _rows(bias_BHTS, rows))
            score_grad = grad @ value.mT
            if kept:
                scale = kept[index].to(weights.dtype).mul_(1 / (1 - ctx.dropout))
                torch.matmul((weights * scale).mT, grad, out=value_grad[rows])
                score_grad.mul_(scale)
            else:
                torch.matmul(weights.mT, grad, out=value_grad[rows])
            score_grad.sub_(pull_BHT1[rows]).mul_(weights)
            torch.matmul(score_grad, key_BHSK[rows], out=query_grad[rows])
            torch.matmul(score_grad.mT, query_BHTK[rows], out=key_grad[rows])
            if ctx.needs_input_grad[3]:
                summed_HTS = score_grad.sum(0, dtype=ctx.learned)
                learned_grad = summed_HTS if learned_grad is None else learned_grad.add_(summed_HTS)
        return query_grad, key_grad, value_grad, learned_grad, None, None


def _blocks(query_BHTK: Tensor, key_BHSK: Tensor) -> list[slice]:
    """Cut the batch so that a block's weights stay below `BLOCK_ELEMENTS`; one example at least."""
    batch, heads, length, _ = query_BHTK.shape
    step = max(1, BLOCK_ELEMENTS // max(1, heads * length * key_BHSK.shape[2]))
    return [slice(start, min(start + step, batch)) for start in range(0, batch, step)]


def _rows(bias_BHTS: Tensor, rows: slice) -> Tensor:
    return bias_BHTS if len(bias_BHTS) == 1 else bias_BHTS[rows]


def _weights(query_RHTK: Tensor, key_RHSK: Tensor, bias_RHTS: Tensor) -> Tensor:
    scores_RHTS = (query_RHTK @ key_RHSK.mT).add_(bias_RHTS)
    return torch.softmax(scores_RHTS, -1, out=scores_RHTS)
