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
QUIET = 60.0  # without a total, or inside other work, seconds between lines


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
        self.note = ""
        self._start = self._last_line = time.monotonic()
        self._first = done
        self._lines = 0
        self._inner = False

    def __iter__(self) -> Iterator[Item]:
        with self:
            for item in self.items:
                yield item
                self.advance()

    def __enter__(self) -> "Bar[Item]":
        self._start = self._last_line = time.monotonic()
        self._inner = _DISPLAY.enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _DISPLAY.leave(self)

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count `amount` more as done; `note` is shown beside the bar."""
        self.done += amount
        self.note = note or self.note
        if time.monotonic() - self._start < PATIENCE:
            return
        if sys.stderr.isatty():
            _DISPLAY.show()
        elif self._line_is_due():
            self._write_line()

    def _line_is_due(self) -> bool:
        if self.total is None or self._inner:
            return time.monotonic() - self._last_line >= QUIET
        work = max(1, self.total - self._first)
        reached = (self.done - self._first) * LINES // work
        is_due, self._lines = reached > self._lines, max(reached, self._lines)
        return is_due

    def _write_line(self) -> None:
        self._last_line = time.monotonic()
        of_total = f"/{self.total:,}" if self.total is not None else ""
        seconds = f"{self._last_line - self._start:.0f} s"
        parts = [f"{self.description}: {self.done:,}{of_total}", seconds, self.note]
        sys.stderr.write(", ".join(part for part in parts if part) + "\n")
        sys.stderr.flush()


class _Display:
    """The bars that are entered, and the one live display of a terminal that shows them all."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bars: dict[Bar[Any], TaskID | None] = {}
        self._live: Progress | None = None
        self._timer: threading.Timer | None = None

    def enter(self, bar: "Bar[Any]") -> bool:
        """Take up a bar and say whether it is inside another.

        On a terminal it shows when its time has come, even if nothing advances.
        """
        with self._lock:
            is_inner = bool(self._bars)
            self._bars[bar] = None
            if self._live is None and self._timer is None and sys.stderr.isatty():
                self._timer = threading.Timer(PATIENCE, self.show)
                self._timer.daemon = True
                self._timer.start()
            return is_inner

    def show(self) -> None:
        """Draw every bar as it stands."""
        with self._lock:
            if self._live is None and self._bars:
                self._live = _new_live_display()
                self._live.start()
            for bar, task in self._bars.items():
                if self._live is not None:
                    if task is None:
                        task = self._live.add_task(bar.description, total=bar.total, note="")
                        self._bars[bar] = task
                    self._live.update(task, completed=bar.done, note=bar.note)

    def leave(self, bar: "Bar[Any]") -> None:
        """Take a bar away, and with the last one the display."""
        with self._lock:
            task = self._bars.pop(bar, None)
            if self._live is not None and task is not None:
                self._live.remove_task(task)
            if self._bars:
                return
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._live is not None:
                self._live.stop()
                self._live = None


def _new_live_display() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )


_DISPLAY = _Display()
