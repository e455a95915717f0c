"""SIGTERM and SIGINT as a request to stop at the next safe point."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeVar

Result = TypeVar("Result")

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818 - not an error: the run did as it was told
    """A run that was asked to stop, and did so with its work stored."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + number  # 143 for SIGTERM, 130 for SIGINT, as shells have it


class _StopNow(BaseException):
    """Leaves interruptible work at once; caught in `StopRequest.interruptible`."""


class StopRequest:
    """While entered, the first signal is noted in `number`; a second one acts as it always would.

    Outside the main thread, where handlers cannot be set, it notes nothing.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._may_interrupt = False
        self._old: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP: so do we
                    self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def interruptible(self, work: Callable[[], Result]) -> Result | None:
        """Return the result of work that changes nothing, or None where a signal ended it."""
        if self.number is not None:
            return None
        try:
            self._may_interrupt = True
            result = work()
            self._may_interrupt = False
            return result
        except _StopNow:
            return None
        finally:
            self._may_interrupt = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        if self._may_interrupt:
            self._may_interrupt = False
            raise _StopNow

    def _restore(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._old = {}
