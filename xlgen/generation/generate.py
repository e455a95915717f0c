"""EXAMPLES -> OUTPUTS: batches of like lengths through beam search, answers in the examples' order."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import torch

from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import EOS, Tokenizer
from xlgen.errors import InputError
from xlgen.generation.beam import beam_search
from xlgen.generation.cleanup import remove_final_repeats
from xlgen.generation.head import packed_head
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.model.t5 import Encoded
from xlgen.training.precision import prepare_cpu

BATCH_SIZE = 32  # sources searched together
BATCH_TOKENS = 16_384  # input tokens of a batch, padding included: its keys and values take memory
# Input tokens encoded together on a CPU: more only adds padding and leaves the processor's caches.
ENCODED_TOGETHER = 1024

Precision = Literal["float32", "bfloat16"]


@torch.inference_mode()
def generate(
    adapted: Adapted,
    examples: Sequence[TokenizedExample],
    *,
    settings: BeamSettings,
    limits: Sequence[int] | None = None,
    batch_size: int = BATCH_SIZE,
    batch_tokens: int = BATCH_TOKENS,
    precision: Precision = "float32",
    on_progress: Callable[[int], None] | None = None,
) -> list[list[int]]:
    """Return the output tokens of each example, without </s>, in the order of `examples`.

    `limits` are the examples' own longest outputs; `settings.max_length` holds for all besides.
    `on_progress` is called with the number of examples that have just been answered. The answers do
    not depend on the batches, except where rounding decides between two hypotheses.
    """
    prepare_cpu()
    limits = _checked_limits(examples, settings, limits)
    inputs = [_clipped(example, settings.max_input) for example in examples]
    outputs: list[list[int]] = [[] for _ in inputs]
    with _ready(adapted, precision) as ready:
        head = packed_head(ready.model.head)
        for batch in _batches(inputs, batch_size=batch_size, batch_tokens=batch_tokens):
            answers = beam_search(
                ready.model,
                _encode(ready, [inputs[index] for index in batch]),
                settings=settings,
                limits=[limits[index] for index in batch],
                head=head,
                on_finished=on_progress,
            )
            for index, answer in zip(batch, answers, strict=True):
                outputs[index] = answer
    return outputs


def generate_text(
    adapted: Adapted,
    examples: Sequence[TokenizedExample],
    *,
    tokenizer: Tokenizer,
    settings: BeamSettings,
    precision: Precision = "float32",
    clean: Callable[[str], str] = remove_final_repeats,
    on_progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Return the output of each example as text; by default without a repeated end (footnote 12)."""
    outputs = generate(
        adapted, examples, settings=settings, precision=precision, on_progress=on_progress
    )
    return [clean(tokenizer.decode(tokens)) for tokens in outputs]


def _checked_limits(
    examples: Sequence[TokenizedExample], settings: BeamSettings, limits: Sequence[int] | None
) -> list[int]:
    if limits is None:
        return [settings.max_length] * len(examples)
    if len(limits) != len(examples):
        raise ValueError(f"expected {len(examples)} limits, one an example, got {len(limits)}")
    if limits and min(limits) < 1:
        raise InputError(f"expected limits of at least 1 token, got {min(limits)}")
    return [min(limit, settings.max_length) for limit in limits]


def _clipped(example: TokenizedExample, longest: int) -> TokenizedExample:
    """Cut the input, </s> kept, and leave out the target, which only training needs."""
    tokens = example.input
    if len(tokens) > longest:
        tokens = (*tokens[: longest - 1], EOS)
    return replace(example, input=tokens, target=(EOS,))


def _batches(
    examples: Sequence[TokenizedExample], *, batch_size: int, batch_tokens: int
) -> Iterator[list[int]]:
    """Yield indices of examples of like lengths, the longest first: if memory runs out, then at once."""
    if min(batch_size, batch_tokens) < 1:
        raise InputError("batch_size and batch_tokens must be at least 1")
    order = sorted(range(len(examples)), key=lambda index: -len(examples[index].input))
    while order:
        fits = batch_tokens // max(1, len(examples[order[0]].input))
        size = max(1, min(batch_size, fits))
        yield order[:size]
        order = order[size:]


def _encode(adapted: Adapted, examples: list[TokenizedExample]) -> Encoded:
    """Encode examples of like lengths, on a CPU a few at a time."""
    device = adapted.model.shared.weight.device
    size = len(examples)
    if device.type == "cpu":
        size = max(1, ENCODED_TOGETHER // max(1, len(examples[0].input)))
    groups = [examples[start : start + size] for start in range(0, len(examples), size)]
    parts = [adapted.encode(collate(group).to(device)) for group in groups]
    lengths = tuple(length for part in parts for length in part.lengths)
    return Encoded(torch.cat([part.hidden_ND for part in parts]), lengths)


@contextmanager
def _ready(adapted: Adapted, precision: Precision) -> Iterator[Adapted]:
    """Lend the model without dropout and in the precision asked for: cast once, not in every call."""
    training = [module for module in adapted.modules() if module.training]
    adapted.eval()
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    casts = any(parameter.dtype != dtype for parameter in adapted.parameters())
    try:
        yield copy.deepcopy(adapted).to(dtype) if casts else adapted
    finally:
        for module in training:
            module.training = True
