"""Span corruption exactly as T5 has it: spans of noise become sentinels; the target says what they hid.

Raffel et al. 2020, section 3.1.4; the mask is that of `random_spans_noise_mask` in T5's preprocessors.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.sources.vocabulary import SENTINELS
from xlgen.tasks import Limits, Pair, UnsupervisedTask

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class Lengths:
    """How long text, input and target are together, </s> included on the latter two."""

    raw: int
    input: int
    target: int


@dataclass(frozen=True)
class SpanCorruption(UnsupervisedTask):
    """`density`: share of tokens hidden; `mean_span`: mean length of a hidden span."""

    name: ClassVar[str] = "span_corruption"
    crosses_documents: ClassVar[bool] = True  # T5 concatenates documents before it cuts segments

    density: float = 0.15
    mean_span: float = 3.0

    def lengths(self, raw: int) -> Lengths:
        """Return the lengths that `raw` tokens of text lead to.

        >>> SpanCorruption().lengths(568)
        Lengths(raw=568, input=512, target=114)
        """
        noise, spans = noise_counts(raw, density=self.density, mean_span=self.mean_span)
        return Lengths(raw, raw - noise + spans + 1, noise + spans + 1)

    def raw_length(self, limits: Limits) -> int:
        """Return the longest text whose input and target both fit (T5's `random_spans_helper`).

        Nor does it need more than the tokenizer's 100 sentinels; T5 would go on into ordinary pieces.

        >>> SpanCorruption().raw_length(Limits(512, 114)), SpanCorruption().raw_length(Limits(1024, 512))
        (568, 1137)
        """
        return _raw_length(self, limits)

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Corrupt `tokens` [n]; text longer than the limits allow is cut first."""
        tokens = tokens[: self.raw_length(limits)]
        mask = noise_mask(len(tokens), density=self.density, mean_span=self.mean_span, rng=rng)
        return Pair(
            input=replace_spans(tokens, mask, tokenizer=tokenizer),
            target=replace_spans(tokens, ~mask, tokenizer=tokenizer),
        )

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Put the hidden spans back."""
        return restore(pair, tokenizer)


@functools.cache  # asked for by every example
def _raw_length(task: SpanCorruption, limits: Limits) -> int:
    limits.refuse_below(input=3, target=3, task=task.name)
    raw = 2
    while _fits(task.lengths(raw + 1), limits) and _spans(task, raw + 1) <= SENTINELS:
        raw += 1
    return raw


def _spans(task: SpanCorruption, raw: int) -> int:
    return noise_counts(raw, density=task.density, mean_span=task.mean_span)[1]


def raw_length(input_length: int) -> tuple[int, int]:
    """Return T5's raw length and target length for an input of `input_length` tokens.

    >>> raw_length(512), raw_length(1024)
    ((568, 114), (1137, 229))
    """
    task = SpanCorruption()
    raw = task.raw_length(Limits(input_length, input_length))
    return raw, task.lengths(raw).target


def noise_counts(length: int, *, density: float, mean_span: float) -> tuple[int, int]:
    """Return how many tokens of `length` are noise and in how many spans they stand."""
    # np.round goes to the even neighbour at .5, as T5's own arithmetic does
    noise = int(np.clip(np.round(length * density), 1, length - 1))
    spans = max(1, int(np.round(noise / mean_span)))
    return noise, min(spans, length - noise)


def noise_mask(
    length: int, *, density: float = 0.15, mean_span: float = 3.0, rng: np.random.Generator
) -> np.ndarray:
    """Draw a mask [length], True where a token is noise; spans alternate, the first is not noise.

    With a single span the mask is always the tail: 20 tokens hide their last 3.
    """
    if length < 2:
        return np.zeros(length, dtype=bool)
    noise, spans = noise_counts(length, density=density, mean_span=mean_span)
    kept = random_segmentation(length - noise, spans, rng=rng)
    hidden = random_segmentation(noise, spans, rng=rng)
    span_lengths = np.stack([kept, hidden], axis=1).reshape(-1)
    return np.repeat(np.arange(2 * spans) % 2 == 1, span_lengths)


def random_segmentation(items: int, segments: int, *, rng: np.random.Generator) -> np.ndarray:
    """Cut `items` into `segments` lengths of at least 1, every way of cutting equally likely."""
    cuts = np.sort(rng.permutation(items - 1)[: segments - 1]) + 1
    return np.diff(cuts, prepend=0, append=items)


def replace_spans(
    tokens: np.ndarray, mask: np.ndarray, *, tokenizer: "Tokenizer"
) -> tuple[int, ...]:
    """Replace each run of `mask` by one sentinel, the highest id first, and close with </s>."""
    starts = run_starts(mask)
    runs = int(starts.sum())
    sentinels = np.array([tokenizer.sentinel(k) for k in range(runs)], dtype=np.int64)
    replaced = tokens.astype(np.int64)
    replaced[starts] = sentinels
    return (*replaced[starts | ~mask].tolist(), tokenizer.eos)


def run_starts(mask: np.ndarray) -> np.ndarray:
    """Return a mask [length], True where a run of `mask` begins."""
    return mask & ~np.concatenate([[False], mask])[:-1]


def restore(pair: Pair, tokenizer: "Tokenizer") -> list[int]:
    """Undo `replace_spans`: put what the target says in place of the input's sentinels.

    The target opens with a sentinel where the text opens unhidden, and its sentinels stand for the
    input's unhidden runs in order; so what follows each is the next hidden run.
    """
    shown = _runs_between_sentinels(pair.input[:-1], tokenizer)
    hidden = _runs_between_sentinels(pair.target[:-1], tokenizer)
    if not hidden[0]:
        del hidden[0]
    pieces = itertools.zip_longest(shown, hidden, fillvalue=())
    return [token for runs in pieces for run in runs for token in run]


def _runs_between_sentinels(tokens: tuple[int, ...], tokenizer: "Tokenizer") -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for token in tokens:
        if len(runs) <= SENTINELS and token == tokenizer.sentinel(len(runs) - 1):
            runs.append([])
        else:
            runs[-1].append(token)
    return runs


def _fits(lengths: Lengths, limits: Limits) -> bool:
    return lengths.input <= limits.input and lengths.target <= limits.target
