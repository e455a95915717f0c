"""A run folder: one writer, its configuration written once, its metrics line by line.

`config.json`, `model.json` and its like (the SHA-256 of what it began on), `steps/`, `metrics.jsonl`,
`log/` (TensorBoard), and what evaluation adds later.
"""

import contextlib
import json
import logging
import os
import socket
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from filelock import FileLock, Timeout

from xlgen.config import from_json, to_json
from xlgen.errors import InputError
from xlgen.training.checkpoint import CheckpointStore
from xlgen.training.disk import Disk
from xlgen.training.workers import workers

log = logging.getLogger(__name__)

# What may change at resume: when and how often to look and to save, how long to wait; never what is computed.
HARMLESS = frozenset(
    f"training.{name}"
    for name in ("steps", "checkpoint_every", "validate_every", "log_every", "keep")
) | {"translator.timeout"}


# What a run rests on: the model, text, the bank of a frozen half; what translated labels rest on.
Basis = Literal["model", "text", "bank", "translator"]
CONTENTS: dict[Basis, str] = {
    "model": "weights",
    "text": "tokens",
    "bank": "halves",
    "translator": "identity",
}


class RunFolder:
    """The folder of one run. Reading needs nothing; to write, enter it: then it is this process's alone.

    Entering with a `config` stores it in a new folder. In a folder that was begun it must be the same but
    for HARMLESS settings, which are listed in `changed`.
    """

    def __init__(self, path: Path, config: Any = None, *, disk: Disk | None = None) -> None:
        self.path, self.config, self.disk = Path(path), config, disk or Disk()
        self.steps = CheckpointStore(self.path / "steps", disk=self.disk)
        self.changed: list[str] = []
        self._lock = RunLock(self.path, self.disk)

    def __enter__(self) -> "RunFolder":
        if workers().follows:  # the first process has the folder
            return self
        self._lock.acquire()
        try:
            for left_by_a_killed_writer in self.path.glob(".tmp-*"):
                left_by_a_killed_writer.unlink()
            if self.config is not None:
                self.changed = self.write_config(self.config)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not workers().follows:
            self._lock.release()

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Lock what evaluation writes: a folder may be trained and evaluated at once."""
        lock = RunLock(self.path, self.disk, name="evaluation")
        lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @property
    def metrics_path(self) -> Path:
        """Return where the training metrics are, one JSON object a line."""
        return self.path / "metrics.jsonl"

    def write_json(self, name: str, value: Any) -> Path:
        """Write `<folder>/<name>` as a whole or not at all; NaN is refused."""
        path = self.path / name
        data = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self.disk.make_folder(path.parent)
            self.disk.replace(path, data.encode())
        except OSError as error:
            raise InputError(
                f"{path}: cannot write ({error.strerror}); free the disk and try again"
            ) from error
        return path

    def read_json(self, name: str) -> Any:
        """Read `<folder>/<name>`; what is missing or no JSON is named."""
        path = self.path / name
        try:
            return json.loads(path.read_bytes().decode())
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; is {self.path} a run folder?") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: damaged ({error}); restore it from a copy") from error

    def write_config(self, config: Any, *, harmless: Collection[str] = HARMLESS) -> list[str]:
        """Store a new run's configuration, or compare a resumed run's; returns the changed settings.

        `config` is a dataclass. Settings in `harmless` may change and the file follows them; any other
        change would make one run out of two, and raises InputError. Settings that the stored file lacks,
        because they are newer than it, have their default.
        """
        if not (self.path / "config.json").exists():
            if self.steps.steps():
                raise InputError(
                    f"{self.path}: has steps but no config.json, so nothing says what they are of; "
                    "restore it, or choose another folder"
                )
            self.write_json("config.json", to_json(config))
            return []
        changed = list(
            changed_settings(to_json(self._stored_config(type(config))), to_json(config))
        )
        refused = [line for key, line in changed if key not in harmless]
        if refused:
            raise InputError(
                f"{self.path} holds a run with other settings: {'; '.join(refused)}; "
                "choose another folder, or the old settings"
            )
        if changed:
            self.write_json("config.json", to_json(config))
        return [line for _, line in changed]

    def _stored_config(self, kind: type[Any]) -> Any:
        stored = self.read_json("config.json")
        try:
            return from_json(kind, stored, where="config.json")
        except InputError as error:
            raise InputError(
                f"{self.path} holds a run that cannot be continued ({error}); "
                "choose another folder, or the version of xlgen that began it"
            ) from error

    def claim(self, config: dict[str, Any], *, what: str) -> None:
        """Write the config.json of outputs that nothing here trained; refuse a folder that holds others."""
        made = ("config.json", "steps", "predictions", "scores.json")
        found = [name for name in made if (self.path / name).exists()]
        is_own = "config.json" in found and self.read_json("config.json") == config
        if "steps" in found or (found and not is_own):
            raise InputError(
                f"{self.path}: holds another run, which {what} would overwrite; choose another folder for "
                "it, or the settings in config.json there"
            )
        self.write_json("config.json", config)

    def bind(self, kind: Basis, name: str, *, sha256: str) -> None:
        """Store what a new run is based on; a run that has steps must be based on the same."""
        if self.steps.steps():
            self.check(kind, name, sha256=sha256)
        elif not workers().follows:
            self.write_json(f"{kind}.json", {"sha256": sha256})

    def check(self, kind: Basis, name: str, *, sha256: str) -> None:
        """Raise InputError where the run's steps were made from another than `name` is now.

        A run begun before this was stored cannot be checked, and says so.
        """
        if not (self.path / f"{kind}.json").exists():
            log.warning("%s does not say which %s of %r it is of", self.path, CONTENTS[kind], name)
            return
        facts = self.read_json(f"{kind}.json")
        stored = str(facts.get("sha256") if isinstance(facts, dict) else None)
        if stored != sha256:
            raise InputError(
                f"{self.path} is of the {kind} {name!r} with {CONTENTS[kind]} {stored[:8]}, which now "
                f"has {sha256[:8]}; restore that {kind}, or delete this folder, and what was made from it, "
                "and begin anew"
            )

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        data = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self.disk.append_bytes(self.metrics_path, data.encode())
        except OSError as error:
            raise InputError(
                f"{self.metrics_path}: cannot write ({error.strerror}); "
                "free the disk and start the run again to continue"
            ) from error

    def sync_metrics(self) -> None:
        """Push the metrics to the device, before a step that they belong to is published."""
        if self.metrics_path.exists():
            self.disk.sync(self.metrics_path)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return all complete lines; a last line cut off by a kill is left out."""
        if not self.metrics_path.exists():
            return []
        lines, *_ = _complete_lines(self.metrics_path.read_bytes())
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def truncate_metrics(self, step: int) -> None:
        """Drop the lines after `step`, which the resumed run will write again."""
        if not self.metrics_path.exists():
            return
        old = self.metrics_path.read_bytes()
        lines, _ = _complete_lines(old)
        kept = [
            line for n, line in enumerate(lines, 1) if self._parse(n, line).get("step", 0) <= step
        ]
        new = b"".join(line + b"\n" for line in kept)
        if new != old:
            self.disk.replace(self.metrics_path, new)

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{self.metrics_path}:{number}: no JSON ({error}); delete the line"
            ) from error
        if not isinstance(value, dict):
            raise InputError(f"{self.metrics_path}:{number}: no JSON object; delete the line")
        return value


