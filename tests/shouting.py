"""A translator that turns a text into one that names the language: `FR(text)`."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.translation.base import Translate, Translator


@dataclass(frozen=True)
class Shouting(Translator):
    """Fails at the paragraph `fails_at`."""

    name: ClassVar[str] = "shouting"
    fails_at: str = "\0"
    version: str = "1"

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((s, t) for s in LANGUAGES for t in LANGUAGES if s != t)

    def identity(self, source: str, target: str) -> str:
        return f"shouting {self.version}"

    @contextlib.contextmanager
    def open(self, source: str, target: str) -> Iterator[Translate]:
        def translate(paragraphs: Sequence[str]) -> list[str]:
            if self.fails_at in paragraphs:
                raise InputError("the system failed")
            return [f"{target.upper()}({text})" for text in paragraphs]

        yield translate
