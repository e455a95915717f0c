"""Read a system's outputs: JSONL records {"id", "language", "prediction", "reference"}."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from xlgen.errors import InputError
from xlgen.languages import language_code

LONGEST_LINE = 2**20  # bytes; a record holds one output, and at most its article beside it
LONGEST_NAME = 1000  # characters; a longer `document` is a text, not the name of one
LONGEST_TEXT = (
    50_000  # characters; mT5 generates at most 512 tokens, and SP-ROUGE's time is quadratic
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One output to score. `reference` is None where the record has none; `place` is "file:line".

    `document` is the same for all translations of one page.
    """

    id: str
    language: str
    prediction: str
    reference: str | None
    place: str = ""
    document: str = ""


def read_predictions(path: Path) -> Iterator[Prediction]:
    r"""Yield the records of `path` one by one, split on "\n" only; blank lines are skipped.

    Raises `InputError` with file, line and remedy for what is no record, for a text that is too long or
    not Unicode, for an unknown language, and for an id that comes twice in a language.
    """
    seen: dict[tuple[str, str], int] = {}
    try:
        with path.open("rb") as file:
            for number, line in _lines(file, path):
                record = parse_prediction(_record(line, f"{path}:{number}"), f"{path}:{number}")
                key = (record.language, record.id)
                if key in seen:
                    raise InputError(
                        f"{path}:{number}: id {record.id[:60]!r} came in {record.language!r} already, on"
                        f" line {seen[key]}; keep one output per id and language"
                    )
                seen[key] = number
                yield record
    except OSError as error:
        raise InputError(
            f"{path}: expected predictions in JSONL, cannot read it ({error.strerror}); check the path"
        ) from error
    if not seen:
        raise InputError(
            f'{path}: expected records {{"id", "language", "prediction", "reference"}}, got none; '
            "generate predictions first"
        )


def parse_prediction(record: Mapping[str, Any], place: str) -> Prediction:
    """Check one record; other fields than the four and `document` are ignored."""
    language = _text(record, "language", place)
    _check_language(language, place)
    reference = None if record.get("reference") is None else _text(record, "reference", place)
    identity = _identity(record, place)
    return Prediction(
        id=identity,
        language=language,
        prediction=_text(record, "prediction", place),
        reference=reference,
        place=place,
        document=document_of(record, identity=identity, language=language),
    )


def document_of(record: Mapping[str, Any], *, identity: str, language: str) -> str:
    """Return the record's `document`, or else its id without an ending "@language".

    >>> document_of({}, identity="gnome/help/print#intro@th", language="th")
    'gnome/help/print#intro'
    """
    document = record.get("document")
    is_name = isinstance(document, str) and 0 < len(document) <= LONGEST_NAME
    return str(document) if is_name else identity.removesuffix(f"@{language}")


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) without ever holding more than the longest line allowed."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"{path}:{number}: expected one record, got a line of more than {LONGEST_LINE:,} bytes;"
                " write one record a line, and leave out long fields that scoring does not need"
            )
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


def _record(line: bytes, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place}: expected UTF-8, got 0x{line[error.start]:02x} as byte {error.start + 1} of the line;"
            " convert the file to UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            f'{place}: expected a JSON record {{"id", "language", "prediction", "reference"}}, got'
            f" {_shown(line)} ({error}); write one JSON object a line"
        ) from None
    if not isinstance(record, dict):
        raise InputError(
            f"{place}: expected a JSON object, got {_shown(line)}; write {{...}} a line"
        )
    return record


def _shown(line: bytes) -> str:
    return repr(line[:40].decode("utf-8", "replace").strip())


def _identity(record: Mapping[str, Any], place: str) -> str:
    value = record.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return _unicode(value, "id", place)
    came = "none" if value is None else repr(value)[:40]
    raise InputError(
        f"{place}: expected an 'id', a text or a whole number, got {came}; number the records"
    )


def _text(record: Mapping[str, Any], field: str, place: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        came = (
            f"only {', '.join(map(repr, list(record)[:8]))}"
            if field not in record
            else repr(value)[:40]
        )
        remedy = ' (write "" for an empty output)' if field == "prediction" else ""
        raise InputError(f"{place}: expected a text in {field!r}, got {came}; add it{remedy}")
    if len(value) > LONGEST_TEXT:
        raise InputError(
            f"{place}: expected at most {LONGEST_TEXT:,} characters in {field!r}, got {len(value):,};"
            " clip it, or split the document into several records"
        )
    return _unicode(value, field, place)


def _unicode(value: str, field: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = f"U+{ord(value[error.start]):04X}"
        raise InputError(
            f"{place}: expected Unicode text in {field!r}, got a lone surrogate {code} at character"
            f" {error.start + 1}; repair the encoding where the file was written"
        ) from None
    return value


def _check_language(language: str, place: str) -> None:
    """Refuse other spellings of a language too: the same language under two codes would be two cells."""
    try:
        code = language_code(language)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    if code != language:
        raise InputError(
            f"{place}: expected language code {code!r}, got {language!r}; write {code!r}"
        )
