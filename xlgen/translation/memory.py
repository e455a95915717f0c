"""Translations on disk: JSONL that only grows, each line of one paragraph and verified when read."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlgen.errors import InputError
from xlgen.files import REMEDY, reason

log = logging.getLogger(__name__)

FIELDS = ("translator", "from", "to", "text", "translation")


class TranslationMemory:
    """The translations of one system and pair that a file has; the file may hold other systems' as well.

    A line that a kill cut off, or that is damaged, is warned of and translated again. Raises `InputError`
    where the file cannot be read or written.
    """

    def __init__(self, path: Path, *, translator: str, source: str, target: str) -> None:
        self.path = path
        self._of = {"translator": translator, "from": source, "to": target}
        self._known = self._read()

    def __contains__(self, text: str) -> bool:
        return text in self._known

    def __getitem__(self, text: str) -> str:
        return self._known[text]

    def add(self, texts: Sequence[str], translations: Sequence[str]) -> None:
        """Append translations, and return once the disk has them."""
        records = [
            self._of | {"text": text, "translation": translation}
            for text, translation in zip(texts, translations, strict=True)
        ]
        lines = [_signed(record) for record in records]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                # behind a line that a kill cut off, the next one begins anew
                file.write(("\n" * _is_cut_off(self.path) + "".join(lines)).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot keep translations in it ({reason(error)}); {REMEDY}"
            ) from error
        self._known.update(zip(texts, translations))

    def _read(self) -> dict[str, str]:
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot read it ({reason(error)}); delete it to translate anew"
            ) from error
        known = {}
        for number, line in enumerate(lines, start=1):
            if line:
                record = _verified(line)
                if record is None:
                    log.warning("%s:%d: damaged, so it is translated again", self.path, number)
                elif self._of.items() <= record.items():
                    known[record["text"]] = record["translation"]
        return known


def _is_cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() not in (b"", b"\n")


def _signed(record: dict[str, str]) -> str:
    return json.dumps(record | {"sha256": _sum(record)}, ensure_ascii=False) + "\n"


def _verified(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; None where it is not what was once written."""
    try:
        record = json.loads(line)
        return record if record.pop("sha256") == _sum(record) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _sum(record: dict[str, str]) -> str:
    return hashlib.sha256("\0".join(record[field] for field in FIELDS).encode()).hexdigest()[:16]
