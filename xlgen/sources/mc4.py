"""mC4: web text by language as the hub's allenai/c4 has it, read in a stream and filtered by CLD3.

A language's shards are `c4-th.tfrecord-00000-of-00512.json.gz` and so on: JSON records {"text",
"timestamp", "url"}. Its records are numbered over all shards, so that one integer says how far a reading
has come.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlgen.errors import InputError
from xlgen.families import mc4_code
from xlgen.registry import near_names
from xlgen.sources.published import MC4
from xlgen.sources.rows import BadRow, Row, jsonl_rows_of, open_bytes, skip_lines

_SHARD = re.compile(r"c4-([A-Za-z-]+?)\.tfrecord-\d{5}-of-\d{5}\.json\.gz")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Filter:
    """Keep a text if CLD3 is sure of its language: reliable, and a probability of at least `threshold`.

    0.95 and the bytes are those of the paper's authors' published draft (prompt-tuning, January 2022); mC4
    itself was made with 0.7. A threshold of 0 keeps all.
    """

    threshold: float = 0.95
    shortest: int = 100  # bytes; CLD3 does not judge less
    longest: int = 10_000

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise InputError(f"threshold: expected a probability, 0 to 1, got {self.threshold:g}")

    def keeps(self, text: str, language: str) -> bool:
        """Decide by CLD3; a text without letters is of no language."""
        if not self.threshold:
            return True
        if not _LETTER.search(text):
            return False
        found = self._identifier.FindLanguage(text)
        sure = found.is_reliable and found.probability >= self.threshold
        return bool(sure and found.language == language)

    @cached_property
    def _identifier(self):  # type: ignore[no-untyped-def]  # of gcld3, which has no types
        from gcld3 import NNetLanguageIdentifier

        return NNetLanguageIdentifier(self.shortest, self.longest)


@dataclass(frozen=True)
class WebText:
    """The records of one language's shards, in the order of their names."""

    language: str
    files: tuple[Path, ...]
    filter: Filter

    @property
    def facts(self) -> dict[str, object]:
        """What decides which texts come: `filter`, and `files` by name and size."""
        names = [[path.name, path.stat().st_size] for path in self.files]
        settings = (self.filter.threshold, self.filter.shortest, self.filter.longest)
        return {"filter": [*settings], "files": names}

    def documents(self, start: int = 0) -> Iterator[str | BadRow | None]:
        """Yield each record from number `start` on: its text, None where the filter leaves it out.

        A record that is none is a `BadRow`; a shard that is cut off raises `InputError`.
        """
        for path in self.files:
            with open_bytes(path) as file:
                before = skip_lines(file, str(path), count=start)
                start -= before
                for row in jsonl_rows_of(file, str(path), before=before):
                    yield self._text(row)

    def _text(self, row: Row | BadRow) -> str | BadRow | None:
        if isinstance(row, BadRow):
            return row
        text = row.values.get("text")
        if not isinstance(text, str):
            reason = f'expected a record with a "text", got {", ".join(row.values) or "none"}'
            return BadRow(row.file, row.number, reason)
        try:
            text.encode()
        except UnicodeEncodeError:
            return BadRow(
                row.file, row.number, 'expected text, got half of a surrogate pair in "text"'
            )
        return text if text.strip() and self.filter.keeps(text, self.language) else None


def shards_of(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the shards in a folder, or in `multilingual` in it, by mC4's code of the language.

    The shards of its validation split are passed over.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted([*folder.glob("c4-*.json.gz"), *folder.glob("multilingual/c4-*.json.gz")]):
        match = _SHARD.fullmatch(path.name)
        if match is not None and not match[1].endswith("-validation"):
            found.setdefault(mc4_code(match[1]), []).append(path)
    return {code: tuple(paths) for code, paths in found.items()}


def web_text(folder: Path, language: str, *, filter: Filter) -> WebText:
    """Return what a folder has of a language; raise `InputError` where it has no shard of it."""
    MC4.refuse_missing(folder)
    found, code = shards_of(folder), mc4_code(language)
    if code not in found:
        near = near_names(code, [*found]) if found else "there is no shard in it"
        raise InputError(f"{folder}: no c4-{code}.tfrecord-*.json.gz, {near}; {MC4.remedy(folder)}")
    return WebText(code, found[code], filter)
