"""The parts of an update, ours beside torch's own: what each gain comes from.

    python benchmarks-perf/parts_speed.py [--precision bf16] [--threads 1] [--rounds 9]

Forward and backward pass of each part at nano's shape in pretraining (16 texts of 512 tokens), interleaved,
with the same products on both sides; then such a product, oneDNN's where we choose it, beside torch's
default. The frozen head and, in float32 alone, the packed head of a search have mT5-small's shape. It fails
if values or gradients differ.
"""

import argparse
import sys
from collections.abc import Callable

import torch
from peer import add_conditions, as_peer, set_conditions
from timing import clock_of, interleaved, show
from torch import Tensor, nn
from torch.nn import functional as F

from xlgen.generation.head import packed_head
from xlgen.model.attention import Pattern, attend
from xlgen.model.dropout import Dropout
from xlgen.model.norm import rms_norm
from xlgen.training.loss import linear_cross_entropy

TEXTS, TOKENS, HEADS, HEAD_WIDTH, WIDTH, INNER = 16, 512, 6, 32, 192, 512
LABELS, FROZEN_LABELS, VOCABULARY, RATE = 1824, 556, 24_064, 0.1
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
Works = dict[str, Callable[[], list[Tensor]]]


def both_passes(function: Callable[..., Tensor], *inputs: Tensor) -> Callable[[], list[Tensor]]:
    """Return a function that makes the output and the gradients of all inputs."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    output = function(*leaves)
    upstream = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)

    def work() -> list[Tensor]:
        output = function(*leaves)
        return [output.detach(), *torch.autograd.grad(output, leaves, upstream)]

    return work


def attention(dtype: torch.dtype) -> Works:
    """Self-attention of texts of one length, with relative positions that are trained."""
    lengths, shape = (TOKENS,) * TEXTS, (TEXTS * TOKENS, HEADS, HEAD_WIDTH)
    inputs = [torch.randn(shape, dtype=dtype) * 0.3 for _ in range(3)]

    def ours(query: Tensor, key: Tensor, value: Tensor, learned_HTS: Tensor) -> Tensor:
        pattern = Pattern(lengths, lengths, dtype, query.device, learned_HTS)
        return attend(query, key, value_NHK=value, pattern=pattern)

    def torchs(query: Tensor, key: Tensor, value: Tensor, learned_HTS: Tensor) -> Tensor:
        heads_first = (
            rows.unflatten(0, (TEXTS, TOKENS)).transpose(1, 2) for rows in (query, key, value)
        )
        bias = learned_HTS[None].to(dtype)
        attended = F.scaled_dot_product_attention(*heads_first, attn_mask=bias, scale=1.0)
        return attended.transpose(1, 2).flatten(0, 1)

    return sides(ours, torchs, *inputs, torch.randn(HEADS, TOKENS, TOKENS))


def norm(dtype: torch.dtype) -> Works:
    """The norm of the residual stream, which is float32, for products in `dtype`."""
    return sides(
        lambda hidden, weight: rms_norm(hidden, weight, epsilon=1e-6, dtype=dtype),
        lambda hidden, weight: F.rms_norm(hidden, weight.shape, weight, 1e-6).to(dtype),
        torch.randn(TEXTS, TOKENS, WIDTH),
        torch.ones(WIDTH),
    )


def dropout(dtype: torch.dtype) -> Works:
    """Dropout of the residual stream; its masks differ by chance."""
    layer = Dropout(RATE).train()
    return sides(
        layer, lambda x: F.dropout(x, RATE), torch.randn(TEXTS, TOKENS, WIDTH, dtype=dtype)
    )


def head_and_loss(dtype: torch.dtype) -> Works:
    """Logits and cross-entropy of the labels, summed."""
    target = torch.randint(VOCABULARY, (LABELS,))
    return sides(
        lambda hidden, head: linear_cross_entropy(hidden, head, target_N=target)[0],
        lambda hidden, head: F.cross_entropy((hidden @ head.T).float(), target, reduction="sum"),
        torch.randn(LABELS, WIDTH, dtype=dtype),
        (torch.randn(VOCABULARY, WIDTH) * 0.05).to(dtype),
    )


def frozen_head_and_loss(dtype: torch.dtype) -> Works:
    """The same with a frozen head of mT5-small's shape."""
    width, vocabulary = 512, 250_112
    target = torch.randint(vocabulary, (FROZEN_LABELS,))
    head = (torch.randn(vocabulary, width) * 0.05).to(dtype)
    return sides(
        lambda hidden: linear_cross_entropy(hidden, head, target_N=target)[0],
        lambda hidden: F.cross_entropy((hidden @ head.T).float(), target, reduction="sum"),
        torch.randn(FROZEN_LABELS, width, dtype=dtype),
    )


PARTS = {
    "attention": attention,
    "RMS norm": norm,
    "dropout": dropout,
    "head and loss": head_and_loss,
    "frozen head and loss": frozen_head_and_loss,
}


def sides(ours: Callable[..., Tensor], torchs: Callable[..., Tensor], *inputs: Tensor) -> Works:
    return {"xlgen": both_passes(ours, *inputs), "torch": both_passes(torchs, *inputs)}


def product(dtype: torch.dtype, options: argparse.Namespace) -> Works:
    """One of the products that the parts leave: the feed-forward's."""
    hidden, weight = (
        torch.randn(TEXTS * TOKENS, WIDTH, dtype=dtype),
        torch.randn(INNER, WIDTH, dtype=dtype),
    )

    def work() -> list[Tensor]:
        return [hidden @ weight.T]

    return {"xlgen": work, "torch": as_peer(work, options)}


def packed(rows: int) -> Works:
    """A search's step through a head of mT5-small's shape, its weights packed before."""
    head = nn.Linear(512, 250_112, bias=False)
    ready, hidden = packed_head(head), torch.randn(rows, 512)
    works = {"xlgen": ready, "torch": head}
    return {
        name: torch.inference_mode()(lambda part=part: [part(hidden)])
        for name, part in works.items()
    }


def refuse_different(part: str, works: Works, dtype: torch.dtype) -> None:
    """Exit unless values and gradients are those of torch, within the rounding of the type."""
    allowed = 1e-4 if dtype == torch.float32 else 3e-2
    torch.manual_seed(0)
    for ours, theirs in zip(*(work() for work in works.values()), strict=True):
        error = float((ours.double() - theirs.double()).norm() / theirs.double().norm())
        if error > allowed:
            sys.exit(f"{part}: differs from torch's by {error:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--precision", choices=list(DTYPES), default="fp32")
    parser.add_argument("--rounds", type=int, default=9)
    add_conditions(parser)
    options = parser.parse_args()
    conditions, dtype = set_conditions(options), DTYPES[options.precision]
    torch.manual_seed(0)
    works = {name: make(dtype) for name, make in PARTS.items()} | {
        "product": product(dtype, options)
    }
    if dtype == torch.float32:
        works |= {f"packed head, {rows} rows": packed(rows) for rows in (4, 32)}
    for name, both in works.items():
        if name != "dropout":
            refuse_different(name, both, dtype)
        times = interleaved(both, rounds=options.rounds, clock=clock_of(options.threads))
        show(f"{name}, {options.precision}", times, conditions=conditions)


if __name__ == "__main__":
    main()
