"""Scores by any program, such as a learned metric: a process that reads records and writes numbers.

It reads a JSON object a line, {"id", "language", "prediction", "reference"}, to the end, and writes
{"id", "score"} a line, in any order. So nothing of its libraries is loaded here, or needed.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Never

from xlgen.errors import InputError
from xlgen.files import read_object, reason, write_json
from xlgen.metrics.predictions import Prediction
from xlgen.progress import Bar, progress

PATIENCE = 600.0  # seconds without an answer; a model is loaded in that time
_NAMED = re.compile(r"([A-Za-z][\w.-]*)=(.+)", re.DOTALL)
_LONGEST_ANSWER = 4096  # bytes; an id and a number
_FORM = '{"id": ..., "score": a number}'


@dataclass(frozen=True)
class Program:
    """A metric that a command computes. `patience` is how many seconds it may be silent."""

    name: str
    arguments: tuple[str, ...]
    patience: float = PATIENCE

    @classmethod
    def parse(cls, text: str, *, patience: float = PATIENCE) -> "Program":
        """Read `command` or `name=command`, split as a shell does; no shell runs.

        >>> Program.parse("bleurt=python my_metric.py --fast").arguments
        ('python', 'my_metric.py', '--fast')
        >>> Program.parse("python my_metric.py").name
        'program'
        """
        named = _NAMED.fullmatch(text.strip())
        name, command = named.groups() if named else ("program", text)
        try:
            arguments = tuple(shlex.split(command))
        except ValueError as error:
            raise InputError(
                f"expected a command, got {text!r:.80} ({error}); close the quote"
            ) from None
        if not arguments:
            raise InputError(f"expected a command, got {text!r:.80}; such as 'python my_metric.py'")
        return cls(name, arguments, patience)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the command and of the files that it names."""
        digest = hashlib.sha256()
        for argument in self.arguments:
            digest.update(argument.encode() + b"\0")
            if Path(argument).is_file():
                with Path(argument).open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @property
    def signature(self) -> str:
        """Its name and eight digits of its fingerprint; what it does inside, nobody here knows."""
        return f"{self.name}|program:{self.fingerprint[:8]}"

    def scores(self, records: Sequence[Prediction], *, kept: Path | None = None) -> list[float]:
        """Return a score for each record; their ids must differ.

        `kept` is a JSON file of answers: those in it are not asked for again, and what a failing program
        answered before is added too. Raises `InputError` for a program that cannot be started, fails, is
        silent too long, or answers anything but one finite number for each id.
        """
        keys = [self._key(record) for record in records]
        store = _read_kept(kept)
        asked = {key: record for key, record in zip(keys, records) if key not in store}
        if asked:
            key_of = {record.id: key for key, record in asked.items()}
            try:
                for identity, score in self._answers(list(asked.values())):
                    store[key_of[identity]] = score
            finally:
                if kept is not None:
                    write_json(kept, store)
        return [store[key] for key in keys]

    def _key(self, record: Prediction) -> str:
        fields = [self.fingerprint, record.language, record.prediction, record.reference]
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()

    def _answers(self, records: Sequence[Prediction]) -> Iterator[tuple[str, float]]:
        """Yield each id with its score, as far as they are good; then raise what was wrong."""
        with tempfile.TemporaryDirectory(prefix="xlgen-") as folder:
            answers = Path(folder, "answers")
            failure = None
            try:
                self._run(records, answers)
            except InputError as error:
                failure = error
            lines = answers.read_bytes().split(b"\n") if answers.is_file() else []
        if failure is not None:
            lines = lines[:-1]  # the last was not finished
        open_ids = {record.id for record in records}
        answered: dict[str, int] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                identity, score = self._answer(line, number, open_ids, answered)
            except InputError as error:
                raise failure or error from None
            answered[identity] = number
            yield identity, score
        if failure is not None:
            raise failure
        lacking = [record.id for record in records if record.id not in answered]
        if lacking:
            raise InputError(
                f"{self.name}: expected {len(records):,} answers, got {len(answered):,}; none for "
                f"{len(lacking):,} ids, first {lacking[0]!r}: write a line for each record"
            )

    def _answer(
        self, line: bytes, number: int, open_ids: set[str], answered: dict[str, int]
    ) -> tuple[str, float]:
        place = f"{self.name}, line {number} of its output"
        shown = repr(line[:60].decode(errors="replace"))
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or not {"id", "score"} <= set(record):
            raise InputError(
                f"{place}: expected {_FORM}, got {shown}; write nothing else to standard output"
            )
        identity, score = record["id"], record["score"]
        if not isinstance(identity, str) or identity not in open_ids:
            raise InputError(
                f"{place}: expected an id that was asked for, got {identity!r:.60}; give ids back unchanged"
            )
        if identity in answered:
            raise InputError(
                f"{place}: id {identity!r} was answered already, on line {answered[identity]}; answer once"
            )
        is_number = isinstance(score, int | float) and not isinstance(score, bool)
        if not is_number or not math.isfinite(score):
            raise InputError(
                f"{place}: expected a finite number as the score of {identity!r}, got {score!r:.40}"
            )
        return identity, float(score)

    def _run(self, records: Sequence[Prediction], answers: Path) -> None:
        """Run the program on files: it never waits for us, nor we for a full pipe."""
        requests, errors = (answers.with_name(name) for name in ("requests", "errors"))
        lines = (
            {
                "id": r.id,
                "language": r.language,
                "prediction": r.prediction,
                "reference": r.reference,
            }
            for r in records
        )
        # ASCII, whatever encoding the program believes in
        requests.write_text("".join(json.dumps(line) + "\n" for line in lines), "ascii")
        with requests.open("rb") as given, answers.open("wb") as taken, errors.open("wb") as said:
            try:
                process = subprocess.Popen(
                    self.arguments, stdin=given, stdout=taken, stderr=said, start_new_session=True
                )
            except OSError as error:
                raise InputError(
                    f"{self.name}: cannot start {self.arguments[0]!r} ({reason(error)}); check the command"
                ) from error
            try:
                with progress(len(records), f"Scoring with {self.name}") as bar:
                    self._wait(process, answers, bar)
            except BaseException:  # Ctrl-C as well
                _end(process)
                raise
        if process.returncode != 0:
            words = errors.read_bytes().decode(errors="replace").strip()
            last = " ".join(words.rpartition("\n")[2].split())[-300:] or "without a word"
            raise InputError(f"{self.name} failed with exit code {process.returncode}: {last}")

    def _wait(self, process: "subprocess.Popen[bytes]", answers: Path, bar: Bar[Never]) -> None:
        assert bar.total is not None
        most = _LONGEST_ANSWER * (bar.total + 256)
        seen, since = 0, time.monotonic()
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            size = answers.stat().st_size
            if size > most:
                raise InputError(
                    f"{self.name}: expected {bar.total:,} answers {_FORM}, got more than {most:,} bytes; "
                    "write nothing else to standard output"
                )
            if size > seen:
                with answers.open("rb") as file:
                    file.seek(seen)
                    bar.advance(file.read(size - seen).count(b"\n"))
                seen, since = size, time.monotonic()
            elif time.monotonic() - since > self.patience:
                raise InputError(
                    f"{self.name} was silent for {self.patience:g} seconds after {bar.done:,} of "
                    f"{bar.total:,} answers; flush each answer, or raise --patience"
                )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_kept(path: Path | None) -> dict[str, float]:
    if path is None or not path.exists():
        return {}
    store = read_object(path, remedy="remove it, and all is asked for again")
    if not all(isinstance(score, int | float) and math.isfinite(score) for score in store.values()):
        raise InputError(f"{path}: expected numbers; remove it, and all is asked for again")
    return store
