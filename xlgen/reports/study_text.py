"""A study's tables as Markdown and for a terminal; all its cells and the paper's as flat records."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.metrics import METRICS
from xlgen.reports.grid import ENGLISH, QUALITY, TARGET, metric_label
from xlgen.reports.published import SEEDS, STEPS, SUMMARIES, VALIDATION, printed_cells
from xlgen.reports.study import PROTOCOL, SELECTIONS, Study, Summary
from xlgen.reports.study_switching import SWITCHING, places, score
from xlgen.reports.study_tables import OTHERS, OURS, PAPER, Cells, Line, StudyTable
from xlgen.reports.text import number

NOTED = "†"
DASHES = (
    "A dash stands where a row is not planned in a language or the paper prints nothing, "
    '"0 of 3" where seeds are to come.'
)
NAMED, WIDE = (
    34,
    9,
)  # columns of a terminal for the names of a line, and for a language with its deviation


def metric_name(language: str, metric: str) -> str:
    """Return a column's name as the paper has it.

    >>> metric_name("th", "lid"), metric_name("th", "lid_en"), metric_name("th", "sp_rouge_lsum")
    ('LID TH', 'LID EN', 'SP-RG')
    >>> metric_name("th", "wpr")
    'WPR'
    """
    asked = {QUALITY: "SP-RG", ENGLISH: "LID EN", TARGET: f"LID {language.upper()}"}
    return asked[metric] if metric in asked else metric_label(metric)


def scale_text(study: Study) -> str:
    """Say on how much the scores rest: steps, validation and test texts, as curves and scores count them.

    What differs between runs or languages stands as a range. Empty for a study without SP-ROUGE.
    """
    key = (study.benchmark, study.split)
    done = [job for job in study.jobs if job.scored]
    cells = [
        c for job in done for part in job.scored.values() for c in part.cells.get(key, {}).values()
    ]
    curves = [found for job in done if (found := [p for p in job.curve if p.metric == QUALITY])]
    outputs = _range(cell.n for cell in cells if cell.metric == QUALITY)
    if not outputs:
        return ""
    scored = f"scored on {outputs} {study.split} texts a language."
    if not curves:
        return f"Outputs were {scored}"
    steps = _range(curve[-1].step for curve in curves)
    validation = _range(point.n for curve in curves for point in curve)
    return (
        f"Runs were tuned on the task for {steps} steps (the paper: {STEPS:,}), their checkpoints chosen on "
        f"{validation} validation texts a language (the paper: {VALIDATION}) and {scored}"
    )


def _range(counts: Iterable[int]) -> str:
    ends = sorted({min(found), max(found)}) if (found := set(counts)) else []
    return " to ".join(f"{count:,}" for count in ends)


def cell_text(cell: Summary | None, *, awaited: int = 0) -> str:
    """Write a cell: mean ± standard deviation over seeds, and the seeds where some are missing.

    A mean over languages stands with its interval, and names the languages that it lacks. `awaited` is the
    number of seeds to come of a cell that none has yet.
    """
    if cell is None:
        return f"– (0 of {awaited})" if awaited else "–"
    parts = [number(cell.mean)]
    if cell.std is not None:
        parts.append(f"±{cell.std:.1f}")
    if cell.lacks is not None and cell.low is not None and cell.high is not None:
        parts.append(f"({number(cell.low)} to {number(cell.high)})")
    if cell.seeds < cell.of:
        parts.append(f"({cell.seeds} of {cell.of})")
    if cell.lacks:
        parts.append(f"without {', '.join(cell.lacks).upper()}")
    return " ".join(parts)


def line_name(line: Line) -> str:
    """Write a row's name, with a sign where a note stands below the table, and what is missing."""
    name = f"{line.name} {NOTED}" if line.note else line.name
    return f"{name} ({line.state})" if line.state else name


