"""The same numbers as the page, for a terminal and for Markdown; and the scores as CSV and JSON."""

import csv
import io
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.errors import InputError
from xlgen.languages import KNOWN
from xlgen.registry import near_names
from xlgen.reports.grid import (
    ASCII,
    ENGLISH,
    TARGET,
    Average,
    Grid,
    alike,
    difference,
    list_benchmarks,
    make_grid,
    metric_label,
)
from xlgen.reports.read import Cell, RunResults
from xlgen.reports.text import number, one_line

BEST = "◂"
MISSING = "missing"
FEW = 3  # systems whose language columns still fit beside each other


def terminal_table(
    runs: Sequence[RunResults], benchmark: str, *, split: str | None = None, width: int = 100
) -> RichTable:
    """Make the table of one benchmark for a terminal of `width` columns; 80 are enough.

    Per system: SP-ROUGE-Lsum, or the benchmark's own quality, with half its 95 % interval; for up to three
    systems also LID target / LID English / ASCII, where outputs are scored so.
    """
    grid = pick_grid(runs, benchmark, split=split)
    systems = range(len(grid.systems))
    few = len(systems) <= FEW and TARGET in grid.metrics
    table = RichTable(
        title=Text(
            f"{grid.title}: {metric_label(grid.quality)} ± half the 95 % interval", style="bold"
        ),
        caption=Text(
            f"{BEST} best of the row; "
            + ("LID xx/en/ASCII: confidence in the target language, in English; " if few else "")
            + "all from 0 to 100"
        ),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("language" if width >= 90 else "lang", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for label in grid.systems:
        table.add_column(Text(_break(label)), justify="right", overflow="fold")
        if few:
            table.add_column("LID xx/\nen/ASCII", justify="right", style="dim", no_wrap=True)
    for language in grid.languages:
        name = KNOWN[language].name if width >= 90 else language
        values = [text for s in systems for text in _terminal(grid, language, s)[: 1 + few]]
        table.add_row(Text(name), Text(grid.count(language)), *values)
    if grid.others:
        table.add_section()
        values = [text for s in systems for text in _terminal_average(grid, s)[: 1 + few]]
        table.add_row(
            Text("average without English" if width >= 120 else "others"),
            Text(f"{len(grid.others)} ×"),
            *values,
        )
    return table


def markdown_table(
    runs: Sequence[RunResults],
    benchmark: str,
    *,
    split: str | None = None,
    metric: str | None = None,
) -> str:
    """Make a Markdown table of one metric: languages x systems with intervals, the best in bold."""
    grid = pick_grid(runs, benchmark, split=split)
    metric = metric or grid.quality
    systems = range(len(grid.systems))
    lines = [
        f"| {' | '.join(['language', 'n', *map(_escape, grid.systems)])} |",
        f"|{'---|' * 2}{'---:|' * len(grid.systems)}",
    ]
    for language in grid.languages:
        best = grid.best(language, metric)
        scores = [_plain(grid.cell(language, metric, s), bold=s in best) for s in systems]
        row = [KNOWN[language].name, grid.count(language), *scores]
        lines.append(f"| {' | '.join(row)} |")
    if grid.others:
        averages = [grid.average(metric, s) for s in systems]
        scores = [_plain(a) + _of(a) for a in averages]
        lines.append(f"| average without English | | {' | '.join(scores)} |")
    return "\n".join(lines) + "\n"


def pick_grid(runs: Sequence[RunResults], benchmark: str, *, split: str | None = None) -> Grid:
    """Return the grid of a benchmark; without `split`, of its test split or else its first one."""
    found = [key for key in list_benchmarks(runs) if key[0] == benchmark]
    if not found:
        names = sorted({name for name, _ in list_benchmarks(runs)})
        raise InputError(f"no scores for benchmark {benchmark!r}: {near_names(benchmark, names)}")
    splits = [name for _, name in found]
    chosen = split or ("test" if "test" in splits else splits[0])
    if chosen not in splits:
        raise InputError(f"{benchmark} has no split {chosen!r}: {near_names(chosen, splits)}")
    return make_grid(runs, benchmark=benchmark, split=chosen)


def scores_records(runs: Sequence[RunResults], systems: Sequence[str]) -> list[dict[str, Any]]:
    """List every cell of every run as a flat record, at full precision."""
    return [
        {
            "system": system,
            "run": one_line(run.folder.name),
            "method": one_line(run.method),
            "checkpoint": run.checkpoint,
            **{
                key: one_line(getattr(c, key))
                for key in ("benchmark", "split", "language", "metric")
            },
            **{key: getattr(c, key) for key in ("value", "low", "high", "n", "limit")},
            "signature": one_line(c.signature),
        }
        for run, system in zip(runs, systems, strict=True)
        for c in run.cells
    ]


def differences_records(grid: Grid, *, metric: str | None = None) -> list[dict[str, Any]]:
    """List, for every two systems, the first's score minus the second's by language and on average.

    Paired by article, with 95 % intervals; `language` is "others" for the average without English. Scores
    that were measured in different ways give nothing.
    """
    metric = metric or grid.quality
    places = {code: [code] for code in grid.languages} | {"others": list(grid.others)}
    found = [
        (first, second, place, difference(grid, (first, second), languages=codes, metric=metric))
        for first, second in itertools.combinations(range(len(grid.systems)), 2)
        if alike(grid, [first, second], metric=metric)
        for place, codes in places.items()
    ]
    return [
        {
            "benchmark": grid.benchmark,
            "split": grid.split,
            "metric": metric,
            "first": grid.systems[first],
            "second": grid.systems[second],
            "language": place,
            **{key: getattr(gap, key) for key in ("value", "low", "high")},
        }
        for first, second, place, gap in found
        if gap is not None
    ]


def scores_json(records: Sequence[dict[str, Any]]) -> str:
    """Write the records as JSON."""
    return json.dumps(records, ensure_ascii=False, indent=1) + "\n"


def scores_csv(records: Sequence[dict[str, Any]]) -> str:
    """Write the records as CSV; a text that a spreadsheet would run as a formula is quoted with '."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(records[0]) if records else [])
    writer.writeheader()
    for record in records:
        writer.writerow({key: _no_formula(value) for key, value in record.items()})
    return out.getvalue()


def _break(name: str) -> str:
    """Put a name like PromptTuning or factorized-prompt on two lines."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z]-)(?=[a-z])", "\n", name)


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _terminal(grid: Grid, language: str, system: int) -> tuple[Text, Text]:
    cell = grid.cell(language, grid.quality, system)
    rest = [grid.cell(language, metric, system) for metric in (TARGET, ENGLISH, ASCII)]
    if cell is None:
        return Text(MISSING, style="italic"), _shares(rest)
    best = system in grid.best(language, grid.quality)
    return Text(_half(cell) + (BEST if best else " "), style="bold" if best else ""), _shares(rest)


def _terminal_average(grid: Grid, system: int) -> tuple[Text, Text]:
    average = grid.average(grid.quality, system)
    rest = [grid.average(metric, system) for metric in (TARGET, ENGLISH, ASCII)]
    if average is None:
        return Text(MISSING, style="italic"), _shares(rest)
    return Text(_half(average) + _of(average).replace(" (", " \n(") + " "), _shares(rest)


def _half(score: Cell | Average) -> str:
    if score.low is None or score.high is None:
        return number(score.value)
    return f"{number(score.value)} ±{(score.high - score.low) / 2:.1f}"


def _shares(scores: Sequence[Cell | Average | None]) -> Text:
    return Text("/".join("–" if s is None else f"{s.value:.0f}".rjust(2) for s in scores))


def _of(average: Average | None) -> str:
    """Say over how many languages an incomplete average goes."""
    return "" if average is None or average.n == average.of else f" (n={average.n} of {average.of})"


def _plain(score: Cell | Average | None, *, bold: bool = False) -> str:
    if score is None:
        return MISSING
    value = f"**{number(score.value)}**" if bold else number(score.value)
    if score.low is None or score.high is None:
        return value
    return f"{value} ({number(score.low)} to {number(score.high)})"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


__all__ = [
    "markdown_table",
    "pick_grid",
    "scores_csv",
    "scores_json",
    "scores_records",
    "terminal_table",
]
