"""A study in the layout of the paper's Tables 8, 10 and 11: our lines, and the printed ones beside them.

No average and no comparison mixes the two: the models, the data and the tokenizer differ.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xlgen.generation.lead import LEAD
from xlgen.languages import KNOWN, LANGUAGES, SOURCE
from xlgen.reports.grid import ENGLISH, QUALITY, TARGET, covers
from xlgen.reports.published import (
    SEEDS,
    SIZES,
    printed_cells,
    published,
    published_languages,
    published_sizes,
)
from xlgen.reports.study import FEW, PROTOCOL, Study, Summary
from xlgen.reports.text import noted

OURS, PAPER = "ours", "paper"
OTHERS = "others"  # in the place of a language: the mean over those without labels
ELSE = "Rows that the paper does not have"
DELTA = "Δ prompt − model"
LENGTH = re.compile(r"prompt, l=(\d+)")
HEADROOM = re.compile(r"(?:prompt|model)(?:, (?:trans-test|trans-train|sup|sup-all))?")
PLAIN = ("prompt", "model")
Cells = Mapping[tuple[str, str], Summary]


@dataclass(frozen=True)
class Line:
    """A line of a table: whose it is, its size and row, its cells by (language, metric).

    `state` says what is missing, `note` what stands behind the row's name; both may be empty. `awaited` are
    the cells that none of the row's runs has scored yet, with how many seeds there will be; any other
    that is absent is not planned, not defined, or not printed.
    """

    source: str
    size: str
    row: str
    cells: Cells
    state: str = ""
    note: str = ""
    awaited: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The row as the paper writes it: in capitals."""
        return self.row if self.row == DELTA else self.row.upper()

    @property
    def label(self) -> str:
        """Whose and of which size."""
        return f"paper {self.size.upper()}".rstrip() if self.source == PAPER else self.size


@dataclass(frozen=True)
class Block:
    """Lines that the paper sets together."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class StudyTable:
    """One of the paper's tables; `columns` are its (language, metric) in order."""

    key: str
    title: str
    columns: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, each over its columns."""
        return tuple(dict.fromkeys(language for language, _ in self.columns))

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands behind the names of its rows."""
        return noted(
            {line.row: line.note for block in self.blocks for line in block.lines if line.note}
        )


def study_tables(study: Study, *, selection: str = PROTOCOL) -> tuple[StudyTable, ...]:
    """Lay a study out as Tables 10, 11 and 8, with the paper's lines below ours of the same row."""
    return (_table_10(study, selection), _table_11(study, selection), _table_8(study, selection))


def our_line(
    study: Study, row: str, *, size: str, columns: Sequence[tuple[str, str]], cells: Cells
) -> Line:
    """Make a line of ours; in a table of one language it says what is missing there."""
    codes = {code for code, _ in columns} - {OTHERS}
    language = codes.pop() if len(codes) == 1 else None
    awaited = {
        (code, metric): study.listed_seeds(row, size, language=code)
        for code, metric in columns
        if code in study.languages
        and covers(metric, code)
        and study.state(row, size, language=code) == "not run"
    }
    state = study.state(row, size, language=language)
    return Line(OURS, size, row, cells, state, study.note(row), awaited)


def focus(study: Study) -> tuple[str, ...]:
    """Return the languages of Tables 10 and 11: the paper's, and the study's; of many, its targets."""
    shown = set(published_languages("10"))
    own = study.languages if len(study.languages) <= FEW else study.targets
    return tuple(code for code in KNOWN if code in shown or code in own)


