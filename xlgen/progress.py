"""Progress on everything that takes long: a bar on a terminal, a line now and then elsewhere.

The only place that draws progress, always on stderr. Bars may be nested: those alive at once share one
display. Work that is done within half a second is not shown at all.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Any, Generic, Never, TypeVar, overload

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

PATIENCE = 0.5  # seconds before anything is shown
LINES = 10  # lines for a whole piece of work where there is no terminal
QUIET = 60.0  # without a total, seconds between lines


@overload
def progress(work: int, description: str, *, done: int = 0) -> "Bar[Never]": ...


@overload
def progress(
    work: Iterable[Item], description: str, *, total: int | None = None, done: int = 0
) -> "Bar[Item]": ...


def progress(
    work: Iterable[Any] | int, description: str, *, total: int | None = None, done: int = 0
) -> "Bar[Any]":
    """Return `work` to iterate over with progress, or for a number of steps a bar to `advance`.

    >>> [square for square in progress([1, 4, 9], "Reading squares")]
    [1, 4, 9]
    >>> with progress(100, "Training", done=20) as bar:
    ...     bar.advance(note="loss 3.1")
    """
    if isinstance(work, int):
        return Bar((), description, total=work, done=done)
    if total is None and isinstance(work, Sized):
        total = len(work)
    return Bar(work, description, total=total, done=done)


class Bar(Generic[Item]):
    """One piece of work: iterate over it, or enter it and `advance` by hand."""

    def __init__(
        self, items: Iterable[Item], description: str, *, total: int | None, done: int
    ) -> None:
        self.items, self.description, self.total, self.done = items, description, total, done
        self._start = self._last_line = time.monotonic()
        self._first = done
        self._lines = 0
        self._task: TaskID | None = None

    def __iter__(self) -> Iterator[Item]:
        with self:
            for item in self.items:
                yield item
                self.advance()

    def __enter__(self) -> "Bar[Item]":
        self._start = self._last_line = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            _DISPLAY.remove(self._task)
            self._task = None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count `amount` more as done; `note` is shown beside the bar."""
        self.done += amount
        if time.monotonic() - self._start < PATIENCE:
            return
        if sys.stderr.isatty():
            if self._task is None:
                self._task = _DISPLAY.add(self.description, self.total)
            _DISPLAY.update(self._task, self.done, note)
        elif self._line_is_due():
            self._write_line(note)

    def _line_is_due(self) -> bool:
        if self.total is None:
            return time.monotonic() - self._last_line >= QUIET
        work = max(1, self.total - self._first)
        reached = (self.done - self._first) * LINES // work
        is_due, self._lines = reached > self._lines, max(reached, self._lines)
        return is_due

    def _write_line(self, note: str) -> None:
        self._last_line = time.monotonic()
        of_total = f"/{self.total:,}" if self.total is not None else ""
        seconds = f"{self._last_line - self._start:.0f} s"
        parts = [f"{self.description}: {self.done:,}{of_total}", seconds, note]
        sys.stderr.write(", ".join(part for part in parts if part) + "\n")
        sys.stderr.flush()


class _Display:
    """The one live display of a terminal, alive while any bar is."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._live: Progress | None = None
        self._tasks: set[TaskID] = set()

    def add(self, description: str, total: int | None) -> TaskID:
        with self._lock:
            if self._live is None:
                self._live = Progress(
                    TextColumn("{task.description}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeElapsedColumn(),
                    TimeRemainingColumn(),
                    TextColumn("{task.fields[note]}"),
                    console=Console(stderr=True),
                    transient=True,
                )
                self._live.start()
            task = self._live.add_task(description, total=total, note="")
            self._tasks.add(task)
            return task

    def update(self, task: TaskID, done: int, note: str) -> None:
        with self._lock:
            if self._live is not None:
                self._live.update(task, completed=done)
                if note:
                    self._live.update(task, note=note)

    def remove(self, task: TaskID) -> None:
        with self._lock:
            if self._live is None:
                return
            self._live.remove_task(task)
            self._tasks.discard(task)
            if not self._tasks:
                self._live.stop()
                self._live = None


_DISPLAY = _Display()
