"""A metric beside people, found: cells as in the paper's Table 9, differences, the single summaries."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgen.files import write_json, write_whole
from xlgen.metrics.correlation import KINDS
from xlgen.sources.judgements import SCALES

if TYPE_CHECKING:
    from rich.console import Group

PRINTED = {"sp-rg": "SP-RG", "bleurt": "BLEURT"}  # rows of Table 9


@dataclass(frozen=True)
class Cell:
    """How a metric's scores go with one scale of judgements; `printed` has Table 9's rows, of Pearson's r.

    `language` is "mean" for the mean over languages, and `n` then counts these.
    """

    language: str
    metric: str
    scale: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    printed: Mapping[str, float]
    signature: str


@dataclass(frozen=True)
class Difference:
    """The mean over `n` languages of the first metric's coefficient minus the second's, paired."""

    first: str
    second: str
    scale: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Point:
    """One summary: what people and metrics say of it. A metric without a score for it is not in `scores`."""

    language: str
    document: str
    system: str
    judgements: Mapping[str, float]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class HumanCorrelation:
    """Cells by metric, language, scale and kind, means last; the summaries; remarks for the reader."""

    data: str
    labels: Mapping[str, str]  # name of each metric -> how tables call it
    cells: tuple[Cell, ...]
    differences: tuple[Difference, ...]
    points: tuple[Point, ...]
    warnings: tuple[str, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that were read, in the order of the table."""
        return tuple(dict.fromkeys(point.language for point in self.points))

    def cell(self, language: str, metric: str, *, scale: str, kind: str = "pearson") -> Cell:
        """Return one cell; "mean" is the mean over languages. Raises `KeyError` where there is none."""
        for cell in self.cells:
            if (cell.language, cell.metric, cell.scale, cell.kind) == (
                language,
                metric,
                scale,
                kind,
            ):
                return cell
        raise KeyError((language, metric, scale, kind))

    def to_json(self) -> dict[str, Any]:
        """Return cells and remarks as plain records; the summaries stand in `lines`."""
        return {
            "data": self.data,
            "cells": [asdict(cell) for cell in self.cells],
            "differences": [asdict(difference) for difference in self.differences],
            "warnings": list(self.warnings),
        }

    def lines(self) -> str:
        """Return a JSON object a line for each summary: its judgements and its scores."""
        return "".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in self.points)

    def table(self) -> "Group":
        """Return a table for the terminal: languages x scales of each metric, then the signatures."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        parts: list[Any] = []
        for metric, label in self.labels.items():
            head, *rows = self._rows(metric)
            table = Table(*head, box=None, padding=(0, 0, 0, 1), title=_title(label))
            for column in table.columns[1:]:
                column.justify = "right"
            for row in rows:
                table.add_row(*row)
            parts += [table, ""]
        return Group(*parts, *(Text(line, overflow="fold") for line in self._remarks()))

    def markdown(self) -> str:
        """Return the same tables and remarks as Markdown."""
        parts = []
        for metric, label in self.labels.items():
            head, *rows = self._rows(metric)
            rule = ["---", *["---:"] * (len(head) - 1)]
            lines = [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]
            parts.append("\n".join([f"## {_title(label)}", "", *lines]))
        return "\n\n".join([*parts, *self._remarks()]) + "\n"

    def _rows(self, metric: str) -> list[list[str]]:
        """Return the head and a row for each language and their mean; `±` is half an interval."""
        head = ["", "n"]
        for scale in SCALES:
            head += [f"{scale} r", "rho", *PRINTED.values()]
        rows = []
        for code in (*self.languages, "mean"):
            r, rho = (
                [self.cell(code, metric, scale=scale, kind=kind) for scale in SCALES]
                for kind in KINDS
            )
            row = [
                f"mean {r[0].n}" if code == "mean" else code,
                "" if code == "mean" else str(r[0].n),
            ]
            for pearson, spearman in zip(r, rho, strict=True):
                printed = [_number(pearson.printed.get(name)) for name in PRINTED]
                row += [_shown(pearson), _number(spearman.value), *printed]
            rows.append(row)
        return [head, *rows]

    def _remarks(self) -> list[str]:
        told = (
            "r: Pearson with half its 95 % interval, rho: Spearman; SP-RG, BLEURT: the paper's "
            "Table 9, Pearson, the average over its eight languages."
        )
        signatures = [
            self.cell("mean", metric, scale=SCALES[0]).signature for metric in self.labels
        ]
        compared = [
            f"{self.labels[d.first]} minus {self.labels[d.second]}, mean r of {d.n} languages, {d.scale}: "
            f"{d.value:+.3f} (95 % interval {d.low:+.3f} to {d.high:+.3f})"
            for d in self.differences
            if d.kind == KINDS[0]
            and d.value is not None
            and d.low is not None
            and d.high is not None
        ]
        return [told, *compared, *self.warnings, *signatures]


def write_correlation(result: HumanCorrelation, folder: Path) -> list[Path]:
    """Write table.md, correlation.json and scores.jsonl into `folder`; return their paths."""
    paths = [folder / name for name in ("table.md", "correlation.json", "scores.jsonl")]
    write_whole(paths[0], result.markdown())
    write_json(paths[1], result.to_json())
    write_whole(paths[2], result.lines())
    return paths


def _title(label: str) -> str:
    return f"{label} and human judgements"


def _shown(cell: Cell) -> str:
    if cell.value is None or cell.low is None or cell.high is None:
        return _number(cell.value)
    return f"{cell.value:.2f}±{(cell.high - cell.low) / 2:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
