"""What every kind of run is: a frozen dataclass that RUNS names, with `run(folder)`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlgen.recipes import RUNS
from xlgen.registry import Table


@dataclass(frozen=True)
class RunConfig(ABC):
    """A run's whole configuration; stored as config.json, it reruns the run."""

    table: ClassVar[Table] = RUNS
    name: ClassVar[str]

    @abstractmethod
    def run(self, folder: Path) -> Any:
        """Do the work in `folder`, continuing what an earlier call began.

        The result is a dataclass; `str()` of it tells what happened.
        """
