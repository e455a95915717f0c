"""Rows -> examples: read a user's own file or a packaged data set, every record checked.

Nothing is half-read: either every record is good, or the first bad one is named with file, line and
remedy; with `on_bad="skip"` bad ones are left out and counted.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.languages import language_code
from xlgen.progress import progress
from xlgen.registry import near_names
from xlgen.sources import SOURCES
from xlgen.sources.published import is_published, publication
from xlgen.sources.rows import BadRow, Row, Selection

log = logging.getLogger(__name__)

SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
}  # fmt: skip
FIELDS = tuple(f.name for f in fields(Example))
ROW_NUMBER = "#"  # as a column name: file name and row number, for data without ids
_REJECTIONS_KEPT = 20

HTML_TAG = re.compile(
    r"</?(?:a|b|br|code|div|em|h[1-6]|i|img|li|p|pre|script|span|table|td|ul)\b[^<>]*>"
)
_ENTITY = re.compile(r"&(?:nbsp|amp|lt|gt|quot|apos|#\d{1,6}|#x[0-9a-fA-F]{1,5});")


@dataclass
class Notes:
    """What was noticed while reading: kept + rejected + other_split = rows."""

    rows: int = 0
    kept: int = 0
    rejected: int = 0
    other_split: int = 0
    rejections: list[str] = field(default_factory=list)  # the first 20, as messages
    html: int = 0  # examples kept as they are, although they hold tags or entities
    first_html: str = ""  # file:line of the first of them
    renamed_languages: Counter[str] = field(default_factory=Counter)  # "zh-CN -> zh": how often
    first_renamed: str = ""  # file:line of the first of them

    def warnings(self) -> list[str]:
        """Return what the user should know although every record was kept, a line for each kind."""
        lines = []
        if self.html:
            lines.append(
                f"{self.first_html}: HTML tags or entities, kept as they are, {self.html:,} times from"
                " here on; take them out unless they belong to the text"
            )
        if self.renamed_languages:
            codes = ", ".join(f"{c} ({n:,} times)" for c, n in self.renamed_languages.items())
            lines.append(f"{self.first_renamed}: other codes of known languages, read as {codes}")
        if self.rejected:
            lines.append(
                f"{self.rejected:,} of {self.rows:,} records left out; {self.rejections[0]}"
            )
        return lines


@dataclass(frozen=True)
class Reading:
    """Examples in file order, and what was noticed."""

    examples: list[Example]
    notes: Notes


def read_examples(
    path_or_name: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    language: str | None = None,
    languages: Sequence[str] | None = None,
    split: str | None = None,
    require_target: bool = True,
) -> list[Example]:
    """Read every example of a file or a packaged data set; raise `InputError` at the first bad one.

    `columns` maps our field names to the file's: `{"input": "article", "id": "#"}`, where "#" makes
    an id of the file's name and the row's number. `language` is that of the whole file; `languages`
    keeps those only. A file is all of one split, unless it has a column `split`. Of all but packaged data,
    HTML in texts and other language codes are warned of, a line for each kind. Bad records of a published
    data set, which nobody here can mend, are left out and warned of where its entry in PUBLISHED says so.
    """
    published = is_published(path_or_name)
    reading = read_with_notes(
        path_or_name, columns=columns, language=language, split=split, require_target=require_target,
        languages=languages, on_bad=publication(path_or_name).on_bad if published else "refuse",
    )  # fmt: skip
    if published or find_source(path_or_name) in SUFFIXES.values():
        for warning in reading.notes.warnings():
            log.warning("%s", warning)
    return reading.examples


def read_with_notes(
    path_or_name: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    language: str | None = None,
    languages: Sequence[str] | None = None,
    split: str | None = None,
    require_target: bool = True,
    on_bad: Literal["refuse", "skip"] = "refuse",
) -> Reading:
    """Read as `read_examples`, and say what was noticed; bad records are refused or skipped."""
    codes = None if languages is None else frozenset(map(language_code, languages))
    wanted = Selection(split, codes)
    source = SOURCES[find_source(path_or_name)]
    require_target = require_target and not getattr(source, "empty_targets", False)
    check = _Check(columns, language=language, require_target=require_target)
    notes, examples = Notes(), []
    for row in progress(source(path_or_name, wanted), f"Reading {path_or_name}"):
        notes.rows += 1
        try:
            if check.is_of_split(row, split):
                examples.append(check.example(row, notes))
            else:
                notes.other_split += 1
        except _BadRecordError as error:
            message = f"{row.file}:{row.number}: {error}"
            if on_bad == "refuse":
                raise InputError(message) from error
            notes.rejected += 1
            notes.rejections += [message][: _REJECTIONS_KEPT - len(notes.rejections)]
    notes.kept = len(examples)
    kept = [e for e in examples if wanted.languages is None or e.language in wanted.languages]
    if not kept:
        raise InputError(f"{path_or_name}: {_why_empty(wanted, examples, notes)}")
    return Reading(kept, notes)


def each_record(path_or_name: str | Path) -> Iterator[tuple[Row | BadRow, Example | str]]:
    """Yield every record with the example it makes, or why it makes none; none is held."""
    check, notes = _Check(None, language=None, require_target=True), Notes()
    for row in SOURCES[find_source(path_or_name)](path_or_name, Selection()):
        try:
            check.is_of_split(row, None)
            yield row, check.example(row, notes)
        except _BadRecordError as error:
            yield row, str(error)


def _why_empty(wanted: Selection, examples: list[Example], notes: Notes) -> str:
    if examples:
        found = ", ".join(sorted({example.language for example in examples}))
        return f"expected examples in {', '.join(wanted.languages or ())}, found {found}"
    if notes.other_split:
        return f"expected examples of split {wanted.split!r}, found other splits only; name one"
    if notes.rejected:
        return f"none of {notes.rows:,} records is good; the first: {notes.rejections[0]}"
    return "expected at least one record, the file has none"


def find_source(path_or_name: str | Path) -> str:
    """Return the name in SOURCES that reads this: a data set's name, or a format by its suffix."""
    text = str(path_or_name)
    name = text.partition(":")[0]
    if name in SOURCES and name not in SUFFIXES.values() and (name == text or is_published(text)):
        return name
    suffixes = [suffix.lower() for suffix in Path(text).suffixes]
    if suffixes and suffixes[-1] in (".gz", ".xz"):
        suffixes.pop()
    if suffixes and suffixes[-1] in SUFFIXES:
        return SUFFIXES[suffixes[-1]]
    packaged = [name for name in SOURCES if name not in SUFFIXES.values()]
    raise InputError(
        f"{text}: expected a data set ({', '.join(packaged)}) or a file in"
        f" {', '.join(SUFFIXES)} (text also .gz, .xz); rename or convert it"
    )