class RunLock:
    """Exclusive use of a run folder. The kernel frees it when the process ends, however it ends.

    Locks of different names do not exclude each other.
    """

    def __init__(self, folder: Path, disk: Disk, *, name: str = "") -> None:
        self.folder, self.disk = folder, disk
        start = f".{name}." if name else "."
        self._owner = folder / f"{start}owner.json"
        self._lock = FileLock(folder / f"{start}lock")

    def acquire(self) -> None:
        """Take the lock, or raise InputError naming who has it."""
        try:
            self.disk.make_folder(self.folder)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"{self.folder} is in use by {self._describe_owner()}; "
                "wait for it, stop it, or choose another folder"
            ) from None
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot use it as a run folder ({error.strerror}); choose another"
            ) from error
        start = datetime.now(UTC).isoformat(timespec="seconds")
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "start": start}
        # only for the message to a second writer: without it the lock is as good
        with contextlib.suppress(OSError):
            self.disk.write_bytes(self._owner, json.dumps(owner).encode())

    def release(self) -> None:
        """Give the lock back."""
        self._owner.unlink(missing_ok=True)
        self._lock.release()

    def _describe_owner(self) -> str:
        try:
            owner = json.loads(self._owner.read_bytes())
            return f"process {owner['pid']} on {owner['host']} since {owner['start']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process that is just starting"


def changed_settings(old: Any, new: Any, *, path: str = "") -> Iterable[tuple[str, str]]:
    """Yield (dotted key, "key: old -> new") for each difference between two JSON values.

    >>> list(changed_settings({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}))
    [('a.b', 'a.b: 1 -> 3')]
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else key
            yield from changed_settings(old.get(key), new.get(key), path=inner)
    elif old != new or type(old) is not type(new):
        yield path, f"{path}: {json.dumps(old)} -> {json.dumps(new)}"


def _complete_lines(data: bytes) -> tuple[list[bytes], bytes]:
    *lines, rest = data.split(b"\n")
    return lines, rest


def list_steps(path: Path) -> list[int]:
    """Return the stored steps of a run folder in ascending order."""
    return RunFolder(path).steps.steps()
