"""Score outputs: records -> statistics by language -> scores with intervals and signatures.

`xlgen score` is `score_file`. Nothing here imports torch; records are read one by one and only their
statistics are kept.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlgen.errors import InputError
from xlgen.files import check_output, replacing
from xlgen.languages import KNOWN, SOURCE
from xlgen.metrics import METRICS
from xlgen.metrics.base import Floats, Metric, signed
from xlgen.metrics.intervals import bootstrap_totals, document_totals, interval
from xlgen.metrics.pieces import Pieces
from xlgen.metrics.predictions import Prediction, parse_prediction, read_predictions
from xlgen.metrics.scores import Average, Cell, Scores
from xlgen.progress import progress

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_SENTINEL = re.compile(r"<extra_id_\d+>")


def score_file(
    path: str | Path,
    *,
    tokenizer_path: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    per_example: str | Path | None = None,
) -> Scores:
    """Score a predictions file, as `score_records` does.

    Raises `InputError` for bad records, with file and line.
    """
    if per_example is not None:
        check_output(Path(per_example), input=Path(path))
    records = progress(read_predictions(Path(path)), "Scoring")
    return score_records(
        records, tokenizer_path=tokenizer_path, metrics=metrics, per_example=per_example
    )


def score_records(
    records: Iterable[Prediction | Mapping[str, Any]],
    *,
    tokenizer_path: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    per_example: str | Path | None = None,
    decoding: str | None = None,
    seed: int = 0,
) -> Scores:
    """Score records per language, with 95 % bootstrap intervals drawn from `seed`.

    Scores depend neither on the order of the records nor on that of the languages. Without
    `tokenizer_path` the packaged tokenizer is used. `per_example` names a JSONL file for the scores of
    each record, written whole or not at all. `decoding` tells how the texts were made, for the signature.
    """
    made = make_metrics(metrics, tokenizer_path=tokenizer_path)
    tagged: list[str] = []
    with _line_writer(per_example) as write:

        def look(record: Prediction, scores: Mapping[str, float]) -> None:
            write(record, scores)
            if _TAG.search(_SENTINEL.sub("", record.prediction)):
                tagged.append(record.place)

        measured = measure(records, made, look=look)
    cells = [
        cell
        for code, table in measured.items()
        for cell in _cells(code, table, decoding=decoding, seed=seed)
    ]
    averages = _averages(made, measured, seed=seed) if measured else ()
    return Scores(tuple(cells), tuple(averages), _warnings(tagged))


def make_metrics(
    names: Sequence[str] | None, *, tokenizer_path: str | Path | None
) -> dict[str, Metric]:
    """Make the named metrics, or those of the table that stand for any text, over one SentencePiece model."""
    pieces = Pieces(tokenizer_path)
    made: dict[str, Metric] = {name: METRICS[name](pieces) for name in names or METRICS}
    return {name: metric for name, metric in made.items() if names or metric.by_default}


def measure(
    records: Iterable[Prediction | Mapping[str, Any]],
    metrics: Mapping[str, Metric],
    *,
    look: Callable[[Prediction, Mapping[str, float]], None] | None = None,
) -> dict[str, "Measured"]:
    """Measure every record, by language in the order of KNOWN; `look` sees each with its scores."""
    tables: dict[str, _Table] = {}
    for record in _parsed(records):
        scores = tables.setdefault(record.language, _Table(metrics)).add(record)
        if look is not None:
            look(record, scores)
    return {code: tables[code].measured() for code in KNOWN if code in tables}


def _parsed(records: Iterable[Prediction | Mapping[str, Any]]) -> Iterator[Prediction]:
    for number, given in enumerate(records, start=1):
        place = f"record {number}"
        yield given if isinstance(given, Prediction) else parse_prediction(given, place)


@dataclass(frozen=True)
class Measured:
    """The statistics of one language, examples in order of their ids, all metrics side by side."""

    metrics: Mapping[str, Metric]
    columns: Mapping[str, slice]
    ids: list[str]
    documents: list[str]
    rows: Floats

    def statistics(self, name: str) -> Floats:
        """Return the statistics [N, K] of one metric."""
        return self.rows[:, self.columns[name]]


class _Table:
    """Collects the statistics of one language: an id and a row of numbers per example."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.columns: dict[str, slice] = {}
        self.ids: list[str] = []
        self.documents: list[str] = []
        self.rows: list[tuple[float, ...]] = []

    def add(self, record: Prediction) -> dict[str, float]:
        """Measure a record, keep the row, and return its scores."""
        row: list[float] = []
        scores: dict[str, float] = {}
        for name, metric in self.metrics.items():
            reference = _reference(record, name, metric)
            statistics = metric.statistics(record.prediction, reference, record.language)
            self.columns[name] = slice(len(row), len(row) + len(statistics))
            row.extend(statistics)
            value = metric.score(statistics)
            if value is not None:
                scores[name] = value
        self.ids.append(record.id)
        self.documents.append(record.document)
        self.rows.append(tuple(row))
        return scores

    def measured(self) -> Measured:
        """Return all rows sorted by id, so that sums and resamples do not depend on the file's order."""
        order = sorted(range(len(self.ids)), key=self.ids.__getitem__)
        rows = np.array([self.rows[i] for i in order], dtype=np.float64)
        ids, documents = ([names[i] for i in order] for names in (self.ids, self.documents))
        return Measured(self.metrics, self.columns, ids, documents, rows)