def markdown_study_table(table: StudyTable) -> str:
    """Make a Markdown table; the paper's lines are in italics and say so."""
    many = len(table.languages) > 1
    names = [
        f"{code.upper()} {metric_name(code, metric)}" if many else metric_name(code, metric)
        for code, metric in table.columns
    ]
    lines = [
        f"| {' | '.join(['size', 'row', *names])} |",
        f"|{'---|' * 2}{'---:|' * len(names)}",
    ]
    for block in table.blocks:
        lines.append(f"| **{block.title}** |{' |' * (len(names) + 1)}")
        for line in block.lines:
            texts = [
                cell_text(line.cells.get(column), awaited=line.awaited.get(column, 0))
                for column in table.columns
            ]
            shown = [line.label, line_name(line), *texts]
            if line.source == PAPER:
                shown = [f"*{text}*" for text in shown]
            lines.append(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in shown)} |")
    notes = [f"\n{NOTED} {note}" for note in table.notes]
    return "\n".join([*lines, *notes]) + "\n"


def terminal_study_table(table: StudyTable, *, width: int = 100) -> RichTable:
    """Make the table for a terminal: per language SP-ROUGE ± std, below it LID English/target.

    Of the languages and rows that ours have; deviations are left out where `width` is too small for them.
    Six languages fit into 80 columns.
    """
    ours = [line for block in table.blocks for line in block.lines if line.source == OURS]
    scored = {code for line in ours for code, _ in line.cells}
    languages = [code for code in table.languages if code in scored]
    wide = NAMED + WIDE * len(languages) <= width
    told = (
        f"SP-ROUGE{' ± standard deviation over seeds' if wide else ''}; below: LID English/target"
    )
    shown = RichTable(
        title=Text(table.title, style="bold"),
        caption=Text("\n".join([told, *(f"{NOTED} {note}" for note in table.notes)])),
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
        title_justify="left", caption_justify="left",
    )  # fmt: skip
    shown.add_column("size")
    shown.add_column("row", overflow="fold", min_width=15)
    for code in languages:
        shown.add_column(code.upper(), justify="right", no_wrap=True)
    for block in table.blocks:
        shown.add_section()
        own = {line.row for line in block.lines if line.source == OURS}
        for line in (line for line in block.lines if line.row in own):
            style = "dim italic" if line.source == PAPER else ""
            texts = [_terminal(line.cells, code, wide=wide) for code in languages]
            shown.add_row(
                *(Text(text, style=style) for text in (line.label, line_name(line), *texts))
            )
    return shown


def _terminal(cells: Cells, language: str, *, wide: bool) -> str:
    quality = cells.get((language, QUALITY))
    shares = [cells.get((language, metric)) for metric in (ENGLISH, TARGET)]
    known = ["–" if share is None else f"{share.mean:.0f}" for share in shares]
    spread = "" if quality is None or quality.std is None or not wide else f"±{quality.std:.1f}"
    first = "–" if quality is None else number(quality.mean) + spread
    return first if known == ["–", "–"] else f"{first}\n{'/'.join(known)}"


def study_records(study: Study) -> list[dict[str, Any]]:
    """List every cell of every row, ours for both selections and the paper's, as flat records."""
    notes = {row: study.note(row) for row in study.rows}
    ours = [
        _record(OURS, row, size, language, metric, selection, cell) | {"note": notes[row]}
        for selection in SELECTIONS
        for row, size in places(study)
        for language in (*study.languages, OTHERS)
        for metric in (SWITCHING if language == OTHERS else METRICS)
        if (cell := score(study, (row, size), column=(language, metric), selection=selection))
    ]
    return [*ours, *_paper_records()]


def _paper_records() -> Iterator[dict[str, Any]]:
    found = {
        (cell.row, cell.size, cell.language, cell.metric): cell
        for cell in printed_cells()
        if cell.table in SUMMARIES
    }
    for (row, size, language, metric), cell in found.items():
        summary = Summary(cell.mean, cell.std, SEEDS, SEEDS)
        yield _record(PAPER, row, size, language, metric, PROTOCOL, summary)


def _record(
    source: str, row: str, size: str, language: str, metric: str, selection: str, cell: Summary
) -> dict[str, Any]:
    return {
        "source": source,
        "row": row,
        "size": size,
        "language": language,
        "metric": metric,
        "selection": selection,
        "mean": cell.mean,
        "std": cell.std,
        "low": cell.low,
        "high": cell.high,
        "seeds": cell.seeds,
        "of_seeds": cell.of,
        "n": cell.n,
        "checkpoints": " ".join(map(str, cell.checkpoints)) or None,
        "note": "",
    }
