"""The result of scoring: one cell per language and metric, averages over languages, warnings."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table


COLUMNS = 7  # metrics beside each other in 80 columns of a terminal


@dataclass(frozen=True)
class Cell:
    """A score of one language: 0 to 100, None where undefined; `n` examples count."""

    language: str
    metric: str
    value: float | None
    n: int
    low: float | None
    high: float | None
    signature: str


@dataclass(frozen=True)
class Average:
    """The mean of a metric's scores over `languages`, each with the same weight."""

    metric: str
    languages: tuple[str, ...]
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Scores:
    """Cells in the order of languages and metrics; averages; remarks for the reader."""

    cells: tuple[Cell, ...]
    averages: tuple[Average, ...]
    warnings: tuple[str, ...] = ()

    def cell(self, language: str, metric: str) -> Cell:
        """Return one cell; raises `KeyError` where it was not measured."""
        for cell in self.cells:
            if (cell.language, cell.metric) == (language, metric):
                return cell
        raise KeyError((language, metric))

    def to_json(
        self,
        *,
        run: dict[str, Any] | None = None,
        method: str | None = None,
        checkpoint: int | None = None,
    ) -> dict[str, Any]:
        """Return the structure of scores.json; `run`, `method` and `checkpoint` are the caller's."""
        return {
            "run": run or {},
            "method": method,
            "checkpoint": checkpoint,
            "cells": [asdict(cell) for cell in self.cells],
            "averages": [
                {**asdict(average), "languages": [*average.languages], "n": len(average.languages)}
                for average in self.averages
            ],
            "warnings": list(self.warnings),
        }

    def table(self) -> "Group":
        """Return a table for the terminal: languages x metrics with intervals, then the signatures."""
        from rich.console import Group
        from rich.text import Text

        metrics = list(dict.fromkeys(cell.metric for cell in self.cells))
        parts = [metrics[at : at + COLUMNS] for at in range(0, len(metrics), COLUMNS)]
        tables = [part for names in parts for part in (self._columns(names), "")]
        lines = [*self.warnings, *self._signatures()]
        return Group(*tables[:-1], *(Text(line, overflow="fold") for line in lines))

    def _columns(self, metrics: list[str]) -> "Table":
        """Return the table of some metrics; averages stand by group, all languages first."""
        from rich.table import Table

        names = [name.replace("sp_rouge_", "sp_rouge\n") for name in metrics]
        table = Table("", "n", *names, box=None, padding=(0, 0, 0, 1))
        for column in table.columns[1:]:
            column.justify = "right"
        codes = tuple(dict.fromkeys(cell.language for cell in self.cells))
        for code in codes:
            row = [self.cell(code, metric) for metric in metrics]
            table.add_row(code, str(max(cell.n for cell in row)), *map(_shown, row))
        columns = [[a for a in self.averages if a.metric == metric] for metric in metrics]
        for name, found in zip((f"mean {len(codes)}", "not en"), zip(*columns)):
            table.add_row(name, "", *map(_shown, found))
        return table

    def _signatures(self) -> list[str]:
        """Return one signature per metric; `n` is given for all languages together."""
        lines = []
        for metric in dict.fromkeys(cell.metric for cell in self.cells):
            cells = [cell for cell in self.cells if cell.metric == metric]
            counts = sorted({cell.n for cell in cells})
            shown = str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
            lines.append(cells[0].signature.replace(f"|n:{cells[0].n}|", f"|n:{shown}|"))
        return lines


def _shown(score: Cell | Average) -> str:
    """Write a score with half its interval's width.

    >>> _shown(Average("lid", ("th", "hi"), value=12.34, low=11.0, high=14.0))
    '12.3±1.5'
    """
    if score.value is None:
        return "-"
    if score.low is None or score.high is None:
        return f"{score.value:.1f}"
    return f"{score.value:.1f}±{(score.high - score.low) / 2:.1f}"