def _columns(languages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    three = (QUALITY, ENGLISH, TARGET)
    return tuple((c, m) for c in languages for m in (three[:2] if c == SOURCE else three))


def _printed_rows(table: str) -> list[str]:
    return list(dict.fromkeys(cell.row for cell in printed_cells() if cell.table == table))


def _table_10(study: Study, selection: str) -> StudyTable:
    layout = _Layout(study, selection, "10", _columns(focus(study)))
    copied = [row for row in study.rows if row.startswith(LEAD)]
    rows = list(dict.fromkeys([*copied, *_printed_rows("10"), *study.rows]))
    lengths = [row for row in rows if LENGTH.fullmatch(row)]
    lengths.sort(key=lambda row: int(row.split("=")[1]))
    headroom = [row for row in rows if row.startswith(LEAD) or HEADROOM.fullmatch(row)]
    blocks = (
        layout.block("Baselines and headroom", headroom, printed=("", "xxl")),
        layout.block("Model size", PLAIN),
        layout.block("Prompt length", lengths),
    )
    title = "Table 10: quality and language by size and method"
    return StudyTable("10", title, layout.columns, blocks)


def _table_11(study: Study, selection: str) -> StudyTable:
    layout = _Layout(study, selection, "11", _columns(focus(study)))
    printed = _printed_rows("11")
    known = {*printed, *_printed_rows("10")}
    others = [
        row
        for row in study.rows
        if row not in known and not row.startswith(LEAD) and not LENGTH.fullmatch(row)
    ]
    blocks = (
        layout.block("PromptTuning", [row for row in printed if row.startswith("prompt")]),
        layout.block("ModelTuning", [row for row in printed if row.startswith("model")]),
        *([layout.block(ELSE, others)] if others else []),
    )
    return StudyTable("11", "Table 11: the methods against forgetting", layout.columns, blocks)


def _table_8(study: Study, selection: str) -> StudyTable:
    columns = tuple((code, QUALITY) for code in LANGUAGES)
    layout = _Layout(study, selection, "8", columns)
    ours = [line for size in study.sizes for line in layout.pair(size)]
    printed = [
        line
        for size in SIZES
        for line in (*(layout.printed(row, size) for row in PLAIN), layout.printed_gap(size))
    ]
    blocks = (Block("Ours", tuple(ours)), Block("The paper", tuple(printed)))
    return StudyTable("8", "Table 8: SP-ROUGE by language and size", columns, blocks)


@dataclass(frozen=True)
class _Layout:
    """Makes the lines of one table."""

    study: Study
    selection: str
    table: str
    columns: tuple[tuple[str, str], ...]

    def block(self, title: str, rows: Sequence[str], *, printed: Sequence[str] = SIZES) -> Block:
        """Put each row's lines together: ours of every size, then the paper's of the sizes `printed`."""
        lines: list[Line] = []
        for row in rows:
            sizes = ("",) if row.startswith(LEAD) else self.study.sizes
            lines += [self.ours(row, size) for size in sizes if self.study.has(row, size)]
            found = published_sizes(row, table=self.table)
            lines += [self.printed(row, size) for size in found if size in printed]
        return Block(title, tuple(lines))

    def ours(self, row: str, size: str) -> Line:
        found = {
            (code, metric): cell
            for code, metric in self.columns
            if (
                cell := self.study.summary(
                    row, size, language=code, metric=metric, selection=self.selection
                )
            )
        }
        return our_line(self.study, row, size=size, columns=self.columns, cells=found)

    def printed(self, row: str, size: str) -> Line:
        found = {
            (code, metric): Summary(cell.mean, cell.std, SEEDS, SEEDS)
            for code, metric in self.columns
            if (cell := published(row, size, language=code, metric=metric))
        }
        return Line(PAPER, size, row, found)

    def pair(self, size: str) -> list[Line]:
        """Return PromptTuning, ModelTuning and their difference, as far as the sweep has them."""
        lines = [self.ours(row, size) for row in PLAIN if self.study.has(row, size)]
        gap = self.gap(size)
        return [*lines, gap] if gap.cells else lines

    def gap(self, size: str) -> Line:
        found = {}
        for code, metric in self.columns:
            gap = self.study.difference(
                *PLAIN,
                sizes=(size, size),
                languages=[code],
                metric=metric,
                selection=self.selection,
            )
            if gap is not None:
                value = Summary(gap.value, None, gap.seeds, gap.seeds, low=gap.low, high=gap.high)
                found[code, metric] = value
        return Line(OURS, size, DELTA, found)

    def printed_gap(self, size: str) -> Line:
        prompt, model = (self.printed(row, size).cells for row in PLAIN)
        found = {
            key: replace(prompt[key], mean=prompt[key].mean - model[key].mean, std=None)
            for key in self.columns
        }
        return Line(PAPER, size, DELTA, found)
