"""A printed table of the paper cell by cell: ours, the paper's, and the difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.reports.grid import metric_label
from xlgen.reports.published import SEEDS, Printed, printed_cells
from xlgen.reports.study import Study, Summary
from xlgen.reports.text import number


@dataclass(frozen=True)
class Compared:
    """A printed cell and ours, None where nothing was scored yet."""

    paper: Printed
    ours: Summary | None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.ours is None else self.ours.mean - self.paper.mean

    def to_json(self) -> dict[str, Any]:
        """Return a flat record."""
        ours = self.ours
        return {
            "table": self.paper.table,
            "row": self.paper.row,
            "size": self.paper.size,
            "language": self.paper.language,
            "metric": self.paper.metric,
            "ours": None if ours is None else ours.mean,
            "ours_std": None if ours is None else ours.std,
            "ours_seeds": 0 if ours is None else ours.seeds,
            "paper": self.paper.mean,
            "paper_std": self.paper.std,
            "difference": self.difference,
        }


def compare(study: Study | None, table: str, *, sizes: Sequence[str]) -> list[Compared]:
    """Return every cell that `table` prints at these sizes (those without a size too), in its order."""
    asked = {"", *sizes}
    return [
        Compared(cell, None if study is None else _ours(study, cell))
        for cell in printed_cells()
        if cell.table == table and cell.size in asked
    ]


def _ours(study: Study, cell: Printed) -> Summary | None:
    return study.summary(cell.row, cell.size, language=cell.language, metric=cell.metric)


def comparison_table(cells: Sequence[Compared]) -> RichTable:
    """Make the table for a terminal."""
    table = RichTable(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
        caption=Text(f"mean ± standard deviation over seeds; the paper's are of {SEEDS}"),
        caption_justify="left",
    )  # fmt: skip
    table.add_column("row")
    table.add_column("size")
    table.add_column("language")
    table.add_column("metric")
    for name in ("ours", "paper", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    before: tuple[str, str] | None = None
    for cell in cells:
        paper = cell.paper
        if before is not None and before != (paper.row, paper.size):
            table.add_section()
        before = (paper.row, paper.size)
        table.add_row(
            paper.row,
            paper.size,
            paper.language,
            metric_label(paper.metric),
            _cell(cell.ours),
            _cell(Summary(paper.mean, paper.std, SEEDS, SEEDS)),
            "–" if cell.difference is None else f"{cell.difference:+.1f}",
        )
    return table


def _cell(found: Summary | None) -> str:
    if found is None:
        return "–"
    spread = "" if found.std is None else f" ±{found.std:.1f}"
    return number(found.mean) + spread
