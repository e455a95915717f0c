"""A study's tables as Markdown and for a terminal; all its cells and the paper's as flat records."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.metrics import METRICS
from xlgen.reports.grid import ENGLISH, QUALITY, TARGET
from xlgen.reports.published import SEEDS, SUMMARIES, printed_cells
from xlgen.reports.study import PROTOCOL, SELECTIONS, Study, Summary
from xlgen.reports.study_tables import OURS, PAPER, Cells, StudyTable
from xlgen.reports.sweep import BASELINE
from xlgen.reports.text import number

NAMED, WIDE = (
    34,
    9,
)  # columns of a terminal for the names of a line, and for a language with its deviation


def metric_name(language: str, metric: str) -> str:
    """Return a column's name as the paper has it.

    >>> metric_name("th", "lid"), metric_name("th", "lid_en"), metric_name("th", "sp_rouge_lsum")
    ('LID TH', 'LID EN', 'SP-RG')
    """
    asked = {QUALITY: "SP-RG", ENGLISH: "LID EN", TARGET: f"LID {language.upper()}"}
    return asked.get(metric, metric)


def cell_text(cell: Summary | None) -> str:
    """Write a cell: mean ± standard deviation over seeds, and the seeds where some are missing."""
    if cell is None:
        return "–"
    spread = "" if cell.std is None else f" ±{cell.std:.1f}"
    return (
        number(cell.mean) + spread + (f" ({cell.seeds}/{cell.of})" if cell.seeds < cell.of else "")
    )


def markdown_study_table(table: StudyTable) -> str:
    """Make a Markdown table; the paper's lines are in italics and say so."""
    names = [f"{code.upper()} {metric_name(code, metric)}" for code, metric in table.columns]
    lines = [
        f"| {' | '.join(['size', 'row', *names])} |",
        f"|{'---|' * 2}{'---:|' * len(names)}",
    ]
    for block in table.blocks:
        lines.append(f"| **{block.title}** |{' |' * (len(names) + 1)}")
        for line in block.lines:
            texts = [cell_text(line.cells.get(column)) for column in table.columns]
            name = f"{line.name} ({line.state})" if line.state else line.name
            shown = [line.label, name, *texts]
            if line.source == PAPER:
                shown = [f"*{text}*" for text in shown]
            lines.append(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in shown)} |")
    return "\n".join(lines) + "\n"


def terminal_study_table(table: StudyTable, *, width: int = 100) -> RichTable:
    """Make the table for a terminal: per language SP-ROUGE ± std, below it LID English/target.

    Of the languages and rows that ours have; deviations are left out where `width` is too small for them.
    Six languages fit into 80 columns.
    """
    ours = [line for block in table.blocks for line in block.lines if line.source == OURS]
    scored = {code for line in ours for code, _ in line.cells}
    languages = [code for code in table.languages if code in scored]
    wide = NAMED + WIDE * len(languages) <= width
    shown = RichTable(
        title=Text(table.title, style="bold"),
        caption=Text(
            f"SP-ROUGE{' ± standard deviation over seeds' if wide else ''}; below: LID English/target"
        ),
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
            name = f"{line.name} ({line.state})" if line.state else line.name
            texts = [_terminal(line.cells, code, wide=wide) for code in languages]
            shown.add_row(*(Text(text, style=style) for text in (line.label, name, *texts)))
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
    ours = [
        _record(OURS, row, size, language, metric, selection, cell)
        for selection in SELECTIONS
        for row in study.rows
        for size in (("",) if row.startswith(BASELINE) else study.sizes)
        for language in study.languages
        for metric in METRICS
        if (cell := study.summary(row, size, language=language, metric=metric, selection=selection))
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
    }
