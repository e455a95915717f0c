"""A system and a benchmark -> predictions and scores in a run folder. Finished languages are kept."""

import json
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlgen.benchmarks.base import Benchmark
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.files import check_writable, read_object, write_json, write_whole
from xlgen.metrics.score import score_records
from xlgen.progress import progress

# What may stand in a stored stamp but decides no prediction: `date` is when the last one was made, and the
# others are of earlier versions.
NO_PART = frozenset({"run", "limit", "date"})


@dataclass(frozen=True)
class System:
    """Something that turns inputs into predictions.

    `stamp` says all that decides its predictions (checkpoint, decoding, ...): predictions under another
    stamp are made anew, under the same one they are kept. Languages are predicted together until they have
    `together` examples.
    """

    method: str
    stamp: dict[str, Any]
    predict: Callable[[Sequence[Example]], list[str]]
    together: int = 128


def evaluate(
    system: System,
    benchmark: Benchmark,
    *,
    folder: Path,
    split: str,
    tokenizer_path: Path | None = None,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Predict and score `languages` (all if None); return what `scores.json` holds afterwards.

    Examples already predicted under the same stamp are not predicted again, whatever the limit was.
    Scores of one benchmark and split are all of one limit and one SentencePiece model (`tokenizer_path`,
    the benchmark's if None): those of another are replaced. The caller holds the folder's lock.
    """
    wanted = list(dict.fromkeys(languages or benchmark.languages))
    examples = benchmark.examples(split, languages=wanted, limit=limit)
    pieces = tokenizer_path or benchmark.tokenizer_path()
    name = f"{benchmark.name}-{split}"
    lines_path = folder / "predictions" / f"{name}.scores.jsonl"
    kept = Predictions(folder / "predictions" / f"{name}.jsonl", system.stamp)
    for path in (kept.path, kept.stamp_path, lines_path, folder / "scores.json"):
        check_writable(path)
    missing = {language: kept.missing(examples[language]) for language in wanted}
    with progress(sum(map(bool, missing.values())), f"{system.method}: {name}") as bar:
        for codes, portion in portions(missing, together=system.together):
            kept.add(portion, system.predict(portion))
            bar.advance(len(codes))
    records = [record for code in wanted for record in kept.records_of(examples[code])]
    cells, lines = _score(
        records,
        tokenizer_path=pieces,
        metrics=benchmark.metrics,
        decoding=str(system.stamp.get("decoding", "none")),
    )
    spm = None if tokenizer_path is None else str(tokenizer_path)
    conditions = {"benchmark": benchmark.name, "split": split, "limit": limit, "spm": spm}
    merged = _merged_cells(folder / "scores.json", [conditions | c for c in cells], system.stamp)
    scored = {cell["language"] for cell in merged if cell.items() >= conditions.items()}
    _merge_lines(lines_path, lines, languages=scored.difference(wanted))
    scores = {
        "method": system.method,
        "run": system.stamp,
        "checkpoint": system.stamp.get("checkpoint"),
        "cells": merged,
    }
    write_json(folder / "scores.json", scores)
    return scores


def portions(
    groups: Mapping[str, Sequence[Example]], *, together: int
) -> Iterator[tuple[list[str], list[Example]]]:
    """Yield languages that are predicted together, and their examples.

    Alone, a few examples of each of many languages would leave a search's batches half empty: 1.5 times
    the seconds for six of each of fifteen.
    """
    codes: list[str] = []
    portion: list[Example] = []
    for code, group in groups.items():
        if group:
            codes, portion = [*codes, code], [*portion, *group]
        if len(portion) >= together:
            yield codes, portion
            codes, portion = [], []
    if portion:
        yield codes, portion


class Predictions:
    """The predictions of one benchmark and split by language and id: JSONL, beside it the stamp."""

    def __init__(self, path: Path, stamp: dict[str, Any]) -> None:
        self.path, self.stamp_path, self.stamp = path, path.with_suffix(".json"), stamp
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        if path.is_file() and self.stamp_path.is_file():
            stored = read_object(self.stamp_path, remedy="delete it to predict anew")
            if _is_same(stored, stamp):
                for record in _read_lines(path):
                    self.records.setdefault(record["language"], {})[record["id"]] = record

    def missing(self, examples: Sequence[Example]) -> list[Example]:
        """Return the examples that have no prediction yet for just this input and reference."""
        return [example for example in examples if not self._has(example)]

    def _has(self, example: Example) -> bool:
        record = self.records.get(example.language, {}).get(example.id, {})
        given = (record.get("input"), record.get("reference"))
        return given == (example.input, example.target)

    def records_of(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """Return the record of each example."""
        return [self.records[example.language][example.id] for example in examples]

    def add(self, examples: Sequence[Example], predictions: list[str]) -> None:
        """Take in predictions and write all there are; an interruption leaves the file as it was."""
        for example, prediction in zip(examples, predictions, strict=True):
            self.records.setdefault(example.language, {})[example.id] = {
                "id": example.id,
                "language": example.language,
                "input": example.input,
                "prediction": prediction,
                "reference": example.target,
                "document": example.document,
                "source": example.source,
                "licence": example.licence,
            }
        records = [record for group in self.records.values() for record in group.values()]
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        self.stamp_path.unlink(missing_ok=True)  # lines without their stamp are never trusted
        write_whole(self.path, "".join(lines))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_whole(self.stamp_path, json.dumps({"date": now} | self.stamp, indent=2) + "\n")


def _is_same(stored: Any, stamp: Mapping[str, Any]) -> bool:
    given = json.loads(json.dumps(stamp))
    return isinstance(stored, dict) and _deciding(given) == _deciding(stored)


def _deciding(stamp: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stamp.items() if key not in NO_PART}


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of our own file; each has an id and a language."""
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line.decode())
            known = isinstance(record["id"], str) and isinstance(record["language"], str)
        except (ValueError, TypeError, KeyError, RecursionError):
            known = False
        if not known:
            raise InputError(
                f"{path}:{number}: damaged, not a record with id and language; "
                "delete the file to make it anew"
            )
        yield record


def _score(
    records: Sequence[dict[str, Any]],
    *,
    tokenizer_path: Path | None,
    metrics: Sequence[str] | None,
    decoding: str,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the cells, and a line of scores for each record."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "scores.jsonl"
        scores = score_records(
            progress(records, "Scoring"),
            tokenizer_path=tokenizer_path,
            metrics=metrics,
            per_example=path,
            decoding=decoding,
        )
        return scores.to_json()["cells"], list(_read_lines(path))


def _merged_cells(
    path: Path, cells: list[dict[str, Any]], stamp: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return stored and new cells; those of another stamp, and of this benchmark's other limit, go."""
    remedy = "delete it and evaluate again; the predictions are kept"
    stored = read_object(path, remedy=remedy) if path.is_file() else {}
    old = stored.get("cells") if _is_same(stored.get("run"), stamp) else []
    parts = ("benchmark", "split", "limit", "spm", "language", "metric")
    if not isinstance(old, list) or any(not isinstance(cell, dict) for cell in old):
        raise InputError(f"{path}: expected a list of cells; {remedy}")
    # a cell of an earlier version names no limit: it may be any, so it is not "none"
    sections = {(cell["benchmark"], cell["split"]): cell for cell in cells}
    kept = [cell for cell in old if _goes_with(cell, sections)]
    merged = {tuple(cell.get(part) for part in parts): cell for cell in [*kept, *cells]}
    order = list(dict.fromkeys(_section(cell) for cell in [*old, *cells]))
    return sorted(merged.values(), key=lambda cell: order.index(_section(cell)))


def _section(cell: Mapping[str, Any]) -> tuple[Any, Any]:
    return cell.get("benchmark"), cell.get("split")


def _goes_with(cell: Mapping[str, Any], sections: Mapping[tuple[Any, Any], Any]) -> bool:
    """Return whether an old cell is of another benchmark or split, or of the new cells' conditions."""
    new = sections.get(_section(cell))
    return new is None or all(part in cell and cell[part] == new[part] for part in ("limit", "spm"))


def _merge_lines(path: Path, new: list[dict[str, Any]], *, languages: Collection[str]) -> None:
    """Write the lines of scores per example: stored ones of `languages`, and the new ones."""
    old = _read_lines(path) if path.is_file() else ()
    kept = [line for line in old if line["language"] in languages]
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in [*kept, *new]]
    write_whole(path, "".join(lines))
