"""One self-contained page from several run folders: no request leaves it, every text is escaped.

The page depends on the run folders' bytes alone: no dates, no absolute paths.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.table import Table as RichTable

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.files import write_whole
from xlgen.languages import KNOWN, SOURCE
from xlgen.progress import progress
from xlgen.reports.figures import Picture, draw_curves, draw_languages, draw_tradeoff
from xlgen.reports.findings import Findings, find
from xlgen.reports.grid import (
    MAIN_METRICS,
    SWITCHING_METRICS,
    Grid,
    list_benchmarks,
    make_grid,
    name_systems,
)
from xlgen.reports.page import data_uri, render_page
from xlgen.reports.read import RunResults, read_run
from xlgen.reports.samples import LanguageSamples, Marker, Shown, mark_words, pick_samples
from xlgen.reports.tables import (
    differences_records,
    scores_csv,
    scores_json,
    scores_records,
    terminal_table,
)
from xlgen.reports.text import visible


@dataclass(frozen=True)
class Report:
    """What `make_report` wrote, and the same answer for a terminal."""

    path: Path
    headline: tuple[str, ...]
    tables: tuple[RichTable, ...]
    missing: tuple[str, ...]
    scores: tuple[dict[str, Any], ...]
    differences: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return all but the tables, whose numbers are `scores` and `differences`."""
        return {
            "path": str(self.path),
            "headline": list(self.headline),
            "missing": list(self.missing),
            "scores": list(self.scores),
            "differences": list(self.differences),
        }


