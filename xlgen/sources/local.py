"""Published data sets that are not packaged: their official files below a folder of the user's.

The set `xquad` lies in `xquad/` below $XLGEN_DATA, or below `data`; each file anywhere in there, as the
publisher's archive unpacks.
"""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from xlgen.errors import InputError
from xlgen.languages import SOURCE
from xlgen.registry import near_names
from xlgen.sources import SOURCES
from xlgen.sources.rows import BadRow, Row, Selection

log = logging.getLogger(__name__)

PLACE = "XLGEN_DATA"
_PACKED = ("", ".gz", ".xz")


def data_folder() -> Path:
    """Return the folder that holds a folder for each data set."""
    return Path(os.environ.get(PLACE) or "data")


@dataclass(frozen=True)
class LocalSet(ABC):
    """A data set in official files; as an entry of SOURCES it is called with a name and a `Selection`.

    `files` names a file for each split, with `{language}` where each language has its own. `train` are
    the languages of the training split.
    """

    empty_targets: ClassVar[bool] = False  # whether an empty target is one: nothing to be found

    name: str
    description: str
    published: str
    languages: tuple[str, ...]
    files: Mapping[str, str]
    train: tuple[str, ...] = (SOURCE,)

    def __call__(self, source: str | Path, wanted: Selection) -> Iterator[Row | BadRow]:
        """Yield the rows of a split, in the languages wanted; all files are looked for first."""
        for path, language in self.paths(wanted.split, wanted.languages).items():
            yield from self.rows_of(path, split=str(wanted.split), language=language)

    @abstractmethod
    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a file's rows as input and target; `language` is the file's, "" where it holds several."""

    def paths(
        self, split: str | None, languages: Sequence[str] | frozenset[str] | None
    ) -> dict[Path, str]:
        """Return the files of a split with the language of each; raise `InputError` where one is missing."""
        if split is None or split not in self.files:
            known = near_names(str(split), list(self.files))
            raise InputError(f"{self.name}: expected a split, got {split!r}: {known}")
        had = self.train if split == "train" else self.languages
        for language in sorted(languages or ()):
            if language not in had:
                near = near_names(language, list(had))
                raise InputError(f"{self.name} has no {split} data in {language!r}: {near}")
        asked = [code for code in had if languages is None or code in languages]
        pattern = self.files[split]
        if "{language}" not in pattern:
            return {self.find(pattern): had[0] if len(had) == 1 else ""}
        return {self.find(pattern.format(language=code)): code for code in asked}

    def find(self, file: str) -> Path:
        """Return where a file is; raise `InputError` that says where it is published if it is nowhere."""
        folder = data_folder() / self.name
        found = [path for end in _PACKED for path in sorted(folder.rglob(file + end))]
        if len(found) > 1:
            raise InputError(
                f"{self.name}: expected one {file} below {folder}, found {found[0]} and {found[1]};"
                " keep one of them"
            )
        if not found:
            raise InputError(
                f"{self.name}: no file {file} below {folder}; get it from {self.published}, or set"
                f" {PLACE} to the folder that holds {self.name}/"
            )
        return found[0]


@dataclass
class Oddities:
    """What was noticed in a file although every record is kept: how often each kind, and where first."""

    path: Path
    found: dict[str, list[int]] = field(default_factory=dict)

    def note(self, kind: str, number: int) -> None:
        """Count one of a kind at a line or record."""
        self.found.setdefault(kind, []).append(number)

    def tell(self) -> None:
        """Warn of each kind, once a process."""
        for kind, numbers in self.found.items():
            _warn(f"{self.path}:{numbers[0]}: {kind}, {len(numbers):,} times from here on")


@cache
def _warn(message: str) -> None:
    log.warning("%s", message)


def is_local(name: str) -> bool:
    """Return whether a name is that of a data set in the user's files."""
    return name in SOURCES and isinstance(SOURCES[name], LocalSet)


def why_missing(name: str, *, split: str | None, languages: Sequence[str] | None) -> str:
    """Say which file of a data set is missing, and where it is published; empty if all are here."""
    try:
        SOURCES[name].paths(split, languages)
    except InputError as error:
        return str(error).removeprefix(f"{name}: ")
    return ""
