"""Files -> rows: JSONL, CSV, TSV (plain, .gz, .xz) and Parquet, one row at a time.

A reader yields a `Row`, or a `BadRow` that says what is wrong with that line and what to do; it never
repairs or drops one. Lines end with b"\\n" only: U+2028, U+0085 and form feeds are text.
A file that cannot be read on (missing, damaged, UTF-16) raises `InputError`.
"""

import csv
import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NoReturn

from xlgen.errors import InputError

LINE_LIMIT = 8 * 2**20  # bytes; ours: the longest article is far below, a file without "\n" above
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it stands in a file: where, and its fields by the file's own names."""

    file: str
    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no record: where, what was expected and came, and the remedy.

    `language` and `split` are those of its file, where a file has one.
    """

    file: str
    number: int
    reason: str
    language: str = ""
    split: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted, None for all. A reader may skip the rest, where that saves reading files."""

    split: str | None = None
    languages: frozenset[str] | None = None


class _BadLineError(ValueError):
    """What is wrong with the line just read; the reading can go on behind it."""


def jsonl_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read JSON records, one a line, numbered by line."""
    with open_bytes(Path(source)) as file:
        yield from jsonl_rows_of(file, str(source))


def jsonl_rows_of(file: IO[bytes], name: str, *, before: int = 0) -> Iterator[Row | BadRow]:
    """Read JSON records from an open file, called `name` in messages, of which `before` lines are read."""
    lines = _Lines(file, name, before=before)
    while True:
        try:
            line = next(lines)
            yield Row(name, lines.number, _parse_record(line))
        except StopIteration:
            return
        except _BadLineError as error:
            yield BadRow(name, lines.number, str(error))


def skip_lines(file: IO[bytes], name: str, *, count: int) -> int:
    """Pass over lines of an open file without looking at them; return how many there were."""
    lines = _Lines(file, name)
    return next((number for number in range(count) if not lines.skip()), count)


def text_lines(file: IO[bytes], name: str) -> Iterator[str | BadRow]:
    """Yield the lines of an open text file without their ends, or why a line is no text."""
    lines = _Lines(file, name)
    while True:
        try:
            yield next(lines)
        except StopIteration:
            return
        except _BadLineError as error:
            yield BadRow(name, lines.number, str(error))


def csv_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read comma-separated records with a header and `"` quotes, numbered by their first line."""
    yield from _separated_rows(Path(source), delimiter=",", quoting=csv.QUOTE_MINIMAL)


def tsv_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read tab-separated records with a header, one a line; quotes are text (text/tab-separated-values)."""
    yield from _separated_rows(Path(source), delimiter="\t", quoting=csv.QUOTE_NONE)


def parquet_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read the rows of a Parquet file, numbered from 1."""
    import pyarrow
    import pyarrow.parquet

    name, number = str(source), 0
    with open_bytes(Path(source)) as file:
        try:
            for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=256):
                for row in range(batch.num_rows):
                    number += 1
                    try:
                        yield Row(name, number, batch.slice(row, 1).to_pylist()[0])
                    except UnicodeDecodeError as error:
                        yield BadRow(name, number, _utf8_reason(error))
        except (pyarrow.ArrowException, OSError) as error:
            _damaged(name, number, "Parquet", error)