@dataclass(frozen=True)
class Section:
    """Everything the page shows about one benchmark."""

    key: str
    grid: Grid
    findings: Findings
    pictures: tuple[Picture, ...]
    samples: tuple[LanguageSamples, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """The metrics of the folded table."""
        shown = {*MAIN_METRICS, *SWITCHING_METRICS, self.grid.quality}
        return tuple(metric for metric in self.grid.metrics if metric not in shown)

    @property
    def switching(self) -> tuple[str, ...]:
        """The metrics of the table of code switching; none in runs of before there were any."""
        return tuple(metric for metric in self.grid.metrics if metric in SWITCHING_METRICS)

    @cached_property
    def differences(self) -> tuple[dict[str, Any], ...]:
        """The differences between every two systems."""
        return tuple(differences_records(self.grid))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The systems whose differences are shown, two and two."""
        return tuple(dict.fromkeys((gap["first"], gap["second"]) for gap in self.differences))

    def gap(self, language: str, pair: tuple[str, str]) -> dict[str, Any] | None:
        """Return a difference; `language` may be "others"."""
        key = (language, *pair)
        found = (g for g in self.differences if (g["language"], g["first"], g["second"]) == key)
        return next(found, None)

    @property
    def opened(self) -> str:
        """The language whose samples stand open: the first with wrong-language output, or the first."""
        codes = [group.code for group in self.samples if group.wrong] or [SOURCE]
        return codes[0]

    @property
    def main(self) -> tuple[str, ...]:
        """The metrics of the first table."""
        shown = (self.grid.quality, *MAIN_METRICS)
        return tuple(metric for metric in self.grid.metrics if metric in shown)


def make_report(
    run_folders: Sequence[Path],
    out: Path,
    *,
    samples: int = 4,
    width: int = 100,
    mark: Marker = mark_words,
) -> Report:
    """Write one page about `run_folders` to `out`, whole or not at all; tables fit `width` columns."""
    if not run_folders:
        raise InputError("expected at least one run folder, got none; give for example runs/prompt")
    runs = [read_run(Path(folder)) for folder in run_folders]
    keys = list_benchmarks(runs)
    if not keys:
        raise InputError(f"{run_folders[0]}: scores.json has no scores; run `xlgen evaluate` first")
    sections = [
        _make_section(make_grid(runs, benchmark=b, split=s), count, samples=samples, mark=mark)
        for count, (b, s) in enumerate(progress(keys, "Drawing the report"), start=1)
    ]
    missing = tuple(text for section in sections for text in section.grid.missing())
    page = _render(runs, sections, missing)
    write_whole(Path(out), page, what="the report", remedy="choose another --out")
    return Report(
        path=Path(out),
        headline=sections[0].findings.headline,
        tables=tuple(terminal_table(runs, b, split=s, width=width) for b, s in keys),
        missing=missing,
        scores=tuple(scores_records(runs, name_systems(runs))),
        differences=tuple(gap for section in sections for gap in section.differences),
    )


def _make_section(grid: Grid, count: int, *, samples: int, mark: Marker) -> Section:
    key = (grid.benchmark, grid.split)
    shown = [
        Shown(name, system, run.predictions.get(key, ()))
        for system, (name, run) in enumerate(zip(grid.systems, grid.runs, strict=True))
    ]
    tradeoff = draw_tradeoff(grid, name=f"tradeoff{count}")
    return Section(
        key=f"benchmark-{count}",
        grid=grid,
        findings=find(grid),
        pictures=(
            draw_languages(grid, name=f"languages{count}"),
            *([tradeoff] if tradeoff else []),
        ),
        samples=pick_samples(shown, languages=grid.languages, count=samples, mark=mark),
    )


def _render(runs: Sequence[RunResults], sections: Sequence[Section], missing: Sequence[str]) -> str:
    systems = name_systems(runs)
    records = scores_records(runs, systems)
    return render_page(
        "report.html",
        systems=systems,
        sections=sections,
        curves=draw_curves([run.history for run in runs], systems, name="curves"),
        missing=missing,
        origins=[_origin(run, name) for run, name in zip(runs, systems, strict=True)],
        signatures=_signatures(runs, systems),
        licences=_licences(runs),
        csv_uri=data_uri("text/csv", scores_csv(records)),
        json_uri=data_uri("application/json", scores_json(records)),
    )


@dataclass(frozen=True)
class Origin:
    """How one run came about, as the page lists it."""

    system: str
    folder: str
    checkpoint: int | None
    steps: int | None
    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    config: str


def _origin(run: RunResults, system: str) -> Origin:
    facts = {k: value for k, value in run.run.items() if k != "licences" and value is not None}
    return Origin(
        system=system,
        folder=visible(run.folder.name),
        checkpoint=run.checkpoint,
        steps=run.history[-1]["step"] if run.history else None,
        facts=tuple((visible(key), _plain(value)) for key, value in facts.items()),
        commands=_commands(run),
        config=visible(json.dumps(run.config, ensure_ascii=False, indent=2)) if run.config else "",
    )


def _commands(run: RunResults) -> tuple[str, ...]:
    """Return the commands that train and score such a run again; its folder by its last two names."""
    folder = "/".join(run.folder.absolute().parts[-2:])
    train = [["xlgen", "train", f"{folder}/config.json", "--out", folder]]
    verb, chosen = _scoring(run, folder)
    score = [
        [*verb, "--benchmark", name, "--split", split, *chosen, *_conditions(run, name, split)]
        for name, split in list_benchmarks([run])
    ]
    is_trained = run.config and not (run.is_baseline or run.is_imported)
    commands = train + score if is_trained else score
    return tuple(visible(shlex.join(words)) for words in commands)


def _scoring(run: RunResults, folder: str) -> tuple[list[str], list[str]]:
    """Return the verb that scores such a run, and what it is told besides the benchmark."""
    if run.is_imported:
        return ["xlgen", "import", "OUTPUTS"], ["--system", run.method, "--out", folder]
    verb = ["xlgen", "evaluate", "--run", folder]
    if run.is_baseline:
        return verb, ["--baseline", run.method]
    return verb, [] if run.checkpoint is None else ["--checkpoint", str(run.checkpoint)]


def _conditions(run: RunResults, benchmark: str, split: str) -> list[str]:
    """Return the options that these scores were evaluated with, where they are not the defaults."""
    cells = [c for c in run.cells if (c.benchmark, c.split) == (benchmark, split)]
    codes = {cell.language for cell in cells}
    every = set(BENCHMARKS[benchmark].languages) if benchmark in BENCHMARKS else set()
    options = {
        "--languages": "" if codes == every else ",".join(c for c in KNOWN if c in codes),
        "--limit": str(cells[0].limit or ""),
        "--spm": cells[0].spm or "",
    }
    return [word for name, value in options.items() if value for word in (name, value)]


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return visible(" ".join(value))
    return visible(json.dumps(value, ensure_ascii=False))


def _signatures(runs: Sequence[RunResults], systems: Sequence[str]) -> list[tuple[str, list[str]]]:
    """List each distinct signature, without its count of examples, and the systems that carry it."""
    found: dict[str, list[str]] = {}
    for run, system in zip(runs, systems, strict=True):
        given = (re.sub(r"\|n:\d+", "", visible(cell.signature)) for cell in run.cells)
        for signature in filter(None, dict.fromkeys(given)):
            found.setdefault(signature, []).append(system)
    return list(found.items())


def _licences(runs: Sequence[RunResults]) -> list[str]:
    """List licences and sources, from the predictions and from what the evaluation noted."""
    found: dict[str, None] = {}
    for run in runs:
        noted = run.run.get("licences")
        if isinstance(noted, Mapping):
            noted = [f"{key}: {_plain(value)}" for key, value in noted.items()]
        found |= dict.fromkeys(map(_plain, noted if isinstance(noted, list) else []))
        for predictions in run.predictions.values():
            found |= {f"{p.source}: {p.licence}".strip(": "): None for p in predictions}
    return sorted(visible(text) for text in found if text)
