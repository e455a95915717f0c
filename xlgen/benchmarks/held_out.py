"""What no run may train on: validation and test of every benchmark; and the check of a user's data."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlgen.benchmarks import BENCHMARKS
from xlgen.data.examples import Example
from xlgen.sources.leaks import refuse_leaks
from xlgen.sources.readers import read_examples, read_with_notes


def held_out_examples() -> list[Example]:
    """Return the validation and test examples of every benchmark, in all languages."""
    benchmarks = [BENCHMARKS[name] for name in BENCHMARKS]
    return [
        example
        for benchmark in benchmarks
        for split in ("validation", "test")
        for example in read_examples(benchmark.source, split=split)
    ]


def check_data(
    file: Path, *, columns: Mapping[str, str] | None = None, held_out: Path | None = None
) -> dict[str, Any]:
    """Read a file as training would and return its counts; raise `InputError` for a bad line or a leak.

    `held_out` is the user's own test file, checked besides the packaged benchmarks.
    """
    reading = read_with_notes(file, columns=columns or None)
    own = read_examples(held_out, columns=columns or None) if held_out else []
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
