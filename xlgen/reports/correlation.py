"""Metrics beside people: the paper's Table 9 (appendix B), ours with intervals next to the printed rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlgen import __version__
from xlgen.errors import InputError
from xlgen.files import write_json, write_whole
from xlgen.metrics import METRICS
from xlgen.metrics.correlation import FEWEST, KINDS, correlate
from xlgen.metrics.intervals import RESAMPLES
from xlgen.metrics.predictions import Prediction, parse_prediction
from xlgen.metrics.program import Program
from xlgen.metrics.score import make_metrics, measure
from xlgen.progress import progress
from xlgen.reports.published import printed_cells
from xlgen.sources.judgements import SCALES, Judgements

if TYPE_CHECKING:
    from rich.console import Group

DEFAULT = ("sp_rouge_lsum",)  # the paper's SP-RG
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
        return [told, *self.warnings, *signatures]


def correlate_with_people(
    judgements: Judgements,
    *,
    metrics: Sequence[str] | None = None,
    programs: Sequence[Program] = (),
    tokenizer_path: str | Path | None = None,
    kept: Path | None = None,
    seed: int = 0,
) -> HumanCorrelation:
    """Score each judged summary by each metric, and correlate the scores with the judgements.

    A metric scores every summary by itself; one that covers a language, or a summary, not at all leaves it
    out. `programs` are metrics in processes of their own, their answers stored in `kept`. The mean goes
    over the languages that have a value.
    """
    records = _records(judgements)
    names = tuple(DEFAULT if metrics is None else metrics)
    doubled = [p.name for p in programs if p.name in METRICS] or [
        name for name in (*names, *(p.name for p in programs))
        if [*names, *(p.name for p in programs)].count(name) > 1
    ]  # fmt: skip
    if doubled:
        raise InputError(
            f"metric {doubled[0]!r} is named twice; name a program as in other=COMMAND"
        )
    scores, labels, signatures = _registered(records, names, tokenizer_path=tokenizer_path)
    for program in programs:
        answers = program.scores(records, kept=kept)
        scores[program.name] = {r.id: value for r, value in zip(records, answers, strict=True)}
        labels[program.name], signatures[program.name] = program.name, program.signature
    points = tuple(
        Point(
            row.language, row.document, row.system, dict(row.scores),
            {name: found[r.id] for name, found in scores.items() if r.id in found},
        )
        for row, r in zip(judgements.rows, records, strict=True)
    )  # fmt: skip
    cells: list[Cell] = []
    warnings = list(judgements.warnings)
    for name in labels:
        how = f"{signatures[name]}|per:summary|data:{judgements.signature}"
        found, remarks = _cells(points, name, signature=how, seed=seed)
        cells += found
        warnings += remarks
    return HumanCorrelation(judgements.signature, labels, tuple(cells), points, tuple(warnings))


def write_correlation(result: HumanCorrelation, folder: Path) -> list[Path]:
    """Write table.md, correlation.json and scores.jsonl into `folder`; return their paths."""
    paths = [folder / name for name in ("table.md", "correlation.json", "scores.jsonl")]
    write_whole(paths[0], result.markdown())
    write_json(paths[1], result.to_json())
    write_whole(paths[2], result.lines())
    return paths


def _records(judgements: Judgements) -> list[Prediction]:
    return [
        parse_prediction(
            {
                "id": f"{row.language}/{row.document}/{row.system}",
                "language": row.language,
                "prediction": row.prediction,
                "reference": row.reference,
            },
            row.place,
        )
        for row in judgements.rows
    ]


def _registered(
    records: Sequence[Prediction], names: Sequence[str], *, tokenizer_path: str | Path | None
) -> tuple[dict[str, dict[str, float]], dict[str, str], dict[str, str]]:
    """Return scores by metric and record, and each metric's label and signature."""
    if not names:
        return {}, {}, {}
    made = make_metrics(names, tokenizer_path=tokenizer_path)
    scores: dict[str, dict[str, float]] = {name: {} for name in made}

    def look(record: Prediction, found: Mapping[str, float]) -> None:
        for name, value in found.items():
            if made[name].covers(record.language):
                scores[name][record.id] = value

    measure(progress(records, "Scoring"), made, look=look)
    labels = {name: metric.label for name, metric in made.items()}
    return scores, labels, {name: metric.signature for name, metric in made.items()}


