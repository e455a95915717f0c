"""Read a run folder: its scores, settings, history and predictions. Damage is named by file and line."""

import json
import lzma
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlgen.errors import InputError
from xlgen.generation.lead import LEAD
from xlgen.languages import language_code
from xlgen.metrics.predictions import document_of
from xlgen.reports.text import one_line

History = tuple[Mapping[str, Any], ...]  # the lines of metrics.jsonl

# How the paper writes its methods; any other name is shown as it is stored.
PACKED = ".xz"  # what `xlgen publish` packs

LABELS = {
    "prompt-tuning": "PromptTuning",
    "model-tuning": "ModelTuning",
    "factorized-prompts": "FactorizedPrompts",
    "lead-64": "LEAD-64",
}


@dataclass(frozen=True)
class Cell:
    """One measured score (0..100) of one language, with its 95 % interval if there is one.

    `limit` and `spm` are the options it was evaluated with; earlier versions did not note them. `checkpoint`
    stands where each language of a run has its own.
    """

    benchmark: str
    split: str
    language: str
    metric: str
    value: float
    n: int
    low: float | None
    high: float | None
    signature: str
    limit: int | None = None
    spm: str | None = None
    checkpoint: int | None = None


@dataclass(frozen=True)
class Prediction:
    """One output with its reference; `scores` are those of this example alone, by metric.

    `document` groups the translations of one page; without one the id stands for it.
    """

    id: str
    language: str
    input: str
    prediction: str
    reference: str
    document: str
    source: str
    licence: str
    scores: Mapping[str, float]

    @property
    def is_empty(self) -> bool:
        """Whether there is no text at all, which is in no language."""
        return not self.prediction.strip()


@dataclass(frozen=True)
class RunResults:
    """What a run folder holds. `predictions` is keyed by (benchmark, split)."""

    folder: Path
    method: str
    checkpoint: int | None
    run: Mapping[str, Any]
    config: Mapping[str, Any]
    cells: tuple[Cell, ...]
    history: History
    predictions: Mapping[tuple[str, str], tuple[Prediction, ...]]

    @property
    def label(self) -> str:
        """The method as the paper writes it."""
        return LABELS.get(self.method, one_line(self.method))

    @property
    def is_baseline(self) -> bool:
        """Whether nothing was trained: the run copies the article's beginning."""
        return self.method.startswith(LEAD)

    @property
    def is_imported(self) -> bool:
        """Whether another system wrote the outputs, in a way that only its owner knows."""
        return self.config.get("name") == "imported"


