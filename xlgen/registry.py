"""A table of names: the only way the package grows. `name -> "module:attribute"`, loaded on first use."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from xlgen.errors import InputError


def near_names(name: str, names: list[str]) -> str:
    """Return a remedy clause: the names most like `name`, or all of them.

    >>> near_names("promt", ["prompt", "model"])
    'did you mean prompt?'
    >>> near_names("zzz", ["prompt", "model"])
    'known: model, prompt'
    """
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(sorted(names))}"


class UnknownNameError(InputError, LookupError):
    """A name that no table entry has; the message lists near ones."""


class Table(Mapping[str, Any]):
    """Names in a chosen order, each pointing to `"module:attribute"`.

    >>> table = Table("kind", {"path": "pathlib:Path"})
    >>> table["path"].__name__
    'Path'
    """

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def add(self, name: str, target: str) -> None:
        """Add a user's own entry; an existing name is refused."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} exists already: {self._entries[name]}")
        self._entries[name] = target

    def __getitem__(self, name: str) -> Any:
        if name not in self._entries:
            raise UnknownNameError(f"unknown {self.kind} {name!r}: {near_names(name, list(self))}")
        module, attribute = self._entries[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def of(self, kind: type) -> list[str]:
        """Return the names of the entries that are classes of a kind; loads them all."""
        entries = self.items()
        return [
            name for name, entry in entries if isinstance(entry, type) and issubclass(entry, kind)
        ]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
