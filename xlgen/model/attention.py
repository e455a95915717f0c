"""Attention without score scaling, with a bias that is learned and, in a decoder, causal.

Training and encoding know no padding: the positions of a batch stand one example after the other.
On a CPU `_PackedAttention` goes through the examples in blocks that stay in the cache, and keeps no large
tensor of weights: it makes them again in the backward pass (Dao et al. 2022). Torch's fused attention has
there no gradient for a bias and no dropout, and is slower than plain products where these use AVX-512.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from xlgen.model.dropout import DropoutMask
from xlgen.model.packing import content, pack, pad

# Weights made at once, unless one head has more: 4 MiB in float32, a share of the last cache.
BLOCK_ELEMENTS = 2**20
# Weights of one call that are kept for the backward pass: 64 MiB in bfloat16. Larger ones are made again.
KEPT_ELEMENTS = 2**25


@dataclass(frozen=True)
class Pattern:
    """Who attends to whom in a batch, the same for all layers that share it.

    Example b has the next `queries[b]` of M rows and the next `keys[b]` of N. `learned_HTS` is added to
    its scores, as much of it as the example is long; `causal` hides what comes after a query. Scores are of
    `dtype` and on `device`.
    """

    queries: tuple[int, ...]
    keys: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    learned_HTS: Tensor | None = None
    causal: bool = False

    @cached_property
    def addend(self) -> Tensor | None:
        """What is added to the scores, without its graph: H may be 1."""
        learned_HTS = None if self.learned_HTS is None else self.learned_HTS.detach().to(self.dtype)
        return self._with_causal(learned_HTS)

    @cached_property
    def padded_mask(self) -> Tensor:
        """The same for a padded batch, with the graph of the learned part: H and T may be 1."""
        keys = content(self.keys, device=self.device)[:, None, None]
        added = self._with_causal(self.learned_HTS)
        blocks = blocked(keys, self.dtype)
        return blocks if added is None else blocks + added.to(self.dtype)

    def _with_causal(self, learned_HTS: Tensor | None) -> Tensor | None:
        if not self.causal:
            return learned_HTS
        longest = max(self.queries)
        sees_TT = torch.ones(longest, longest, dtype=torch.bool, device=self.device).tril_()
        causal_1TT = blocked(sees_TT[None], self.dtype)
        return causal_1TT if learned_HTS is None else learned_HTS + causal_1TT

    def blocks(self, heads: int) -> "Iterator[Block]":
        """Cut the batch into parts below `BLOCK_ELEMENTS`: examples of one length, or heads of an example."""
        query = key = weight = 0
        for (queries, keys), run in groupby(zip(self.queries, self.keys, strict=True)):
            left, fitting = len(list(run)), BLOCK_ELEMENTS // max(1, queries * keys)
            while left:
                count, together = min(left, max(1, fitting // heads)), max(1, min(heads, fitting))
                rows = slice(query, query + count * queries), slice(key, key + count * keys)
                for first in range(0, heads, together):
                    some = slice(first, min(heads, first + together))
                    end = weight + count * (some.stop - first) * queries * keys
                    yield Block(count, some, *rows, slice(weight, end))
                    weight = end
                (query, key), left = (rows[0].stop, rows[1].stop), left - count


class Block(NamedTuple):
    """Some examples of the same lengths: how many, which heads, their rows of queries, keys and weights."""

    examples: int
    heads: slice
    queries: slice
    keys: slice
    weights: slice

    def of(self, rows_NHK: Tensor, rows: slice) -> Tensor:
        """Return these rows as [R, S, K], R = `examples` * H of the heads; of one example a view."""
        return self.view(rows_NHK, rows).flatten(0, 1)

    def view(self, rows_NHK: Tensor, rows: slice) -> Tensor:
        """Return these rows as a view [examples, H, S, K]."""
        length = (rows.stop - rows.start) // self.examples
        of_heads = rows_NHK[rows, self.heads]
        return of_heads.unflatten(0, (self.examples, length)).transpose(1, 2)


def blocked(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a mask into an addend: 0 where there is content, elsewhere a number that stays finite in bf16."""
    lowest = max(torch.finfo(dtype).min, torch.finfo(torch.bfloat16).min)
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, lowest)


def attention_dtype(hidden: Tensor) -> torch.dtype:
    """Return the precision in which attention will run: autocast's where it is on."""
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


def attend(
    query_MHK: Tensor,
    key_NHK: Tensor,
    *,
    value_NHK: Tensor,
    pattern: Pattern,
    dropout: float = 0.0,
) -> Tensor:
    """Return softmax(query @ key^T + bias) @ value, [M, H, K], with dropout on the weights.

    A query of an example without keys gets zeros.
    """
    if query_MHK.device.type == "cpu":
        learned_HTS = pattern.learned_HTS
        return _PackedAttention.apply(query_MHK, key_NHK, value_NHK, learned_HTS, pattern, dropout)
    padded = zip(
        (query_MHK, key_NHK, value_NHK), (pattern.queries, pattern.keys, pattern.keys), strict=True
    )
    query_BHTK, key_BHSK, value_BHSK = (
        pad(rows, lengths).transpose(1, 2) for rows, lengths in padded
    )
    attended_BHTK = F.scaled_dot_product_attention(
        query_BHTK,
        key_BHSK,
        value_BHSK,
        attn_mask=pattern.padded_mask,
        dropout_p=dropout,
        scale=1.0,
    )
    return pack(attended_BHTK.transpose(1, 2), pattern.queries)


