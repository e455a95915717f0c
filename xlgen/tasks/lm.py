"""Language modelling: nothing in, the text out, from left to right."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.tasks import Limits, Pair, UnsupervisedTask

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class LM(UnsupervisedTask):
    """The causal LM task with no context: the input is </s> alone (Vu et al. 2022, section 3.1)."""

    name: ClassVar[str] = "lm"
    crosses_documents: ClassVar[bool] = False  # prompt-tuning's LM tasks keep to one document

    def raw_length(self, limits: Limits) -> int:
        """Return what fills a target."""
        limits.refuse_below(input=1, target=2, task=self.name)
        return limits.target - 1

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Ask for `tokens` [n]; nothing is left to chance."""
        text = tokens[: self.raw_length(limits)].tolist()
        return Pair(input=(tokenizer.eos,), target=(*text, tokenizer.eos))

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Return the target without its </s>."""
        return [*pair.target[:-1]]
