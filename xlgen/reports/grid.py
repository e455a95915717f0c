"""Numbers of several runs side by side: languages x systems x metrics, averages, paired differences.

Intervals of averages and differences are ours: normal approximation with documents as clusters, since
a page's translations are easy or hard together and are no independent evidence.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xlgen.languages import KNOWN, SOURCE
from xlgen.metrics import METRICS
from xlgen.metrics.pieces import Pieces
from xlgen.reports.read import Cell, Prediction, RunResults
from xlgen.reports.text import one_line

QUALITY = "sp_rouge_lsum"
TARGET = "lid"
ENGLISH = "lid_en"
ASCII = "ascii"
MAIN_METRICS = (QUALITY, TARGET, ENGLISH, ASCII)
WRONG_WORDS = "wrong_words"
ALL_ENGLISH = "all_english"
SWITCHING_METRICS = (WRONG_WORDS, ALL_ENGLISH, "lpr", "wpr")
MEANINGS = {
    ASCII: "share of ASCII characters",
    WRONG_WORDS: "share of words in another language than asked for",
    ALL_ENGLISH: "share of outputs wholly in English",
    "lpr": "share of outputs all of whose lines of five words or more are in the language",
    "wpr": "of these, the share without an English word, in other than Latin script only",
}
Z_95 = 1.959964  # 97.5 % point of the standard normal distribution


def metric_label(name: str) -> str:
    """Return a metric's name for a table or a plot; one that this version does not have keeps its own."""
    return str(METRICS[name](Pieces()).label) if name in METRICS else name


def meanings(metrics: Iterable[str]) -> str:
    """Say what metrics of code switching are, in a line.

    >>> meanings(["ascii", "all_english"])
    'ASCII: share of ASCII characters; All English: share of outputs wholly in English'
    """
    return "; ".join(f"{metric_label(metric)}: {MEANINGS[metric]}" for metric in metrics)


def covers(metric: str, language: str) -> bool:
    """Return whether outputs in `language` have a score in `metric`; one that we do not know may."""
    return bool(METRICS[metric](Pieces()).covers(language)) if metric in METRICS else True


@dataclass(frozen=True)
class Average:
    """A mean over languages; `n` of `of` languages had a score. No interval without per-example scores."""

    value: float
    low: float | None
    high: float | None
    n: int
    of: int


