"""Metrics beside people, measured: the paper's Table 9 (appendix B) for any metric"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from xlgen import __version__
from xlgen.errors import InputError
from xlgen.metrics import METRICS
from xlgen.metrics.correlation import FEWEST, KINDS, correlate, subtract
from xlgen.metrics.intervals import RESAMPLES
from xlgen.metrics.predictions import Prediction, parse_prediction
from xlgen.metrics.program import Program
from xlgen.metrics.score import make_metrics, measure
from xlgen.progress import progress
from xlgen.reports.humans import PRINTED, Cell, Difference, HumanCorrelation, Point
from xlgen.reports.published import printed_cells
from xlgen.sources.judgements import SCALES, Judgements

DEFAULT = ("sp_rouge_lsum",)  # the paper's SP-RG


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
    names = tuple(DEFAULT if metrics is None else metrics)
    taken = [*names, *(program.name for program in programs)]
    doubled = [
        name for name in taken if taken.count(name) > 1 or (name in METRICS and name not in names)
    ]
    if doubled:
        raise InputError(
            f"metric {doubled[0]!r} is named twice; name a program as in other=COMMAND"
        )
    if not names and not programs:
        raise InputError("expected a metric, got none; name one of `xlgen list metrics`")
    records = _records(judgements)
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
    differences = tuple(_differences(points, tuple(labels), seed=seed))
    return HumanCorrelation(
        judgements.signature, labels, tuple(cells), differences, points, tuple(warnings)
    )


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
        for name, value in found.items():  # without those that cover neither text nor language
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


def _differences(
    points: Sequence[Point], metrics: Sequence[str], *, seed: int
) -> Iterator[Difference]:
    """Compare the first metric with each other one, on the summaries that both score."""
    first, *others = metrics
    for other in others:
        held: dict[str, list[Point]] = {}
        for point in points:
            if {first, other} <= set(point.scores):
                held.setdefault(point.language, []).append(point)
        x, y = (
            {code: np.array([p.scores[name] for p in own]) for code, own in held.items()}
            for name in (first, other)
        )
        documents = {code: [p.document for p in own] for code, own in held.items()}
        for scale in SCALES:
            z = {code: np.array([p.judgements[scale] for p in own]) for code, own in held.items()}
            for kind in KINDS:
                mean = subtract(x, y, judgements=z, documents=documents, kind=kind, seed=seed)
                yield Difference(first, other, scale, kind, **asdict(mean))


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