def _cells(
    points: Sequence[Point], metric: str, *, signature: str, seed: int
) -> tuple[list[Cell], list[str]]:
    """Return all cells of one metric, and what is undefined and why."""
    by_language: dict[str, list[Point]] = {point.language: [] for point in points}
    totals = dict.fromkeys(by_language, 0)
    for point in points:
        totals[point.language] += 1
        if metric in point.scores:
            by_language[point.language].append(point)
    x = {code: np.array([p.scores[metric] for p in held]) for code, held in by_language.items()}
    documents = {code: [p.document for p in held] for code, held in by_language.items()}
    cells, remarks = [], [
        f"{metric}: no score for {totals[code] - len(held)} of {totals[code]} summaries in {code}, left out"
        for code, held in by_language.items()
        if len(held) < totals[code]
    ]  # fmt: skip
    for scale in SCALES:
        y = {
            code: np.array([p.judgements[scale] for p in held])
            for code, held in by_language.items()
        }
        remarks += [
            f"{metric}, {code}, {scale}: {reason}, so there is no correlation"
            for code in x
            if (reason := _why_undefined(x[code], y[code]))
        ]
        for kind in KINDS:
            found, mean = correlate(x, y, documents=documents, kind=kind, seed=seed)
            how = f"{signature}|{kind}|interval:documents,{RESAMPLES},seed:{seed}"
            cells += [
                Cell(
                    code, metric, scale, kind, **asdict(one), printed=_printed(code, scale, kind=kind),
                    signature=f"{how}|n:{one.n}|xlgen:{__version__}",
                )
                for code, one in found.items()
            ]  # fmt: skip
            codes = ",".join(code for code, one in found.items() if one.value is not None)
            cells.append(
                Cell(
                    "mean", metric, scale, kind, **asdict(mean), printed=_mean_printed(found, scale, kind),
                    signature=f"{how}|languages:{codes}|xlgen:{__version__}",
                )
            )  # fmt: skip
    return cells, remarks


def _why_undefined(x_N: np.ndarray, y_N: np.ndarray) -> str:
    if len(x_N) < FEWEST:
        return f"{len(x_N)} summaries have a score, {FEWEST} are needed"
    for what, numbers_N in (("score", x_N), ("judgement", y_N)):
        if numbers_N.min() == numbers_N.max():
            return f"every {what} is {numbers_N[0]:g}"
    return ""


@cache
def _table_9() -> dict[tuple[str, str, str], float]:
    return {(c.language, c.metric, c.row): c.mean for c in printed_cells() if c.table == "9"}


def _printed(language: str, scale: str, *, kind: str) -> dict[str, float]:
    """Return the printed rows of one column; the paper has Pearson's r alone."""
    found = {row: _table_9().get((language, scale, row)) for row in PRINTED}
    return {row: mean for row, mean in found.items() if mean is not None and kind == KINDS[0]}


def _mean_printed(languages: Mapping[str, Any], scale: str, kind: str) -> dict[str, float]:
    """Return the printed averages, where ours goes over the same languages."""
    printed = {code for code, *_ in _table_9()} - {"avg"}
    return _printed("avg", scale, kind=kind) if printed == set(languages) else {}


def _title(label: str) -> str:
    return f"{label} and human judgements"


def _shown(cell: Cell) -> str:
    if cell.value is None or cell.low is None or cell.high is None:
        return _number(cell.value)
    return f"{cell.value:.2f}±{(cell.high - cell.low) / 2:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
