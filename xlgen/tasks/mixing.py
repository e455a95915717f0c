"""Mixing unlabeled text into labelled data, against forgetting (Vu et al. 2022, section 3.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xlgen.data.examples import TokenizedExample
from xlgen.data.mixture import Mixture
from xlgen.errors import InputError
from xlgen.tasks import UnsupervisedTask
from xlgen.tasks.span_corruption import SpanCorruption
from xlgen.tasks.unlabeled import UnlabeledExamples

ExampleAt = Callable[[int, int, int], TokenizedExample]


@dataclass(frozen=True)
class Mix:
    """`kappa` percent of a run's examples are what `task` makes of unlabeled text.

    `text` is a benchmark's name (its training inputs) or a folder of `<language>.txt`. `languages` is the
    target alone (the paper's MIX-UNSUP), or None for all that the text has (MIX-UNSUP-ALL); they are drawn
    in proportion to tokens ** `alpha`. With 100 nothing but text is seen. Raises `InputError` for a kappa
    outside 0 to 100.
    """

    kappa: float = 0.0
    languages: tuple[str, ...] | None = None
    text: str = "howto0"
    task: UnsupervisedTask = field(default_factory=SpanCorruption)
    alpha: float = 0.3  # mT5's; the paper does not say

    def __post_init__(self) -> None:
        if not 0 <= self.kappa <= 100:
            raise InputError(f"mix.kappa: expected a percentage, 0 to 100, got {self.kappa:g}")


def mix_in(
    labelled: Sequence[TokenizedExample],
    unlabeled: UnlabeledExamples,
    *,
    mix: Mix,
    seed: int,
) -> tuple[Mixture, ExampleAt]:
    """Return the order of draws, of which `mix.kappa` percent are unlabeled, and what each is."""
    rates = [mix.kappa * rate for rate in unlabeled.rates(mix.alpha)]
    order = Mixture([len(labelled), *unlabeled.sizes], [100 - mix.kappa, *rates], seed)

    def at(part: int, position: int, epoch: int) -> TokenizedExample:
        return labelled[position] if part == 0 else unlabeled.at(part - 1, position, epoch)

    return order, at