@dataclass(frozen=True)
class Grid:
    """All scores of one benchmark and split. Systems are numbered as the runs were given."""

    benchmark: str
    split: str
    runs: tuple[RunResults, ...]
    systems: tuple[str, ...]
    languages: tuple[str, ...]
    cells: Mapping[tuple[str, str, int], Cell]
    examples: Mapping[tuple[int, str], tuple[Prediction, ...]]

    @property
    def title(self) -> str:
        """The benchmark and its split, for a heading."""
        return f"{self.benchmark} · {self.split}"

    @property
    def others(self) -> tuple[str, ...]:
        """The languages that had no labels: all but English."""
        return tuple(language for language in self.languages if language != SOURCE)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that any system has, the main ones first."""
        found = dict.fromkeys(metric for _, metric, _ in self.cells)
        order = dict.fromkeys([*MAIN_METRICS, *METRICS, *sorted(found)])
        return tuple(metric for metric in order if metric in found)

    @property
    def quality(self) -> str:
        """The metric that says how good a system is: SP-ROUGE-Lsum, or what a benchmark has in its place."""
        own = (m for m in self.metrics if m in METRICS and not METRICS[m](Pieces()).by_default)
        return QUALITY if QUALITY in self.metrics else next(own, QUALITY)

    def cell(self, language: str, metric: str, system: int) -> Cell | None:
        """Return a score, or None where it is missing."""
        return self.cells.get((language, metric, system))

    def best(self, language: str, metric: str) -> frozenset[int]:
        """Return the systems with the highest score; none where fewer than two compare."""
        found = {
            system: cell.value
            for system in range(len(self.systems))
            if (cell := self.cell(language, metric, system)) is not None
        }
        if not comparable([self.cells[language, metric, system] for system in found]):
            return frozenset()
        top = max(found.values(), default=0.0)
        return frozenset(s for s, v in found.items() if v == top) if len(found) > 1 else frozenset()

    def counts(self, language: str) -> list[int]:
        """Return n of the quality scores, ascending; several where the systems differ.

        An empty output has no share of ASCII, so that metric's n (in scores.json) can be lower.
        """
        wanted = (language, self.quality)
        return sorted({cell.n for key, cell in self.cells.items() if key[:2] == wanted})

    def count(self, language: str) -> str:
        """Return `counts` for a table."""
        return "/".join(f"{n:,}" for n in self.counts(language))

    def average(self, metric: str, system: int) -> Average | None:
        """Average a metric over the other languages; the interval needs every per-example score."""
        cells = [c for code in self.others if (c := self.cell(code, metric, system)) is not None]
        if not cells:
            return None
        parts = [_scores(self, system, cell.language, metric) for cell in cells]
        values = [cell.value for cell in cells]
        of = sum(covers(metric, code) for code in self.others)
        return _average(values, parts, of=max(of, len(cells)))

    def missing(self) -> list[str]:
        """Name every (system, metric, language) that another system has and this one lacks.

        Not those of code switching: they are undefined where no output counts, and older runs have none.
        """
        return [
            f"{self.title}: {self.systems[system]} has no {metric_label(metric)} for {KNOWN[language].name}"
            for system in range(len(self.systems))
            for metric in self.metrics
            for language in self.languages
            if self.cell(language, metric, system) is None and metric not in SWITCHING_METRICS
        ]


# What may differ between scores that compare: how many examples, the decoding, the release.
_FREE = re.compile(r"\|(?:n|decoding|xlgen):[^|]*")


def measure(cell: Cell) -> str:
    """Return the part of a cell's signature that decides whether scores compare."""
    return _FREE.sub("", cell.signature)


def comparable(cells: Sequence[Cell]) -> bool:
    """Return whether scores were measured alike; one without a signature passes."""
    return len({measure(cell) for cell in cells if cell.signature}) < 2


def alike(grid: Grid, systems: Sequence[int], *, metric: str) -> bool:
    """Return whether all scores of these systems in a metric compare."""
    cells = grid.cells.items()
    return comparable([c for (_, name, of), c in cells if name == metric and of in systems])


def list_benchmarks(runs: Sequence[RunResults]) -> list[tuple[str, str]]:
    """List (benchmark, split) in the order of the runs' scores, test splits first."""
    found = dict.fromkeys((c.benchmark, c.split) for run in runs for c in run.cells)
    return sorted(found, key=lambda key: key[1] != "test")


def make_grid(runs: Sequence[RunResults], *, benchmark: str, split: str) -> Grid:
    """Lay the scores of `runs` side by side; a language is expected of all if any system has it."""
    cells = {
        (cell.language, cell.metric, system): cell
        for system, run in enumerate(runs)
        for cell in run.cells
        if (cell.benchmark, cell.split) == (benchmark, split)
    }
    found = {language for language, _, _ in cells}
    return Grid(
        benchmark=benchmark,
        split=split,
        runs=tuple(runs),
        systems=name_systems(runs),
        languages=tuple(code for code in KNOWN if code in found),
        cells=cells,
        examples={
            (system, language): tuple(p for p in predictions if p.language == language)
            for system, run in enumerate(runs)
            if (predictions := run.predictions.get((benchmark, split)))
            for language in found
        },
    )


def name_systems(runs: Sequence[RunResults]) -> tuple[str, ...]:
    """Name each run by its method; runs of one method also by their folder."""
    labels = [run.label for run in runs]
    return tuple(
        f"{label} ({one_line(run.folder.name)})" if labels.count(label) > 1 else label
        for label, run in zip(labels, runs, strict=True)
    )


