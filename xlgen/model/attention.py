"""Attention without score scaling, with a bias that is learned and one that masks.

On a CPU torch's fused attention has no gradient for a bias and no dropout, and is slower than plain
products where these use AVX-512. `_BlockedAttention` goes through the batch in blocks that stay in the cache,
and keeps no large tensor of [B, H, T, S]: it makes the weights again in the backward pass (Dao et al. 2022).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from xlgen.model.dropout import dropout_mask

# Weights alive at once: 4 MiB in float32, a share of the last cache.
BLOCK_ELEMENTS = 2**20
# Weights of one call that are kept for the backward pass: 64 MiB in bfloat16. Larger ones are made again.
KEPT_ELEMENTS = 2**25


@dataclass(frozen=True)
class AttentionBias:
    """What is added to the scores of all layers: relative positions, which may be trained, and a mask.

    `mask` is an addend of [B or 1, 1, T or 1, S], None where everything is content; scores are of `dtype`.
    """

    dtype: torch.dtype
    learned_HTS: Tensor | None = None
    mask: Tensor | None = None

    @cached_property
    def addend(self) -> Tensor | None:
        """The learned part in the scores' type, without its graph: [H, T, S]."""
        return None if self.learned_HTS is None else self.learned_HTS.detach().to(self.dtype)

    @cached_property
    def total(self) -> Tensor | None:
        """The sum of both parts: [B, H, T, S], where B, H and T may be 1."""
        if self.learned_HTS is None:
            return self.mask
        learned_HTS = self.learned_HTS.to(self.dtype)
        return learned_HTS[None] if self.mask is None else learned_HTS + self.mask


def attention_bias(
    mask: Tensor, learned_HTS: Tensor | None = None, *, dtype: torch.dtype
) -> AttentionBias:
    """Make the bias once for all layers; `mask` is True where there is content, [B or 1, 1, T or 1, S]."""
    # on a GPU to look at the mask would be to wait for it
    full = mask.device.type == "cpu" and bool(mask.all())
    return AttentionBias(dtype, learned_HTS, None if full else blocked(mask, dtype))


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
    if query_BHTK.device.type == "cpu":
        batch, heads, length, _ = query_BHTK.shape
        elements = batch * heads * length * key_BHSK.shape[2]
        if elements <= BLOCK_ELEMENTS and not (dropout or torch.is_grad_enabled()):
            # a step of generation: keys and values lie in a cache with room, and are not to be copied
            return _weights(query_BHTK, key_BHSK, bias.addend, bias.mask) @ value_BHSK
        learned_HTS = bias.learned_HTS
        return _BlockedAttention.apply(
            query_BHTK.contiguous(),
            key_BHSK.contiguous(),
            value_BHSK.contiguous(),
            learned_HTS,
            bias.addend,
            bias.mask,
            dropout,
        )
    return F.scaled_dot_product_attention(
        query_BHTK,
        key_BHSK,
        value_BHSK,
        attn_mask=bias.total,
        dropout_p=dropout,
        scale=1.0,
    )


class _BlockedAttention(torch.autograd.Function):
    """Block by block of whole examples; the weights outlive their block where all of them are few."""

    @staticmethod
    def forward(
        ctx: Any,
        query_BHTK: Tensor,
        key_BHSK: Tensor,
        value_BHSK: Tensor,
        learned_HTS: Tensor | None,
        addend_HTS: Tensor | None,
        mask: Tensor | None,
        dropout: float,
    ) -> Tensor:
        batch, heads, length, _ = query_BHTK.shape
        elements = heads * length * key_BHSK.shape[2]
        ctx.blocks = _blocks(batch, elements)
        ctx.dropout, ctx.keeps = dropout, batch * elements <= KEPT_ELEMENTS
        ctx.learned = None if learned_HTS is None else learned_HTS.dtype
        scaled_BHSK = value_BHSK / (1 - dropout) if dropout else value_BHSK
        output_BHTK, masks, kept = torch.empty_like(query_BHTK), [], []
        for rows in ctx.blocks:
            weights = _weights(query_BHTK[rows], key_BHSK[rows], addend_HTS, _rows(mask, rows))
            if ctx.keeps and any(ctx.needs_input_grad):
                kept.append(weights)
            if dropout:
                masks.append(dropout_mask(weights.shape, dropout))
                weights = weights * masks[-1]
            torch.matmul(weights, scaled_BHSK[rows], out=output_BHTK[rows])
        ctx.save_for_backward(query_BHTK, key_BHSK, value_BHSK, addend_HTS, mask, *masks, *kept)
        return output_BHTK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BHTK: Tensor) -> tuple[Tensor | None, ...]:
        query_BHTK, key_BHSK, value_BHSK, addend_HTS, mask, *saved = ctx.saved_tensors
        masks, kept = (
            (saved[: len(ctx.blocks)], saved[len(ctx.blocks) :]) if ctx.dropout else ([], saved)
        )
        grad_BHTK = grad_BHTK.contiguous()
        if ctx.dropout:
            grad_BHTK = grad_BHTK / (1 - ctx.dropout)
        query_grad, key_grad, value_grad = map(torch.empty_like, (query_BHTK, key_BHSK, value_BHSK))
        learned_grad = None
        if ctx.needs_input_grad[3]:
            learned_grad = torch.zeros_like(addend_HTS)
        for index, rows in enumerate(ctx.blocks):
            query, key, grad = query_BHTK[rows], key_BHSK[rows], grad_BHTK[rows]
            weights = kept[index] if kept else _weights(query, key, addend_HTS, _rows(mask, rows))
            weight_grad = grad @ value_BHSK[rows].mT
            if masks:
                weight_grad.mul_(masks[index])
                torch.matmul((weights * masks[index]).mT, grad, out=value_grad[rows])
            else:
                torch.matmul(weights.mT, grad, out=value_grad[rows])
            score_grad = torch._softmax_backward_data(weight_grad, weights, -1, weights.dtype)
            torch.matmul(score_grad, key, out=query_grad[rows])
            torch.matmul(score_grad.mT, query, out=key_grad[rows])
            if learned_grad is not None:
                for (
                    example_HTS
                ) in score_grad:  # in the scores' type: to add up in another costs twice more
                    learned_grad.add_(example_HTS)
        if learned_grad is not None:
            learned_grad = learned_grad.to(ctx.learned)
        return query_grad, key_grad, value_grad, learned_grad, None, None, None


def _blocks(batch: int, elements: int) -> list[slice]:
    """Cut the batch so that a block's weights stay below `BLOCK_ELEMENTS`; one example at least."""
    step = max(1, BLOCK_ELEMENTS // max(1, elements))
    return [slice(start, min(start + step, batch)) for start in range(0, batch, step)]


def _rows(mask: Tensor | None, rows: slice) -> Tensor | None:
    return mask if mask is None or len(mask) == 1 else mask[rows]


def _weights(
    query_RHTK: Tensor, key_RHSK: Tensor, addend_HTS: Tensor | None, mask: Tensor | None
) -> Tensor:
    scores_RHTS = query_RHTK @ key_RHSK.mT
    if addend_HTS is not None:
        scores_RHTS.add_(addend_HTS)
    if mask is not None:
        scores_RHTS.add_(mask)
    return torch.softmax(scores_RHTS, -1, out=scores_RHTS)
