"""A system and a benchmark -> predictions and scores in a run folder. Finished languages are kept."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlgen.benchmarks.base import Benchmark
from xlgen.data.examples import Example
from xlgen.files import write_whole
from xlgen.metrics.score import score_records
from xlgen.progress import progress


@dataclass(frozen=True)
class System:
    """Something that turns inputs into predictions.

    `stamp` says all that decides its predictions (checkpoint, decoding, ...): predictions under another
    stamp are made anew, under the same one they are kept.
    """

    method: str
    stamp: dict[str, Any]
    predict: Callable[[Sequence[Example]], list[str]]


def evaluate(
    system: System,
    benchmark: Benchmark,
    *,
    folder: Path,
    tokenizer_path: Path,
    split: str,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Predict and score `languages` (all if None); return what `scores.json` holds afterwards.

    Languages already predicted under the same stamp and limit are not predicted again.
    """
    wanted = list(languages or benchmark.languages)
    examples = benchmark.examples(split, languages=wanted, limit=limit)
    name = f"{benchmark.name}-{split}"
    kept = Predictions(folder / "predictions" / f"{name}.jsonl", {**system.stamp, "limit": limit})
    missing = [language for language in wanted if not kept.covers(examples[language])]
    for language in progress(missing, f"{system.method}: {name}"):
        kept.add(language, examples[language], system.predict(examples[language]))
    scores = score_records(
        [record for language in wanted for record in kept.records[language]],
        tokenizer_path=tokenizer_path,
        metrics=benchmark.metrics,
        per_example=folder / "predictions" / f"{name}.scores.jsonl",
        decoding=str(system.stamp.get("decoding", "none")),
    )
    cells = [
        {"benchmark": benchmark.name, "split": split, **cell} for cell in scores.to_json()["cells"]
    ]
    return _merge_scores(folder / "scores.json", cells, system)


class Predictions:
    """The predictions of one benchmark and split: JSONL by language, beside them the stamp."""

    def __init__(self, path: Path, stamp: dict[str, Any]) -> None:
        self.path, self.stamp_path, self.stamp = path, path.with_suffix(".json"), stamp
        self.records: dict[str, list[dict[str, Any]]] = {}
        if path.is_file() and self.stamp_path.is_file():
            if json.loads(self.stamp_path.read_text("utf-8")) != json.loads(json.dumps(stamp)):
                return
            for line in path.read_text("utf-8").split("\n")[:-1]:
                record = json.loads(line)
                self.records.setdefault(record["language"], []).append(record)

    def covers(self, examples: Sequence[Example]) -> bool:
        """Return whether there is a prediction for just these examples."""
        if not examples:
            return True
        records = self.records.get(examples[0].language, [])
        return [record["id"] for record in records] == [example.id for example in examples]

    def add(self, language: str, examples: Sequence[Example], predictions: list[str]) -> None:
        """Take in a language and write all there is; an interruption leaves the file as it was."""
        self.records[language] = [
            {
                "id": example.id,
                "language": example.language,
                "input": example.input,
                "prediction": prediction,
                "reference": example.target,
                "document": example.document,
                "source": example.source,
                "licence": example.licence,
            }
            for example, prediction in zip(examples, predictions, strict=True)
        ]
        records = [record for group in self.records.values() for record in group]
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stamp_path.unlink(missing_ok=True)  # lines without their stamp are never trusted
        write_whole(self.path, "".join(lines))
        write_whole(self.stamp_path, json.dumps(self.stamp, indent=2) + "\n")


def _merge_scores(path: Path, cells: list[dict[str, Any]], system: System) -> dict[str, Any]:
    """Put new cells in place of old ones; cells of another stamp (another checkpoint) go."""
    stored = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    old = stored["cells"] if stored.get("run") == json.loads(json.dumps(system.stamp)) else []
    key = ("benchmark", "split", "language", "metric")
    merged = {tuple(cell[part] for part in key): cell for cell in [*old, *cells]}
    scores = {
        "method": system.method,
        "run": system.stamp,
        "checkpoint": system.stamp.get("checkpoint"),
        "cells": list(merged.values()),
    }
    write_whole(path, json.dumps(scores, ensure_ascii=False, indent=1) + "\n")
    return scores
