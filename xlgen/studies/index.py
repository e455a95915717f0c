"""What sweep.json lists: which job's folder measures a row, and rows that cannot be made. No torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the study's tables: which evaluation (a job's folder) measures what.

    `row` is the paper's name of it, such as "prompt, mix-unsup". `target` is the language it was made for,
    None for all. `note` says what in this grid stands behind a name that leaves it open.
    """

    row: str
    folder: str
    model: str
    seed: int | None = None
    target: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Gap:
    """A row that cannot be made for a language, and why."""

    row: str
    target: str
    why: str

    def __str__(self) -> str:
        return f"{self.row} ({self.target}): {self.why}"
