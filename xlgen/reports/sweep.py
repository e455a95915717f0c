"""Read sweep.json and the evaluation folders it names: scores without the texts, and learning curves."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

from xlgen.config import from_json
from xlgen.errors import InputError
from xlgen.files import read_object
from xlgen.generation.lead import LEAD
from xlgen.languages import KNOWN, SOURCE, language_code
from xlgen.model import MODELS
from xlgen.reports.read import Cell, Prediction, read_lines, read_run
from xlgen.reports.text import listed, one_line
from xlgen.studies.index import Gap, Row

Key = tuple[str, str]  # a benchmark and a split
Listed = TypeVar("Listed", Row, Gap)


@dataclass(frozen=True)
class Point:
    """A line of curve.jsonl: a validation score (0..100) of one checkpoint, None where undefined."""

    step: int
    language: str
    metric: str
    value: float | None
    n: int


@dataclass(frozen=True)
class Folder:
    """An evaluated folder without its texts.

    Both are keyed by (benchmark, split), then by (language, metric); `examples` holds (document, score)
    by id. `translator` is the identity of TRANS-TEST's system, by its way: "fr-en".
    """

    folder: Path
    cells: Mapping[Key, Mapping[tuple[str, str], Cell]]
    examples: Mapping[Key, Mapping[tuple[str, str], Mapping[str, tuple[str, float]]]]
    translator: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One run of a sweep; `scored` has an entry for each selection of checkpoints that was evaluated.

    `size` names the model, and is empty for a baseline; `length` is that of the prompt, in tokens. `note`
    says what stands behind the row's name.
    """

    row: str
    target: str | None
    seed: int | None
    size: str
    parameters: int | None
    length: int | None
    scored: Mapping[str, Folder]
    curve: tuple[Point, ...]
    note: str = ""

    def counts_for(self, language: str) -> bool:
        """Whether this run's scores in a language are its row's."""
        return self.target in (None, language) or language == SOURCE


def note_of(jobs: Sequence[Job]) -> str:
    """Say what stands behind the name of a row, by target where that differs."""
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        found.setdefault(job.note, {})[KNOWN[job.target].name if job.target else ""] = None
    if len(found) == 1:
        return next(iter(found))
    told = ((note, list(filter(None, names))) for note, names in found.items() if note)
    return "; ".join(f"{note} ({listed(names)})" if names else note for note, names in told)


def seeds_by_translator(jobs: Sequence[Job]) -> dict[str, list[str]]:
    """Return which seeds each system of TRANS-TEST translated, by its identity."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        for system in {json.dumps(one.translator, sort_keys=True) for one in job.scored.values()}:
            found.setdefault(system, []).append(str(job.seed))
    return found


def read_jobs(rows: Any, *, folder: Path) -> tuple[Job, ...]:
    """Read the runs that sweep.json lists; raise `InputError` for damage and for repeated runs."""
    path = folder / "sweep.json"
    read = _read(Row, rows, path=path)
    names = {row.model: Path(row.model).name for row in read}
    found: dict[tuple[Any, ...], Job] = {}
    for number, row in enumerate(read, start=1):
        unique = list(names.values()).count(names[row.model]) == 1
        size = names[row.model] if unique else row.model
        job = _read_job(row, folder, "" if row.row.startswith(LEAD) else one_line(size))
        key = (job.row, job.size, job.target, job.seed)
        if key in found:
            raise InputError(f"{path}: row {number} repeats {key}; run `xlgen sweep` again")
        found[key] = job
    return tuple(found.values())


def read_gaps(gaps: Any, *, folder: Path) -> tuple[str, ...]:
    """Read the rows that could not be made, each with its reason; earlier sweeps list none."""
    found = _read(Gap, [] if gaps is None else gaps, path=folder / "sweep.json")
    return tuple(one_line(str(gap)) for gap in found)


def _read(kind: type[Listed], lines: Any, *, path: Path) -> list[Listed]:
    """Read the lines of sweep.json of one kind; what they hold beyond it is no business of reports."""
    name = kind.__name__.lower()
    if not isinstance(lines, list):
        raise InputError(f"{path}: expected a list of '{name}s'; run `xlgen sweep` again")
    known = {field.name for field in fields(kind)}
    found = []
    for number, line in enumerate(lines, start=1):
        if isinstance(line, dict):
            line = {key: value for key, value in line.items() if key in known}
        found.append(from_json(kind, line, where=f"{path}: {name} {number}"))
    return found


def _read_job(row: Row, root: Path, size: str) -> Job:
    place = root / row.folder
    parts = {name: place / name for name in ("by-target", "by-english")}
    if (place / "scores.json").is_file():  # a baseline: no checkpoint was chosen
        alone = _read_folder(place)
        scored = dict.fromkeys(parts, alone)
    else:
        done = {name: part for name, part in parts.items() if (part / "scores.json").is_file()}
        scored = {name: _read_folder(part) for name, part in done.items()}
    return Job(
        row=one_line(row.row),
        target=None if row.target is None else language_code(row.target),
        seed=row.seed,
        size=size,
        parameters=count_parameters(row.model) if size else None,
        length=_length(place, root),
        scored=scored,
        curve=read_curve(place / "curve.jsonl"),
        note=one_line(row.note),
    )


def _read_folder(folder: Path) -> Folder:
    run = read_run(folder)
    cells: dict[Key, dict[tuple[str, str], Cell]] = {}
    for cell in run.cells:
        cells.setdefault((cell.benchmark, cell.split), {})[cell.language, cell.metric] = cell
    examples = {key: _scores(found) for key, found in run.predictions.items()}
    translator = run.run.get("translator")
    return Folder(folder, cells, examples, translator if isinstance(translator, dict) else {})


def _scores(
    predictions: Sequence[Prediction],
) -> Mapping[tuple[str, str], Mapping[str, tuple[str, float]]]:
    found: dict[tuple[str, str], dict[str, tuple[str, float]]] = {}
    for one in predictions:
        for metric, value in one.scores.items():
            found.setdefault((one.language, metric), {})[one.id] = (one.document, value)
    return found


def read_curve(path: Path) -> tuple[Point, ...]:
    """Read curve.jsonl in the order of steps; an absent file has no points."""
    if not path.is_file():
        return ()
    points = [from_json(Point, record, where=where) for where, record in read_lines(path)]
    for point in points:
        language_code(point.language)
    return tuple(sorted(points, key=lambda point: point.step))


def _length(place: Path, root: Path) -> int | None:
    """Return the prompt's length out of the training run's settings, None where there is none."""
    remedy = "restore it, or evaluate again"
    for config in (place / "config.json", place / "by-target" / "config.json"):
        run = read_object(config, remedy=remedy).get("run_folder") if config.is_file() else None
        # the sweep may have been moved since: its folders keep their names
        if isinstance(run, str) and (settings := root / Path(run).name / "config.json").is_file():
            method = read_object(settings, remedy=remedy).get("method")
            length = method.get("length") if isinstance(method, dict) else None
            return length if isinstance(length, int) else None
    return None


@cache
def count_parameters(model: str) -> int | None:
    """Return how many weights a packaged model or a folder of safetensors has; None if it is not here."""
    packaged = Path(str(resources.files("xlgen"))) / "assets" / model
    files = sorted((packaged if model in MODELS else Path(model)).glob("*.safetensors"))
    try:
        return sum(map(_count, files)) or None
    except (OSError, SafetensorError):
        return None


def _count(path: Path) -> int:
    with safe_open(path, framework="numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
