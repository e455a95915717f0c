"""Prefix prediction: how a text begins, told from what follows or copied from the text itself.

Three tasks of Vu et al. 2022, section 3.1, which gives each one line, and no code; what they leave open
is ours (docs/choices.md). As in prefix LM, no sentinel marks a place and no text crosses documents.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.errors import InputError
from xlgen.tasks import Limits, Pair, UnsupervisedTask

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer

N = 64  # ours: the paper names no n; 64 is that of its LEAD-64 (section 2.2.1)


@dataclass(frozen=True)
class MissingPrefixPrediction(UnsupervisedTask):
    """The text from a random point on in, what stood before it out: prefix LM the other way round.

    The point is uniform among those that leave a token on both sides and whose prefix fits the target
    (ours: a trimmed prefix would not adjoin the input).
    """

    name: ClassVar[str] = "missing_prefix_prediction"
    crosses_documents: ClassVar[bool] = False

    def raw_length(self, limits: Limits) -> int:
        """Return the segment length of prefix LM, one less than the input's limit."""
        limits.refuse_below(input=3, target=2, task=self.name)
        return limits.input - 1

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Part `tokens` [length] in two; a single token is all prefix."""
        text = tokens[: self.raw_length(limits)].tolist()
        n = _uniform(1, longest_prefix(text, limits), rng=rng)
        return Pair(input=(*text[n:], tokenizer.eos), target=(*text[:n], tokenizer.eos))

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Put the prefix back."""
        return [*pair.target[:-1], *pair.input[:-1]]


@dataclass(frozen=True)
class NTokenPrefixPrediction(UnsupervisedTask):
    """The text in, a copy of its first n tokens out; n is uniform in [`least`, `most`].

    By default n is the same in every example: nothing in the input says how long the copy is to be.
    """

    name: ClassVar[str] = "n_token_prefix_prediction"
    crosses_documents: ClassVar[bool] = False

    least: int = N
    most: int = N

    def __post_init__(self) -> None:
        _check(self.least, self.most)

    def raw_length(self, limits: Limits) -> int:
        """Return what fills an input."""
        limits.refuse_below(input=2, target=2, task=self.name)
        return limits.input - 1

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Copy the beginning of `tokens` [length], as far as the text and the target's limit go."""
        text = tokens[: self.raw_length(limits)].tolist()
        n = min(_uniform(self.least, self.most, rng=rng), limits.target - 1)
        return Pair(input=(*text, tokenizer.eos), target=(*text[:n], tokenizer.eos))

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Return the input without its </s>; the target says nothing new."""
        return [*pair.input[:-1]]


@dataclass(frozen=True)
class MissingNTokenPrefixPrediction(UnsupervisedTask):
    """The text without its first n tokens in, these out; n is uniform in [`least`, `most`].

    With n drawn anew from a wide range it is nearly missing prefix prediction; by default n is fixed.
    """

    name: ClassVar[str] = "missing_n_token_prefix_prediction"
    crosses_documents: ClassVar[bool] = False

    least: int = N
    most: int = N

    def __post_init__(self) -> None:
        _check(self.least, self.most)

    def raw_length(self, limits: Limits) -> int:
        """Return what fills an input after the shortest prefix is gone.

        >>> MissingNTokenPrefixPrediction().raw_length(Limits(512, 114))
        575
        """
        limits.refuse_below(input=2, target=2, task=self.name)
        return limits.input - 1 + min(self.least, limits.target - 1)

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Take the beginning off `tokens` [length]; a text of n or fewer keeps its last token."""
        text = tokens[: self.raw_length(limits)].tolist()
        n = min(_uniform(self.least, self.most, rng=rng), longest_prefix(text, limits))
        return Pair(input=(*text[n:], tokenizer.eos), target=(*text[:n], tokenizer.eos))

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Put the prefix back."""
        return [*pair.target[:-1], *pair.input[:-1]]


def longest_prefix(text: list[int], limits: Limits) -> int:
    """Return how much of `text` may be missing: it fits the target, and leaves a token if it can.

    >>> [longest_prefix([5] * n, Limits(9, 4)) for n in (0, 1, 2, 3, 4, 5)]
    [1, 1, 1, 2, 3, 3]
    """
    return min(max(len(text) - 1, 1), limits.target - 1)


def _uniform(least: int, most: int, *, rng: np.random.Generator) -> int:
    return int(rng.integers(least, most, endpoint=True))


def _check(least: int, most: int) -> None:
    if not 1 <= least <= most:
        raise InputError(
            f"task.least, task.most: expected 1 <= least <= most, got {least} and {most}"
        )