# One example's score with the document it belongs to, by (language, id).
Scores = Mapping[tuple[str, str], tuple[str, float]]


def wrong_share(grid: Grid, system: int, *, languages: Sequence[str]) -> Average | None:
    """Average the share (0..100) of non-empty outputs whose top language is not the target's."""
    return _share(
        {
            (code, example.id): (example.document, 0.0 if example.scores[TARGET] > 0 else 100.0)
            for example in grid.examples.get((system, code), ())
            if TARGET in example.scores and not example.is_empty
        }
        for code in languages
    )


def empty_share(grid: Grid, system: int, *, languages: Sequence[str]) -> Average | None:
    """Average the share (0..100) of outputs without any text."""
    return _share(
        {
            (code, example.id): (example.document, 100.0 if example.is_empty else 0.0)
            for example in grid.examples.get((system, code), ())
        }
        for code in languages
    )


def wrong_references(grid: Grid) -> Average | None:
    """Average the share (0..100) of references taken for another language: the identifier's own errors."""
    from xlgen.metrics.language import identify

    parts: list[Scores] = []
    for code in grid.others:
        references = {
            (code, example.id): (example.document, example.reference)
            for system in range(len(grid.systems))
            for example in grid.examples.get((system, code), ())
            if example.reference
        }
        label = KNOWN[code].cld3
        parts.append(
            {
                key: (document, 0.0 if identify(reference)[0] == label else 100.0)
                for key, (document, reference) in references.items()
            }
        )
    return _share(parts)


def _share(parts: Iterable[Scores]) -> Average | None:
    """Average over the languages that have any examples."""
    given = list(parts)
    known = [part for part in given if part]
    return _average([_mean(part) for part in known], known, of=len(given)) if known else None


def difference(
    grid: Grid, systems: tuple[int, int], *, languages: Sequence[str], metric: str | None = None
) -> Average | None:
    """Average the first system minus the second over the languages both have, paired by article."""
    first, second = systems
    metric = metric or grid.quality
    both = [
        (a, b)
        for code in languages
        if (a := grid.cell(code, metric, first)) and (b := grid.cell(code, metric, second))
    ]
    if not both:
        return None
    parts = [_paired(grid, first, second, a.language, metric) for a, _ in both]
    return _average([a.value - b.value for a, b in both], parts, of=len(languages), lowest=-100.0)


def _scores(grid: Grid, system: int, language: str, metric: str) -> Scores:
    return {
        (language, example.id): (example.document, example.scores[metric])
        for example in grid.examples.get((system, language), ())
        if metric in example.scores
    }


def _paired(grid: Grid, first: int, second: int, language: str, metric: str) -> Scores:
    ours = _scores(grid, first, language, metric)
    theirs = _scores(grid, second, language, metric)
    return {
        key: (document, value - theirs[key][1])
        for key, (document, value) in ours.items()
        if key in theirs
    }


def _mean(part: Scores) -> float:
    return math.fsum(value for _, value in part.values()) / len(part)


def _average(
    values: Sequence[float], parts: Sequence[Scores], *, of: int, lowest: float = 0.0
) -> Average:
    value, error = math.fsum(values) / len(values), _error(parts)
    low = None if error is None else max(lowest, value - Z_95 * error)
    high = None if error is None else min(100.0, value + Z_95 * error)
    return Average(value, low, high, n=len(values), of=of)


def _error(parts: Sequence[Scores]) -> float | None:
    """Return the standard error of a mean of means, documents as clusters; None where scores lack."""
    if any(not part for part in parts):
        return None
    clusters: dict[str, float] = defaultdict(float)
    for part in parts:
        mean = _mean(part)
        for document, value in part.values():
            clusters[document] += (value - mean) / len(part)
    if len(clusters) < 2:
        return None
    squares = math.fsum(total * total for total in clusters.values())
    return math.sqrt(squares * len(clusters) / (len(clusters) - 1)) / len(parts)