def attend_cached(
    query_AHNK: Tensor, key_AHCK: Tensor, *, value_AHCK: Tensor, bias: Tensor
) -> Tensor:
    """Do a step of generation: [A, H, N, K]. Keys lie in a cache with room, and are not to be copied."""
    if query_AHNK.device.type == "cpu":
        scores = (query_AHNK @ key_AHCK.mT).add_(bias)
        return torch.softmax(scores, -1, out=scores) @ value_AHCK
    return F.scaled_dot_product_attention(
        query_AHNK, key_AHCK, value_AHCK, attn_mask=bias, scale=1.0
    )


class _PackedAttention(torch.autograd.Function):
    """Block by block; the weights outlive their block where all of them are few.

    The backward pass needs of a mask only what it left of the weights: with w the weights, d those that were
    not dropped, g the gradient of d, the scores' gradient is d * g - w * sum(d * g), and that sum is
    also the sum of output * gradient, which is short (Dao et al. 2022).
    """

    @staticmethod
    def forward(
        ctx: Any,
        query_MHK: Tensor,
        key_NHK: Tensor,
        value_NHK: Tensor,
        learned_HTS: Tensor | None,
        pattern: Pattern,
        dropout: float,
    ) -> Tensor:
        ctx.pattern, ctx.dropout = pattern, dropout
        ctx.blocks = blocks = list(pattern.blocks(query_MHK.shape[1]))
        elements = blocks[-1].weights.stop if blocks else 0
        keeps = any(ctx.needs_input_grad) and elements <= KEPT_ELEMENTS
        mask = DropoutMask.draw((elements,), dropout) if dropout else None
        output_MHK = torch.empty_like(query_MHK)
        kept: list[Tensor] = []
        for block in blocks:
            both = _weights(block, query_MHK, key_NHK, pattern, mask)
            if keeps:
                kept.extend(both if dropout else both[:1])
            attended = both[1] @ block.of(value_NHK, block.keys)
            output = block.view(output_MHK, block.queries)
            output.copy_(attended.view(output.shape))
        if dropout:
            output_MHK.mul_(1 / (1 - dropout))
        ctx.dropping = None
        if mask is not None and not keeps:
            kept, ctx.dropping = [mask.drawn], mask.dropping
        ctx.save_for_backward(query_MHK, key_NHK, value_NHK, output_MHK, *kept)
        return output_MHK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_MHK: Tensor) -> tuple[Tensor | None, ...]:
        query_MHK, key_NHK, value_NHK, output_MHK, *kept = ctx.saved_tensors
        pattern, each = ctx.pattern, 2 if ctx.dropout else 1
        mask = None if ctx.dropping is None else DropoutMask(kept.pop(), ctx.dropping)
        sum_MH1 = None
        if ctx.dropout:
            exact = torch.promote_types(grad_MHK.dtype, torch.float32)
            sum_MH = torch.linalg.vecdot(grad_MHK.to(exact), output_MHK.to(exact))
            sum_MH1 = sum_MH[..., None].to(grad_MHK.dtype)
            grad_MHK = grad_MHK / (1 - ctx.dropout)
        grads = [torch.empty_like(tensor) for tensor in (query_MHK, key_NHK, value_NHK)]
        learned_grad = None
        if ctx.needs_input_grad[3]:
            learned_grad = torch.zeros_like(pattern.learned_HTS, dtype=pattern.dtype)
        for number, block in enumerate(ctx.blocks):
            both = tuple(kept[each * number : each * (number + 1)])
            both = both or _weights(block, query_MHK, key_NHK, pattern, mask)
            weights, stayed = both[0], both[-1]
            grad = block.of(grad_MHK, block.queries)
            score_grad = grad @ block.of(value_NHK, block.keys).mT
            if sum_MH1 is None:
                score_grad = torch._softmax_backward_data(score_grad, weights, -1, weights.dtype)
            else:
                sum_RT1 = block.of(sum_MH1, block.queries)
                score_grad.mul_(stayed).addcmul_(weights, sum_RT1, value=-1)
            found = (
                score_grad @ block.of(key_NHK, block.keys),
                score_grad.mT @ block.of(query_MHK, block.queries),
                stayed.mT @ grad,
            )
            for whole, part, rows in zip(
                grads, found, (block.queries, block.keys, block.keys), strict=True
            ):
                place = block.view(whole, rows)
                place.copy_(part.view(place.shape))
            if learned_grad is not None:
                _, queries, keys = score_grad.shape
                # in the scores' type: to add up in another costs twice more
                for example_HTS in score_grad.unflatten(0, (block.examples, -1)):
                    learned_grad[block.heads, :queries, :keys].add_(example_HTS)
        if learned_grad is not None:
            learned_grad = learned_grad.to(pattern.learned_HTS.dtype)
        return *grads, learned_grad, None, None


def _weights(
    block: Block, query_MHK: Tensor, key_NHK: Tensor, pattern: Pattern, mask: DropoutMask | None
) -> tuple[Tensor, Tensor]:
    """Return the weights of a block [R, T, S], and what dropout leaves of them."""
    scores = block.of(query_MHK, block.queries) @ block.of(key_NHK, block.keys).mT
    addend_HTS = pattern.addend
    if addend_HTS is not None:
        _, queries, keys = scores.shape
        of_heads = addend_HTS if len(addend_HTS) == 1 else addend_HTS[block.heads]
        scores.unflatten(0, (block.examples, -1)).add_(of_heads[:, :queries, :keys])
    weights = torch.softmax(scores, -1, out=scores)
    if mask is None:
        return weights, weights
    part = DropoutMask(mask.drawn[block.weights], mask.dropping)
    return weights, part.factors(weights.dtype).view(weights.shape).mul_(weights)
