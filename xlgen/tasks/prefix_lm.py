"""Prefix language modelling: the text up to a random point in, the rest out (LM adaptation)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.tasks import Limits, Pair, UnsupervisedTask

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class PrefixLM(UnsupervisedTask):
    """T5's `prefix_lm`: a split point uniform in [1, n-1], no sentinel, </s> after both parts."""

    name: ClassVar[str] = "prefix_lm"
    crosses_documents: ClassVar[bool] = False  # T5 cuts segments within one document here

    def raw_length(self, limits: Limits) -> int:
        """Return T5's segment length, one less than the input's limit."""
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
        """Split `tokens` [n]; a target beyond its limit loses its tail, as in T5."""
        tokens = tokens[: self.raw_length(limits)]
        split = int(rng.integers(1, max(len(tokens), 2)))
        return Pair(
            input=(*tokens[:split].tolist(), tokenizer.eos),
            target=(*tokens[split:].tolist()[: limits.target - 1], tokenizer.eos),
        )

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Join the two parts again."""
        return [*pair.input[:-1], *pair.target[:-1]]
