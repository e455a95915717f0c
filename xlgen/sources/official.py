"""Published data sets in official files, each found by its name, anywhere in the folder of the set."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from xlgen.errors import InputError, MissingError
from xlgen.languages import SOURCE
from xlgen.registry import near_names
from xlgen.sources.published import Published, place_of
from xlgen.sources.rows import BadRow, Row, Selection

log = logging.getLogger(__name__)

_PACKED = ("", ".gz", ".xz")


@dataclass(frozen=True)
class OfficialFiles(ABC):
    """A data set in official files; as an entry of SOURCES it is called with a name and a `Selection`.

    `files` names a file for each split, with `{language}` where each language has its own. `train` are
    the languages of the training split.
    """

    empty_targets: ClassVar[bool] = False  # whether an empty target is one: nothing to be found

    published: Published
    description: str
    languages: tuple[str, ...]
    files: Mapping[str, str]
    train: tuple[str, ...] = (SOURCE,)

    @property
    def name(self) -> str:
        """The name in SOURCES, and of the folder."""
        return self.published.name

    def __call__(self, source: str | Path, wanted: Selection) -> Iterator[Row | BadRow]:
        """Yield the rows of a split, in the languages wanted; all files are looked for first."""
        for path, language in self.paths(source, wanted).items():
            yield from self.rows_of(path, split=str(wanted.split), language=language)

    @abstractmethod
    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a file's rows as input and target; `language` is the file's, "" where it holds several."""

    def paths(self, source: str | Path, wanted: Selection) -> dict[Path, str]:
        """Return the files of a split with the language of each; raise `InputError` where one is missing.

        `source` is NAME or NAME:FOLDER.
        """
        split, languages, folder = wanted.split, wanted.languages, place_of(source)
        if split is None or split not in self.files:
            known = near_names(str(split), list(self.files))
            raise MissingError(f"{self.name}: expected a split, got {split!r}: {known}")
        had = self.train if split == "train" else self.languages
        for language in sorted(languages or ()):
            if language not in had:
                near = near_names(language, list(had))
                raise MissingError(f"{self.name} has no {split} data in {language!r}: {near}")
        asked = [code for code in had if languages is None or code in languages]
        pattern = self.files[split]
        if "{language}" not in pattern:
            return {self.find(pattern, folder): had[0] if len(had) == 1 else ""}
        return {self.find(pattern.format(language=code), folder): code for code in asked}

    def find(self, file: str, folder: Path) -> Path:
        """Return where a file is; raise `InputError` that says where it is published if it is nowhere."""
        found = [path for end in _PACKED for path in sorted(folder.rglob(file + end))]
        if len(found) > 1:
            raise InputError(
                f"{folder}: expected one {file}, found {found[0]} and {found[1]}; keep one of them"
            )
        if not found:
            raise MissingError(f"{folder}: no file {file}; {self.published.remedy(folder)}")
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
