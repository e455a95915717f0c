"""XL-Sum: articles of the BBC and their summaries (Hasan et al. 2021), in fourteen of the eighteen languages.

Version 2.0 as it is distributed: `<language>_{train,val,test}.jsonl`, packed in one archive of all languages
or one each, or unpacked; a record has id, url, title, summary and text.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from xlgen.errors import InputError, MissingError
from xlgen.sources.archives import is_archive, read_members
from xlgen.sources.published import XLSUM, place_of
from xlgen.sources.rows import BadRow, Row, Selection, jsonl_rows_of

SPLITS = {"train": "train", "val": "validation", "test": "test"}
_FILE = re.compile(r"(?:^|/)([a-z_]+)_(train|val|test)\.jsonl$")
_CODES = {name: code for code, name in XLSUM.languages.items()}


def xlsum_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read the article as input and the BBC's summary as target; other languages' files are passed over."""
    wanted, folder = wanted or Selection(), place_of(source)
    XLSUM.refuse_missing(folder)
    seen: dict[str, str] = {}
    for name, file in _files(folder, wanted):
        match = _FILE.search(name)
        assert match is not None
        first = seen.setdefault(match[0].strip("/"), name)
        if first != name:
            raise InputError(f"{name}: stands in {first} too; keep one")
        for row in jsonl_rows_of(file, name):
            yield _named(row, language=_CODES[match[1]], split=SPLITS[match[2]])
    if not seen:
        raise MissingError(
            f"{folder}: no file of XL-Sum that was asked for; {XLSUM.remedy(folder)}"
        )


def _files(folder: Path, wanted: Selection) -> Iterator[tuple[str, IO[bytes]]]:
    def is_wanted(name: str) -> bool:
        match = _FILE.search(name)
        if match is None or match[1] not in _CODES:
            return False
        of_language = wanted.languages is None or _CODES[match[1]] in wanted.languages
        return of_language and wanted.split in (None, SPLITS[match[2]])

    for path in sorted(folder.rglob("*")):
        if is_archive(path) and _may_hold(path, wanted):
            for name, data in read_members(path, is_wanted):
                yield f"{path}/{name}", io.BytesIO(data)
        elif path.is_file() and is_wanted(path.as_posix()):
            with path.open("rb") as file:
                yield str(path), file


def _may_hold(path: Path, wanted: Selection) -> bool:
    """Tell whether an archive may hold a wanted language: not `thai_XLSum_v2.0.tar.bz2` for Arabic."""
    language = path.name.partition("_XLSum")[0]
    return wanted.languages is None or _CODES.get(language, "") in ("", *wanted.languages)


def _named(row: Row | BadRow, *, language: str, split: str) -> Row | BadRow:
    if isinstance(row, BadRow):
        return replace(row, language=language, split=split)
    fields = {
        name: row.values.get(ours) for name, ours in (("input", "text"), ("target", "summary"))
    }
    values = {"id": row.values.get("id"), "language": language, "split": split, **fields}
    return Row(row.file, row.number, values | {"source": "XL-Sum", "licence": XLSUM.licence})