def read_run(folder: Path) -> RunResults:
    """Read `folder`; only scores.json is required. Raise `InputError` for anything damaged."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a run folder, found none; check the path")
    data = _read_json(folder / "scores.json", remedy=f"run `xlgen evaluate --run {folder}` first")
    method, checkpoint = data.get("method"), data.get("checkpoint")
    if not isinstance(method, str) or not isinstance(data.get("cells"), list):
        raise InputError(
            f"{folder / 'scores.json'}: expected 'method' and a list of 'cells'; evaluate again"
        )
    cells = _read_cells(data["cells"], folder / "scores.json")
    config = folder / "config.json"
    return RunResults(
        folder=folder,
        method=method,
        checkpoint=checkpoint if isinstance(checkpoint, int) else None,
        run=_mapping(data.get("run"), folder / "scores.json", "run"),
        config=_read_json(config, remedy="restore it") if config.exists() else {},
        cells=cells,
        history=read_history(folder / "metrics.jsonl"),
        predictions={
            key: _read_predictions(folder, *key)
            for key in dict.fromkeys((cell.benchmark, cell.split) for cell in cells)
        },
    )


def _read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: expected this file, found none; {remedy}")
    try:
        data = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path}: damaged, not JSON ({error}); restore it or evaluate again"
        ) from None
    return dict(_mapping(data, path, "the file"))


def _mapping(value: Any, path: Path, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected {what} to be an object, got {type(value).__name__}")
    return value


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file:line, record) of a JSONL file, packed or not, split on line feeds only."""
    for count, line in enumerate(_content(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{count}"
        try:
            record = json.loads(line.decode("utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(
                f"{where}: damaged, not a JSON object ({error}); remove the line or evaluate again"
            ) from None
        if not isinstance(record, dict):
            raise InputError(f"{where}: expected an object, got {type(record).__name__}")
        yield where, record


def _content(path: Path) -> bytes:
    if path.suffix != PACKED:
        return path.read_bytes()
    try:
        return lzma.decompress(path.read_bytes())
    except lzma.LZMAError as error:
        raise InputError(f"{path}: damaged ({error}); restore it or evaluate again") from None


def _read_cells(records: list[Any], path: Path) -> tuple[Cell, ...]:
    cells: dict[tuple[str, str, str, str], Cell] = {}
    for count, record in enumerate(records, start=1):
        cell = _read_cell(record, f"{path}: cell {count}")
        if cell is None:
            continue
        key = (cell.benchmark, cell.split, cell.language, cell.metric)
        if key in cells:
            raise InputError(f"{path}: cell {count} repeats {' '.join(key)}; evaluate again")
        cells[key] = cell
    return tuple(cells.values())


def _read_cell(record: Any, where: str) -> Cell | None:
    """Read one cell; a `null` value was not measured and counts as missing."""
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected an object, got {type(record).__name__}")
    names = {key: _text(record, key, where) for key in ("benchmark", "split", "language", "metric")}
    if record.get("value") is None:
        return None
    for key in ("benchmark", "split", "metric"):
        if not re.fullmatch(r"[\w.-]+", names[key]):
            raise InputError(f"{where}: expected a plain {key} name, got {names[key]!r:.60}")
    names["language"] = language_code(names["language"])
    n = record.get("n")
    if not isinstance(n, int) or n < 0:
        raise InputError(f"{where}: expected n, a count, got {n!r}; evaluate again")
    return Cell(
        **names,
        value=_score(record["value"], where, "value"),
        n=n,
        low=None if record.get("low") is None else _score(record["low"], where, "low"),
        high=None if record.get("high") is None else _score(record["high"], where, "high"),
        signature=str(record.get("signature") or ""),
        limit=_count(record.get("limit"), where, "limit", least=1),
        spm=None if record.get("spm") is None else _text(record, "spm", where),
        checkpoint=_count(record.get("checkpoint"), where, "checkpoint", least=0),
    )


def _count(value: Any, where: str, key: str, *, least: int) -> int | None:
    if value is not None and (not isinstance(value, int) or value < least):
        raise InputError(f"{where}: expected a {key}, a count, got {value!r:.60}; evaluate again")
    return value


def _text(record: Mapping[str, Any], key: str, where: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise InputError(f"{where}: expected a text in {key!r}, got {value!r:.60}; evaluate again")
    return value


def _score(value: Any, where: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(
            f"{where}: expected a number in {key!r}, got {value!r:.60}; evaluate again"
        )
    return float(value)


def read_history(path: Path) -> History:
    """Read metrics.jsonl in the order of steps; a step written again after a resume replaces the first."""
    if not path.exists():
        return ()
    steps: dict[int, Mapping[str, Any]] = {}
    for where, record in read_lines(path):
        if not isinstance(record.get("step"), int):
            raise InputError(f"{where}: expected a step, a count, got {record.get('step')!r:.60}")
        for scores in _mapping(record.get("validation"), path, "validation").values():
            _mapping(scores, path, "a language's validation scores")
        steps[record["step"]] = record
    return tuple(steps[step] for step in sorted(steps))


def _read_predictions(folder: Path, benchmark: str, split: str) -> tuple[Prediction, ...]:
    """Read predictions and join the per-example scores by (language, id); absent files give none.

    Predictions without a score stem from an evaluation with another limit and are left out.
    """
    place, stem = folder / "predictions", f"{benchmark}-{split}"
    path, scores_path = _stored(place / f"{stem}.jsonl"), _stored(place / f"{stem}.scores.jsonl")
    if not path.exists():
        return ()
    scores: dict[tuple[str, str], Mapping[str, float]] = {}
    for where, record in read_lines(scores_path) if scores_path.exists() else ():
        values = _mapping(record.get("scores"), scores_path, "scores")
        key = (language_code(_text(record, "language", where)), _text(record, "id", where))
        scores[key] = {
            name: _score(value, where, name) for name, value in values.items() if value is not None
        }
    read = tuple(_prediction(record, where, scores) for where, record in read_lines(path))
    return tuple(p for p in read if not scores or (p.language, p.id) in scores)


def _stored(path: Path) -> Path:
    """Return the file, or where it is not there the one that `xlgen publish` made of it."""
    return path if path.exists() else path.with_name(path.name + PACKED)


def _prediction(
    record: Mapping[str, Any], where: str, scores: Mapping[tuple[str, str], Mapping[str, float]]
) -> Prediction:
    language, identity = language_code(_text(record, "language", where)), _text(record, "id", where)
    return Prediction(
        id=identity,
        language=language,
        input=str(record.get("input") or ""),
        prediction=_text(record, "prediction", where),
        reference=str(record.get("reference") or ""),
        document=document_of(record, identity=identity, language=language),
        source=str(record.get("source") or ""),
        licence=str(record.get("licence") or ""),
        scores=scores.get((language, identity), {}),
    )
