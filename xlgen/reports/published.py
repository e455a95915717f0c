"""The paper's own numbers: the cells of its result tables, by row, size, language and metric."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from xlgen.languages import KNOWN

SIZES = ("small", "base", "large", "xl", "xxl")  # of mT5, in the paper's words, ascending
SUMMARIES = ("10", "11", "8")  # the tables of WikiLingua-0; 8 has quality alone
SEEDS = 3  # captions of Tables 10 and 11: std over 3 random seeds
STEPS = 100_000  # section 2.2.2: "always", with both methods
VALIDATION = 250  # section 2.2.2: examples a language that a checkpoint is chosen on


@dataclass(frozen=True)
class Printed:
    """A printed cell (0..100 in Tables 2 to 8, 10 and 11): the mean over seeds, and their spread."""

    table: str
    size: str
    row: str
    language: str
    metric: str
    mean: float
    std: float | None


@cache
def printed_cells() -> tuple[Printed, ...]:
    """Return all printed cells of Tables 2 to 11, in the paper's order.

    `row` is the method in lower case, such as "prompt, mix-unsup"; `size` is one of SIZES, or empty for
    what has none, such as LEAD-64. Metrics are called as in METRICS: LID of the language itself is `lid`.
    """
    text = resources.files("xlgen").joinpath("assets", "published.csv").read_text("utf-8")
    _, *lines = text.split("\n")  # the first line says where they stand
    return tuple(
        Printed(
            table=record["table"],
            size=record["size"],
            row=record["method"],
            language=record["language"],
            metric=_metric(record["metric"], record["language"], table=record["table"]),
            mean=float(record["mean"]),
            std=float(record["std"]) if record["std"] else None,
        )
        for record in csv.DictReader(line for line in lines if line)
    )


def _metric(name: str, language: str, *, table: str) -> str:
    """Return our name of a metric: MLQA's F1 (Table 4) has rules of its own."""
    if name == "f1":
        return "mlqa_f1" if table == "4" else "answer_f1"
    return "lid" if name == f"lid_{language}" and language != "en" else name


@cache
def _summaries() -> dict[tuple[str, str, str, str], Printed]:
    return {
        (cell.row, cell.size, cell.language, cell.metric): cell
        for cell in reversed(printed_cells())
        if cell.table in SUMMARIES
    }


def published(row: str, size: str, *, language: str, metric: str) -> Printed | None:
    """Return a cell of WikiLingua-0 (Tables 8, 10 and 11); None where the paper prints none.

    >>> published("prompt, fp", "base", language="th", metric="lid").mean
    40.0
    """
    return _summaries().get((row, size, language, metric))


def published_rows() -> tuple[str, ...]:
    """Return the rows of WikiLingua-0, in the order of Tables 10 and 11."""
    found = sorted(printed_cells(), key=lambda cell: (*SUMMARIES, cell.table).index(cell.table))
    return tuple(dict.fromkeys(cell.row for cell in found if cell.table in SUMMARIES))


def published_sizes(row: str, *, table: str) -> tuple[str, ...]:
    """Return the sizes that a table prints a row at, ascending; one empty name where it has none."""
    found = {cell.size for cell in printed_cells() if (cell.table, cell.row) == (table, row)}
    return tuple(size for size in ("", *SIZES) if size in found)


def published_languages(table: str) -> tuple[str, ...]:
    """Return the languages of a table, in the order of KNOWN."""
    found = {cell.language for cell in printed_cells() if cell.table == table}
    return tuple(code for code in KNOWN if code in found)
