"""A start whose decoder already looks into the source: what followed a token there is likelier after it.

Beside the bigram factors each token gets a random code of +-1. The embedding holds it in one block of the
width, the head in another, so that by itself it changes no logit. One head of the first encoder layer
writes the next token's code into the second block; one head of the first cross-attention finds the
decoder's last token in the source by its code and adds the code of what followed there. That is the
induction head of Olsson et al. 2022, between two stacks and by construction. Ours; docs/pretraining.md says
what it brings.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from xlgen.errors import InputError
from xlgen.model.t5 import T5, T5Config
from xlgen.recipes.pretrain import LOCAL_HEADS

STRENGTH = 0.25  # of the head's codes, beside the embedding's 1
ATTENTION = 0.35  # a token found scores this many times the width of the codes
OUTPUT = 0.6  # of the code that is added to the decoder's state
# The head that looks at the next position.
NEXT_HEAD = [centre for centre, _ in LOCAL_HEADS].index(1)


def bigram_width(shape: T5Config, *, codes: int) -> int:
    """Return the width that two blocks of `codes` leave; raise `InputError` where they do not fit."""
    fits = codes <= shape.head_width and shape.heads > NEXT_HEAD and 2 * codes < shape.width
    if codes and not fits:
        raise InputError(
            f"codes={codes}: expected at most shape.head_width={shape.head_width}, at least "
            f"{NEXT_HEAD + 1} heads, and a shape.width above {2 * codes}; set codes=0 to begin without"
        )
    return shape.width - 2 * codes


@torch.no_grad()
def add_codes(
    model: T5, *, embedding_VA: Tensor, head_VA: Tensor, text_ids: Sequence[int], seed: int
) -> None:
    """Fill embedding and head: factors of width A, then codes in what is left of the width.

    Only `text_ids`, the rows of running text, have a code in the embedding: a sentinel is not looked for.
    """
    (vocabulary, bigrams), width = embedding_VA.shape, model.config.width
    codes = (width - bigrams) // 2
    generator = torch.Generator().manual_seed(seed)
    code_VC = torch.randint(0, 2, (vocabulary, codes), generator=generator).float() * 2 - 1
    own_VC = torch.zeros_like(code_VC)
    rows = torch.tensor(text_ids)
    own_VC[rows] = code_VC[rows]
    empty_VC = torch.zeros_like(code_VC)
    factors_VA = F.rms_norm(embedding_VA, (bigrams,))
    model.shared.weight.copy_(torch.cat([factors_VA, own_VC, empty_VC], dim=1))
    scale = _norm_scale(width, codes)
    model.head.weight.copy_(torch.cat([head_VA * scale, empty_VC, STRENGTH * code_VC], dim=1))


@torch.no_grad()
def start_copying(model: T5, *, codes: int) -> None:
    """Set the two heads that copy, in place; all other weights stay."""
    width, wide = model.config.width, model.config.head_width
    own = slice(width - 2 * codes, width - codes)
    following = slice(width - codes, width)
    identity_CC = torch.eye(codes)

    looking = model.encoder.typed_layers()[0].attention
    head = slice(NEXT_HEAD * wide, (NEXT_HEAD + 1) * wide)
    looking.query.weight[head] *= 0.1  # the position decides, not the content
    looking.value.weight[head], looking.output.weight[:, head] = 0, 0
    place = slice(head.start, head.start + codes)
    looking.value.weight[place, own] = identity_CC * _norm_scale(width, codes)
    looking.output.weight[following, place] = identity_CC

    copying = model.decoder.typed_layers()[0].cross_attention
    assert copying is not None, "a decoder's layer looks at the source"
    head, place = slice(0, wide), slice(0, codes)
    for linear in (copying.query, copying.key):
        linear.weight[head] = 0
        linear.weight[place, own] = identity_CC * math.sqrt(ATTENTION)
    copying.value.weight[head], copying.output.weight[:, head] = 0, 0
    copying.value.weight[place, following] = identity_CC
    copying.output.weight[following, place] = identity_CC * OUTPUT


def _norm_scale(width: int, codes: int) -> float:
    """Return the root mean square of an embedding whose last block is empty; the norm divides by it."""
    return math.sqrt((width - codes) / width)