def _reference(record: Prediction, name: str, metric: Metric) -> str:
    if not metric.needs_reference:
        return ""
    is_empty = record.reference is not None and not record.reference.strip()
    if record.reference is None or (is_empty and not metric.empty_reference):
        came = "none" if record.reference is None else "an empty one"
        raise InputError(
            f"{record.place or record.id}: expected a 'reference' for {name}, got {came}; add it, or"
            " remove the record"
        )
    return record.reference


def _cells(language: str, table: Measured, *, decoding: str | None, seed: int) -> Iterator[Cell]:
    """Yield the cell of each metric; one set of resamples serves them all."""
    totals = bootstrap_totals(table.rows, seed=seed)
    for name, metric in table.metrics.items():
        total = table.statistics(name).sum(0)
        count = round(float(total[-1]))
        found = interval(metric.scores(totals[:, table.columns[name]])) if count > 1 else None
        yield Cell(
            language=language,
            metric=name,
            value=metric.score(total),
            n=count,
            low=found.low if found else None,
            high=found.high if found else None,
            signature=signed(metric, n=count, decoding=decoding),
        )


def _averages(
    metrics: Mapping[str, Metric], tables: Mapping[str, Measured], *, seed: int
) -> Iterator[Average]:
    """Yield the means over all languages, and over those that had no labels: all but English.

    A metric that does not cover all of them has its mean over those it covers.
    """
    found = {code: (table.documents, table.rows) for code, table in tables.items()}
    totals = document_totals(found, seed=seed)
    groups = [tuple(tables)]
    if SOURCE in tables and len(tables) > 1:
        groups.append(tuple(code for code in tables if code != SOURCE))
    for group in groups:
        for name, metric in metrics.items():
            languages = tuple(code for code in group if metric.covers(code))
            if not languages:
                yield Average(metric=name, languages=(), value=None, low=None, high=None)
                continue
            values = [metric.scores(tables[code].statistics(name).sum(0)) for code in languages]
            resampled = [
                metric.scores(totals[code][:, tables[code].columns[name]]) for code in languages
            ]
            value = float(np.mean(values))
            drawn = interval(np.mean(resampled, axis=0))
            yield Average(
                metric=name,
                languages=languages,
                value=None if np.isnan(value) else value,
                low=drawn.low if drawn else None,
                high=drawn.high if drawn else None,
            )


def _warnings(tagged: Sequence[str]) -> tuple[str, ...]:
    if not tagged:
        return ()
    first = f", first in {tagged[0]}" if tagged[0] else ""
    return (
        f"HTML tags in {len(tagged):,} predictions{first}; they are scored as text, strip them if the"
        " references have none",
    )


@contextmanager
def _line_writer(
    path: str | Path | None,
) -> Iterator[Callable[[Prediction, Mapping[str, float]], None]]:
    """Give a function that writes a record's scores as a line; the file appears when all is written."""
    if path is None:
        yield lambda record, scores: None
        return

    def write(record: Prediction, scores: Mapping[str, float]) -> None:
        line = {"id": record.id, "language": record.language, "scores": scores}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    with (
        replacing(Path(path)) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        yield write