class _BadRecordError(ValueError):
    """What is wrong with a record, and the remedy."""


class _Check:
    """Turn rows into examples by the column map, and remember ids: each may come once a language."""

    def __init__(
        self, columns: Mapping[str, str] | None, *, language: str | None, require_target: bool
    ) -> None:
        self.columns = dict(columns or {})
        for name in self.columns:
            if name not in (*FIELDS, "split"):
                raise InputError(
                    f"unknown field {name!r} in the column map: {near_names(name, [*FIELDS])}"
                )
        self.language = None if language is None else language_code(language)
        self.require_target = require_target
        self.seen: dict[tuple[str, str], str] = {}

    def is_of_split(self, row: Row | BadRow, split: str | None) -> bool:
        """Tell whether the row belongs to `split`; one without the field belongs to every split."""
        if isinstance(row, BadRow):
            raise _BadRecordError(row.reason)
        return split is None or row.values.get(self._column("split")) in (None, "", split)

    def example(self, row: Row | BadRow, notes: Notes) -> Example:
        assert isinstance(row, Row)
        optional = {
            name: text
            for name in ("task", "source", "licence", "document")
            if (text := self._text(row, name, required=False))
        }
        example = Example(
            id=self._text(row, "id"),
            language=self._language(row, notes),
            input=self._text(row, "input"),
            target=self._text(row, "target", required=self.require_target),
            **optional,
        )
        place = f"{row.file}:{row.number}"
        first = self.seen.setdefault((example.language, example.id), place)
        if first != place:
            raise _BadRecordError(
                f"id {example.id!r} came before in {example.language!r}, at {first};"
                " give every example of a language an id of its own"
            )
        if holds_html(example.input) or holds_html(example.target):
            notes.html += 1
            notes.first_html = notes.first_html or place
        return example

    def _column(self, name: str) -> str:
        return self.columns.get(name, name)

    def _text(self, row: Row, name: str, *, required: bool = True) -> str:
        """Return a field as text; "" if it is missing and not required."""
        column = self._column(name)
        if column == ROW_NUMBER:
            return f"{Path(row.file).name}:{row.number}"
        value = row.values.get(column)
        if name in ("id", "document") and type(value) is int:
            value = str(value)
        if value is None or value == "":
            if required:
                raise _BadRecordError(self._missing(row, name))
            return ""
        if not isinstance(value, str):
            kind = {dict: "an object", list: "a list", bool: "true or false"}.get(
                type(value), "a number"
            )
            raise _BadRecordError(
                f"expected text in field {column!r}, got {kind}; write it as text"
            )
        _refuse_characters(value, column)
        if required and value.isspace():
            raise _BadRecordError(f"expected text in field {column!r}, got white space; remove it")
        return value

    def _missing(self, row: Row, name: str) -> str:
        column = self._column(name)
        without = "; a record without a reference cannot train or score" * (name == "target")
        if column in row.values:
            return f"field {column!r} is empty{without}; fill it or remove the record"
        number = ", or id=# to number the rows" * (name == "id")
        return (
            f"no field {column!r}: {near_names(column, list(row.values)[:50])}{without};"
            f" map the column that holds it: {name}=COLUMN{number}"
        )

    def _language(self, row: Row, notes: Notes) -> str:
        text = self._text(row, "language", required=self.language is None)
        if not text:
            assert self.language is not None
            return self.language
        try:
            code = language_code(text)
        except InputError as error:
            raise _BadRecordError(str(error)) from error
        if self.language not in (None, code):
            raise _BadRecordError(
                f"expected language {self.language!r} as asked for the whole file, got {text!r};"
                " read the file without a fixed language"
            )
        if code != text:
            notes.renamed_languages[f"{text} -> {code}"] += 1
            notes.first_renamed = notes.first_renamed or f"{row.file}:{row.number}"
        return code


def _refuse_characters(text: str, column: str) -> None:
    if "\0" in text:
        raise _BadRecordError(f"expected text in field {column!r}, got a NUL character; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _BadRecordError(
            f"expected text in field {column!r}, got half of a surrogate pair"
            f" (\\u{ord(text[error.start]):04x}); repair the program that wrote it"
        ) from error


def holds_html(text: str) -> bool:
    """Return whether a text holds tags or entities of HTML."""
    return ("<" in text and HTML_TAG.search(text) is not None) or (
        "&" in text and _ENTITY.search(text) is not None
    )
