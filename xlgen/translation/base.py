"""What a translator is: a frozen configuration that opens once and turns paragraphs into paragraphs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from xlgen.errors import InputError
from xlgen.languages import language_code
from xlgen.registry import Table
from xlgen.translation import TRANSLATORS

# One translation for each paragraph, in order. A paragraph has a letter, no line break, and no white space
# around it: `translate.translate` sees to that.
Translate = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Translator(ABC):
    """A system with its settings; making one reads nothing and starts nothing.

    A batch may take `timeout` seconds, None: any number; `identity` takes no notice of it.
    """

    table: ClassVar[Table] = TRANSLATORS
    name: ClassVar[str]
    timeout: float | None = None

    @property
    def title(self) -> str:
        """What the tables of a study call it."""
        return self.name

    @abstractmethod
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the (source, target) language codes it translates, installed or not."""

    @abstractmethod
    def identity(self, source: str, target: str) -> str:
        """Return a line that changes with all that decides a translation: settings, data, weights.

        Raises `InputError` with what to install where something is missing.
        """

    @abstractmethod
    def open(self, source: str, target: str) -> AbstractContextManager[Translate]:
        """Start what it takes to translate a pair, until the block ends.

        What it yields raises `InputError` for a system that fails or answers beside the point, and ends a
        program that gives no answer in `timeout` seconds. Nothing can end a model within this process: it
        has to end by itself, by the most tokens that it may write. `translate.translate` looks at the
        time of each batch when it is done.
        """

    def check(self, source: str, target: str) -> None:
        """Raise `InputError` unless it translates from `source` into `target`."""
        pairs = self.pairs()
        if (language_code(source), language_code(target)) in pairs:
            return
        into = sorted(t for s, t in pairs if s == source)
        back = sorted(s for s, t in pairs if t == target)
        has = [f"{source} into {', '.join(into)}"] * bool(into)
        has += [f"{', '.join(back)} into {target}"] * bool(back)
        known = "; it has " + " and ".join(has) if has else ""
        raise InputError(
            f"translator {self.name!r} has no way from {source!r} into {target!r}{known}; "
            "choose another (`xlgen list translators`)"
        )
