"""Read a study: what a sweep left, by row of the paper's tables, size, seed and language; gaps by name.

A row's scores in a language are those of the runs made for it: a run with a target counts there and in
English only. In English the runs of several targets count as one, their mean, for each seed.
"""

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgen.errors import InputError
from xlgen.files import read_object
from xlgen.generation.lead import LEAD
from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.certainty import Estimate, Parts, Scored, Seed, estimate, mean, subtract
from xlgen.reports.grid import QUALITY, covers, measure
from xlgen.reports.published import published_rows
from xlgen.reports.read import Cell
from xlgen.reports.sweep import Job, note_of, read_gaps, read_jobs, seeds_by_translator
from xlgen.reports.text import listed, one_line

PROTOCOL = "by-target"
HONEST = "by-english"
# Selection -> how the checkpoint that is scored was chosen.
SELECTIONS = {
    PROTOCOL: "checkpoints chosen on each language's own validation SP-ROUGE, as in the paper",
    HONEST: "checkpoints chosen on English validation alone, as without labels elsewhere",
}
FEW = 6  # languages whose three columns still fit beside each other


@dataclass(frozen=True)
class Summary:
    """One cell of a table: the mean over `seeds` of `of` seeds, its standard deviation and interval.

    `std` divides by n - 1 and is None for one seed; low and high are 95 % over documents and seeds
    (`certainty.estimate`); `n` is how many outputs were scored. The paper's cells have no interval. A mean
    over languages has no `std`; `lacks` are those without a score, None where it is of one language.
    """

    mean: float
    std: float | None
    seeds: int
    of: int
    low: float | None = None
    high: float | None = None
    n: int | None = None
    checkpoints: tuple[int, ...] = ()
    lacks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Study:
    """A sweep's scores on one benchmark and split. Sizes ascend; rows stand as in the paper."""

    grid: str
    benchmark: str
    split: str
    jobs: tuple[Job, ...]
    sizes: tuple[str, ...]
    parameters: Mapping[str, int | None]
    left_out: tuple[str, ...] = ()
    _parts: dict[tuple[str, ...], Parts] = field(default_factory=dict, compare=False, repr=False)

    @property
    def title(self) -> str:
        """The benchmark and its split, for a heading."""
        return f"{self.benchmark} · {self.split}"

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """The rows of the sweep: baselines, those of the paper in its order, then others as they came."""
        own = dict.fromkeys(job.row for job in self.jobs)
        copied = sorted(
            (row for row in own if row.startswith(LEAD)), key=lambda row: (len(row), row)
        )
        return tuple(row for row in dict.fromkeys([*copied, *published_rows(), *own]) if row in own)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that any run was scored in."""
        found = {language for job in self.jobs for language, _ in self._cells(job, PROTOCOL)}
        return tuple(code for code in KNOWN if code in found)

    @property
    def others(self) -> tuple[str, ...]:
        """The languages that had no labels: all but English."""
        return tuple(code for code in self.languages if code != SOURCE)

    @property
    def targets(self) -> tuple[str, ...]:
        """The languages that some run was made for."""
        return tuple(code for code in KNOWN if code in {job.target for job in self.jobs})

    def has(self, row: str, size: str) -> bool:
        """Whether the sweep lists a row at a size, run or not."""
        return bool(self.jobs_of(row, size))

    def series(self, row: str, size: str, *, language: str, metric: str, selection: str) -> Parts:
        """Return a row's scores by seed in one language, as parts of one estimate; empty if none."""
        key = (row, size, language, metric, selection)
        if key not in self._parts:
            self._parts[key] = self._series(*key)
        return self._parts[key]

    def _series(self, row: str, size: str, language: str, metric: str, selection: str) -> Parts:
        by_seed: dict[Seed, list[Scored]] = {}
        for job in self.jobs_of(row, size, language=language):
            cell = self._cells(job, selection).get((language, metric))
            if cell is not None:
                given = job.scored[selection].examples.get((self.benchmark, self.split), {})
                by_seed.setdefault(job.seed, []).append(
                    Scored(cell.value, given.get((language, metric), {}))
                )
        return (
            {language: {seed: mean(scores) for seed, scores in by_seed.items()}} if by_seed else {}
        )

    def jobs_of(self, row: str, size: str, *, language: str | None = None) -> list[Job]:
        """Return the runs of a row, done or not; with a language those whose scores in it are the row's."""
        jobs = [job for job in self.jobs if job.row == row and job.size in ("", size)]
        return jobs if language is None else [job for job in jobs if job.counts_for(language)]

    def _cells(self, job: Job, selection: str) -> Mapping[tuple[str, str], Cell]:
        found = job.scored.get(selection)
        return found.cells.get((self.benchmark, self.split), {}) if found else {}

    def parts(
        self, row: str, size: str, *, languages: Sequence[str], metric: str, selection: str
    ) -> Parts:
        """Return a row's scores by language and seed."""
        found: dict[str, Mapping[Seed, Scored]] = {}
        for language in languages:
            found |= self.series(row, size, language=language, metric=metric, selection=selection)
        return found

    def summary(
        self, row: str, size: str, *, language: str, metric: str, selection: str = PROTOCOL
    ) -> Summary | None:
        """Return a cell of a table; None where nothing was scored."""
        parts = self.series(row, size, language=language, metric=metric, selection=selection)
        found = estimate(parts)
        if found is None:
            return None
        low, high = _bounds(found)
        values = [score.value for score in parts[language].values()]
        jobs = self.jobs_of(row, size, language=language)
        cells = [self._cells(job, selection).get((language, metric)) for job in jobs]
        known = [cell for cell in cells if cell is not None]
        return Summary(
            mean=found.value,
            std=statistics.stdev(values) if len(values) > 1 else None,
            seeds=len(values),
            of=len({job.seed for job in jobs}),
            low=low,
            high=high,
            n=min(cell.n for cell in known),
            checkpoints=tuple(cell.checkpoint for cell in known if cell.checkpoint is not None),
        )

    def average(
        self, row: str, size: str, *, languages: Sequence[str], metric: str, selection: str
    ) -> Summary | None:
        """Return a row's mean over those of `languages` that it has, seeds counted where they are fewest."""
        asked = [code for code in languages if covers(metric, code)]
        parts = self.parts(row, size, languages=asked, metric=metric, selection=selection)
        found = estimate(parts)
        if found is None:
            return None
        low, high = _bounds(found)
        return Summary(
            mean=found.value,
            std=None,
            seeds=min(map(len, parts.values())),
            of=max(self.listed_seeds(row, size, language=code) for code in parts),
            low=low,
            high=high,
            lacks=tuple(code for code in asked if code not in parts),
        )

    def difference(
        self,
        first: str,
        second: str,
        *,
        sizes: tuple[str, str],
        languages: Sequence[str],
        metric: str,
        selection: str = PROTOCOL,
    ) -> Estimate | None:
        """Return the first row minus the second, each at its size, paired by seed and document."""
        ours, theirs = (
            self.parts(row, size, languages=languages, metric=metric, selection=selection)
            for row, size in zip((first, second), sizes, strict=True)
        )
        return estimate(subtract(ours, theirs))

    def state(self, row: str, size: str, *, language: str | None = None) -> str:
        """Say how much of a row was run, in one language or at all.

        "", "2 of 3 seeds", "not run", "not planned" in this language, or "not in the sweep".
        """
        jobs = self.jobs_of(row, size, language=language)
        if not jobs:
            return "not planned" if self.has(row, size) else "not in the sweep"
        done = {job.seed for job in jobs if PROTOCOL in job.scored}
        seeds = {job.seed for job in jobs}
        return "" if done == seeds else f"{len(done)} of {len(seeds)} seeds" if done else "not run"

    def listed_seeds(self, row: str, size: str, *, language: str | None = None) -> int:
        """Return how many seeds of a row the sweep lists, run or not, in one language or at all."""
        return len({job.seed for job in self.jobs_of(row, size, language=language)})

    def note(self, row: str) -> str:
        """Say what stands behind a row's name; empty where nothing was noted."""
        return note_of([job for job in self.jobs if job.row == row])

    def length(self, row: str, size: str) -> int | None:
        """Return how many tokens a row's prompt has: by its name, or by its run's settings."""
        named = re.fullmatch(r"prompt, l=(\d+)", row)
        if named:
            return int(named[1])
        found = {job.length for job in self.jobs if (job.row, job.size) == (row, size)} - {None}
        return found.pop() if row == "prompt" and len(found) == 1 else None

    def gaps(self) -> list[str]:
        """Name what is missing: rows without all their seeds, by target; and what else a reader must know."""
        found = [*self.left_out, *self._uneven()]
        for size in ("", *self.sizes):
            for row in self.rows:
                jobs = [job for job in self.jobs if (job.row, job.size) == (row, size)]
                for target in dict.fromkeys(job.target for job in jobs):
                    made = [job for job in jobs if job.target == target]
                    name = one_line(" · ".join(filter(None, (size, row, target))))
                    found += _gaps(made, name)
        return found

    def _uneven(self) -> Iterator[str]:
        """Say where rows were scored on different numbers of outputs."""
        for language in self.languages:
            cells = [self._cells(job, PROTOCOL).get((language, QUALITY)) for job in self.jobs]
            counts = sorted({cell.n for cell in cells if cell})
            if len(counts) > 1:
                name = KNOWN[language].name
                yield f"{name}: rows were scored on {listed([str(n) for n in counts])} outputs"


