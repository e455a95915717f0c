"""Run folders -> tables, figures and one self-contained page. Reads files only; never imports torch."""

from xlgen.reports.html import Report, make_report
from xlgen.reports.read import RunResults, read_run
from xlgen.reports.tables import markdown_table, terminal_table

__all__ = [
    "Report",
    "RunResults",
    "make_report",
    "markdown_table",
    "read_run",
    "terminal_table",
]
