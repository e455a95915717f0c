"""The text of validation and test sets: what must never be trained on."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

from xlgen.errors import InputError

HELD_OUT_FILES = ("validation.jsonl.xz", "test.jsonl.xz")


def held_out_files(folder: Path) -> list[Path]:
    """Return the validation and test files below `folder`; raise `InputError` where there is none."""
    files = [path for name in HELD_OUT_FILES for path in sorted(folder.rglob(name))]
    if not files:
        raise InputError(f"{folder} has no {' or '.join(HELD_OUT_FILES)}: build howto0 first")
    return files


def held_out_texts(folder: Path) -> Iterator[str]:
    """Yield every paragraph and target of validation and test, and the headings that targets are made of."""
    for path in held_out_files(folder):
        with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                record = json.loads(line)
                yield from record["input"].split("\n")
                yield from record["target"].split("\n")
                yield from _sentences(record["target"])


def _sentences(target: str) -> Iterator[str]:
    """Yield the headings a target was joined from, each with and without its closing mark."""
    for mark in (". ", "。", "। ", "? ", "! "):
        for part in target.split(mark):
            yield part.strip()
            yield part.strip().rstrip(".。।")