def _bounds(found: Estimate) -> tuple[float | None, float | None]:
    """Return the interval of a score, which lies between 0 and 100."""
    if found.low is None or found.high is None:
        return None, None
    return max(0.0, found.low), min(100.0, found.high)


def _gaps(jobs: Sequence[Job], name: str) -> Iterator[str]:
    """Say which runs of one row, size and target lack scores, and which had unlike translators."""
    done = [job for job in jobs if PROTOCOL in job.scored]
    if len(done) < len(jobs):
        yield f"{name}: {f'{len(done)} of {len(jobs)} seeds' if done else 'not run'}"
    honest = sum(HONEST in job.scored for job in done)
    if honest < len(done):
        yield f"{name}, chosen on English: {honest} of {len(done)} seeds"
    systems = seeds_by_translator(jobs)
    if len(systems) > 1:
        parts = [f"seed {listed(seeds)}" for seeds in systems.values()]
        yield f"{name}: {' and '.join(parts)} were translated by different systems"


def is_study(folder: Path) -> bool:
    """Return whether a sweep was begun in `folder`."""
    return (Path(folder) / "sweep.json").is_file()


def read_study(folder: Path) -> Study:
    """Read what `xlgen sweep` left in `folder`; runs that are not done yet are gaps.

    Raises `InputError` for damage, for a sweep without any scores, and for scores that do not compare.
    """
    path = Path(folder) / "sweep.json"
    data = read_object(path, remedy="name a folder that `xlgen sweep` wrote")
    jobs = read_jobs(data.get("rows"), folder=Path(folder))
    keys = [key for job in jobs for found in job.scored.values() for key in found.cells]
    if not keys:
        raise InputError(
            f"{path}: no run of this sweep is scored yet; continue it with `xlgen sweep`"
        )
    benchmark, split = min(dict.fromkeys(keys), key=lambda key: key[1] != "test")
    _refuse_unlike(jobs, (benchmark, split))
    sizes = list(dict.fromkeys((job.size, job.parameters) for job in jobs if job.size))
    sizes.sort(key=lambda size: (size[1] is None, size[1] or 0))
    return Study(
        grid=one_line(str(data.get("grid") or "")),
        benchmark=benchmark,
        split=split,
        jobs=jobs,
        sizes=tuple(size for size, _ in sizes),
        parameters=dict(sizes),
        left_out=(
            *read_gaps(data.get("gaps"), folder=Path(folder)),
            *(
                f"{name} · {part} was scored too and is not shown"
                for name, part in dict.fromkeys(keys)
                if (name, part) != (benchmark, split)
            ),
        ),
    )


def _refuse_unlike(jobs: Sequence[Job], key: tuple[str, str]) -> None:
    """Refuse scores of one metric that were measured in two ways: no table may mix them."""
    first: dict[str, tuple[str, Any]] = {}
    for job in jobs:
        for found in job.scored.values():
            for (_, metric), cell in found.cells.get(key, {}).items():
                how = measure(cell)
                known, folder = first.setdefault(metric, (how, found.folder))
                if how != known:
                    raise InputError(
                        f"{found.folder}: {metric} was measured as {how!r:.160}, in {folder} as "
                        f"{known!r:.160}; evaluate both with the same version and --spm"
                    )
