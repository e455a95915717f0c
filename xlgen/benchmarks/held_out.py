"""What no run may train on: validation and test of packaged benchmarks; and the check of a user's data."""

import hashlib
import importlib.resources
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgen.benchmarks import BENCHMARKS
from xlgen.data.examples import Example
from xlgen.errors import MissingError
from xlgen.languages import SOURCE
from xlgen.sources.filters import paragraph_key
from xlgen.sources.held_out import held_out_files, held_out_texts
from xlgen.sources.leaks import refuse_leaks
from xlgen.sources.published import is_published
from xlgen.sources.readers import read_examples, read_with_notes

_ASSETS = Path(str(importlib.resources.files("xlgen") / "assets"))
_HELD_OUT = ("validation", "test")


def held_out_examples(source: str = "") -> list[Example]:
    """Return the validation and test examples of every packaged benchmark, in all languages.

    Of a published `source`, those in the source language besides, as far as their files are there. Raises
    `InputError` for a file that is there and cannot be read: what it holds could not be looked for.
    """
    packaged = [
        example
        for name in (BENCHMARKS[name].source for name in BENCHMARKS)
        if not is_published(name)
        for split in _HELD_OUT
        for example in read_examples(name, split=split)
    ]
    own = [
        example
        for split in _HELD_OUT
        if is_published(source)
        for example in _read_if_here(source, split)
    ]
    return [*packaged, *own]


def _read_if_here(source: str, split: str) -> list[Example]:
    try:
        return read_examples(source, split=split, languages=(SOURCE,))
    except MissingError:
        return []


class HeldOutParagraphs:
    """Every paragraph and heading of the packaged validation and test sets: no text to pretrain on."""

    @cached_property
    def identity(self) -> str:
        """A hash of the files they stand in."""
        digest = hashlib.sha256()
        for path in held_out_files(_ASSETS):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    @cached_property
    def keys(self) -> frozenset[int]:
        """What `paragraph_key` says of each; read on first use."""
        keys = {paragraph_key(text) for text in held_out_texts(_ASSETS)}
        return frozenset(keys - {paragraph_key("")})

    def __contains__(self, paragraph: str) -> bool:
        return paragraph_key(paragraph) in self.keys


def check_data(
    file: Path,
    *,
    columns: Mapping[str, str] | None = None,
    language: str | None = None,
    held_out: Path | None = None,
) -> dict[str, Any]:
    """Read a file as training would and return its counts; raise `InputError` for a bad line or a leak.

    `held_out` is the user's own test file, checked besides the packaged benchmarks. `language` is that of
    files without a language column.
    """
    reading = read_with_notes(file, columns=columns or None, language=language)
    own = read_examples(held_out, columns=columns or None, language=language) if held_out else []
    refuse_leaks(reading.examples, [*own, *held_out_examples()])
    languages: dict[str, int] = {}
    for example in reading.examples:
        languages[example.language] = languages.get(example.language, 0) + 1
    return {
        "file": str(file),
        "examples": len(reading.examples),
        "languages": languages,
        "notes": asdict(reading.notes),
        "leaks": "none",
    }
