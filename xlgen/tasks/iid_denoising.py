"""Denoising of single tokens: a coin for each (i.i.d.) hides it; runs of hidden ones become sentinels.

Raffel et al. 2020, section 3.1.4; the mask is that of `iid_noise_mask` in T5's preprocessors.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.errors import InputError
from xlgen.sources.vocabulary import SENTINELS
from xlgen.tasks import Limits, Pair, UnsupervisedTask
from xlgen.tasks.span_corruption import replace_spans, restore, run_starts

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class IIDDenoising(UnsupervisedTask):
    """T5's `iid_denoising`. `density`: how likely a token is hidden, whatever its neighbours are.

    How many tokens and runs are hidden is left to chance, as in T5: a short text may hide nothing.
    """

    name: ClassVar[str] = "iid_denoising"
    crosses_documents: ClassVar[bool] = True  # T5 concatenates documents before it cuts segments

    density: float = 0.15

    def __post_init__(self) -> None:
        if not 0 < self.density < 1:
            raise InputError(f"task.density: expected a share between 0 and 1, got {self.density}")

    def raw_length(self, limits: Limits) -> int:
        """Return T5's segment length, less where target or sentinels are expected not to do.

        >>> IIDDenoising().raw_length(Limits(512, 512)), IIDDenoising().raw_length(Limits(512, 114))
        (511, 407)
        >>> IIDDenoising().raw_length(Limits(1024, 512))  # T5 itself runs out of sentinels here
        784
        """
        limits.refuse_below(input=3, target=3, task=self.name)
        runs = self.density * (1 - self.density)  # hidden runs a token; as many are not hidden
        of_target = (limits.target - 1) / (self.density + runs)
        return int(min(limits.input - 1, of_target, SENTINELS / runs))

    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Corrupt `tokens` [n]; they end before the one that target or sentinels have no room for."""
        tokens = tokens[: self.raw_length(limits)]
        mask = rng.random(len(tokens)) < self.density
        kept = fitting(mask, limits=limits)  # ours: T5 trims the target and leaves the input
        tokens, mask = tokens[:kept], mask[:kept]
        return Pair(
            input=replace_spans(tokens, mask, tokenizer=tokenizer),
            target=replace_spans(tokens, ~mask, tokenizer=tokenizer),
        )

    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Put the hidden runs back."""
        return restore(pair, tokenizer)


def fitting(mask: np.ndarray, *, limits: Limits) -> int:
    """Return how many tokens of a noise mask [n], from the first on, the target and the sentinels hold.

    The input is never the longer for it: a sentinel stands for at least one token.

    >>> fitting(np.array([False, True, True, False, True]), limits=Limits(9, 4))
    3
    """
    hidden, shown = np.cumsum([run_starts(mask), run_starts(~mask)], axis=1)
    target_length = np.cumsum(mask) + shown + 1
    fits = (target_length <= limits.target) & (np.maximum(hidden, shown) <= SENTINELS)
    return int(fits.sum())  # what does not fit once never does again
