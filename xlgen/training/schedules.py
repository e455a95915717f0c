"""Learning rates as functions of the step. Steps count from 0: `rate(0)` is that of the first update."""

import math
from dataclasses import dataclass
from typing import ClassVar

from xlgen.registry import Table
from xlgen.training import SCHEDULES


class Schedule:
    """A learning rate for each step."""

    table: ClassVar[Table] = SCHEDULES
    name: ClassVar[str]

    def rate(self, step: int) -> float:
        """Return the learning rate of update number `step`, counted from 0."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step (the paper's: 0.3 for prompts, 0.001 for models)."""

    name: ClassVar[str] = "constant"
    value: float = 1e-3

    def rate(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Rise linearly to `peak` over `warm_up` steps, then stay."""

    name: ClassVar[str] = "warm-up"
    peak: float = 1e-3
    warm_up: int = 1000

    def rate(self, step: int) -> float:
        return self.peak * _risen(step, self.warm_up)


@dataclass(frozen=True)
class Rsqrt(Schedule):
    """`scale` / sqrt(max(step, warm_up)), as T5 and mT5 were pretrained (warm-up 10,000)."""

    name: ClassVar[str] = "rsqrt"
    scale: float = 1.0
    warm_up: int = 10_000

    def rate(self, step: int) -> float:
        return self.scale / math.sqrt(max(step, self.warm_up, 1))


@dataclass(frozen=True)
class Cosine(Schedule):
    """Rise linearly to `peak`, then fall along half a cosine to `floor` at step `steps`, then stay.

    `steps` is the schedule's own: a run that is later made longer keeps the rates of its first part.
    """

    name: ClassVar[str] = "cosine"
    peak: float = 1e-3
    warm_up: int = 100
    steps: int = 10_000
    floor: float = 0.0

    def rate(self, step: int) -> float:
        if step < self.warm_up:
            return self.peak * _risen(step, self.warm_up)
        done = min(1.0, (step - self.warm_up) / max(1, self.steps - self.warm_up))
        return self.floor + (self.peak - self.floor) * (1 + math.cos(math.pi * done)) / 2


def _risen(step: int, warm_up: int) -> float:
    return min(1.0, (step + 1) / warm_up) if warm_up else 1.0