def line_rows(source: str | Path) -> Iterator[Row | BadRow]:
    """Read a text file's lines, empty ones too, each a row with the field `line`."""
    with open_bytes(Path(source)) as file:
        lines = _Lines(file, str(source))
        while True:
            try:
                yield Row(str(source), lines.number + 1, {"line": next(lines)})
            except StopIteration:
                return
            except _BadLineError as error:
                yield BadRow(str(source), lines.number, str(error))


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacked if it ends in .gz or .xz."""
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        return openers.get(path.suffix, open)(path, "rb")
    except OSError as error:
        raise InputError(
            f"{path}: cannot read it ({error.strerror}); give the path of an existing file"
        ) from error


class _Lines(Iterator[str]):
    """The lines of a file as text without their ends; a bad one raises `_BadLineError`, then it goes on."""

    def __init__(self, file: IO[bytes], name: str, *, before: int = 0) -> None:
        self.file, self.name, self.number = file, name, before

    def skip(self) -> bool:
        """Pass over a line and say whether there was one."""
        line = self._read(LINE_LIMIT)
        self.number += bool(line)
        if line and not line.endswith(b"\n"):
            self._skip_line()
        return bool(line)

    def __next__(self) -> str:
        line = self._read(LINE_LIMIT + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
            length = len(line) + self._skip_line()
            raise _BadLineError(
                f"expected at most {LINE_LIMIT:,} bytes a line (8 MB), got {length:,};"
                ' split the text, or check that records end with "\\n"'
            )
        if self.number == 1:
            if line.startswith(_UTF_16_MARKS):
                raise InputError(
                    f"{self.name}:1: expected UTF-8, got UTF-16; convert it:"
                    " iconv -f UTF-16 -t UTF-8"
                )
            line = line.removeprefix(_BYTE_ORDER_MARK)
        return _text(line.removesuffix(b"\n").removesuffix(b"\r"))

    def _read(self, size: int) -> bytes:
        try:
            return self.file.readline(size)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            _damaged(self.name, self.number, "compressed file", error)

    def _skip_line(self) -> int:
        length = 0
        while part := self._read(2**20):
            length += len(part)
            if part.endswith(b"\n"):
                break
        return length


def _text(line: bytes) -> str:
    zero = line.find(b"\0")
    if zero >= 0:
        raise _BadLineError(
            f"expected text, got a NUL byte at byte {zero + 1}; remove it: tr -d '\\000'"
        )
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadLineError(_utf8_reason(error)) from error


def _utf8_reason(error: UnicodeDecodeError) -> str:
    return (
        f"expected UTF-8, got 0x{error.object[error.start]:02X} at byte {error.start + 1};"
        " convert the file, for example iconv -f WINDOWS-1252 -t UTF-8"
    )


def _parse_record(line: str) -> dict[str, Any]:
    if not line or line.isspace():
        raise _BadLineError("expected a JSON record, got a blank line; remove it")
    try:
        record = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_fields)
    except RecursionError as error:
        raise _BadLineError("expected a flat JSON record, got deep nesting; flatten it") from error
    except json.JSONDecodeError as error:
        raise _BadLineError(
            f"expected a JSON record, got {_shown(line)} ({error.msg}, column {error.colno});"
            " write one whole record a line"
        ) from error
    except ValueError as error:  # a number of more than 4,300 digits
        raise _BadLineError(
            f"expected a JSON record: {error}; write long numbers as text"
        ) from error
    if not isinstance(record, dict):
        raise _BadLineError(
            f"expected a JSON record in {{}}, got {_shown(line)}; write one record a line"
            + (": jq -c '.[]'" if isinstance(record, list) else "")
        )
    return record


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadLineError(f"expected each field once, got {_shown(twice)} twice; keep one")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise _BadLineError(f"expected JSON values, got {name}; JSON has null only")


def _separated_rows(
    path: Path, *, delimiter: str, quoting: Literal[0, 3]
) -> Iterator[Row | BadRow]:
    name = str(path)
    csv.field_size_limit(LINE_LIMIT)  # a setting of the whole process; its own is 128 KB
    with open_bytes(path) as file:
        lines = _Lines(file, name)
        # Line ends are given back, because a quoted field may hold them.
        reader = csv.reader(_WithEnds(lines), delimiter=delimiter, quoting=quoting, strict=True)
        header: list[str] | None = None
        while True:
            first = lines.number + 1
            try:
                fields = next(reader)
                if header is None:
                    header = _check_header(fields, name)
                else:
                    yield Row(name, first, _named(header, fields))
            except StopIteration:
                return
            except (_BadLineError, csv.Error) as error:
                if header is None:
                    raise InputError(f"{name}:{first}: {error}") from error
                yield BadRow(name, first, _separated_reason(error))


class _WithEnds(Iterator[str]):
    def __init__(self, lines: _Lines) -> None:
        self.lines = lines

    def __next__(self) -> str:
        return next(self.lines) + "\n"


def _check_header(fields: list[str], name: str) -> list[str]:
    if not all(fields) or not fields or len(set(fields)) < len(fields):
        raise InputError(
            f"{name}:1: expected a header with one name for each column, got {_shown(str(fields))};"
            " write the column names into line 1"
        )
    return fields


def _named(header: list[str], fields: list[str]) -> dict[str, Any]:
    if not fields:
        raise _BadLineError("expected a record, got a blank line; remove it")
    if len(fields) != len(header):
        raise _BadLineError(
            f"expected {len(header)} fields as in the header, got {len(fields)};"
            " quote a field that holds the separator"
        )
    return dict(zip(header, fields))


def _separated_reason(error: Exception) -> str:
    if isinstance(error, _BadLineError):
        return str(error)
    reasons = {
        "unexpected end of data": "expected a closing quote, got the end of the file; close it",
    }
    return reasons.get(str(error), f"{error}; quote fields that hold quotes, separators or returns")


def _damaged(name: str, number: int, kind: str, error: Exception) -> NoReturn:
    raise InputError(
        f"{name}: damaged or truncated {kind} after row {number} ({_shown(str(error))});"
        " copy or make it again"
    ) from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
