"""Apertium: rule-based translation by Debian's packages, as a program of the machine.

apt install apertium apertium-eng-spa apertium-fr-es apertium-spa-ita apertium-es-pt cg3
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlgen.errors import InputError
from xlgen.files import reason
from xlgen.translation.base import Translate, Translator

PIVOT = (
    "es"  # Catalan does better into French and Italian, worse into English (docs/translation.md)
)
# What Debian has between our languages: (from, to) -> mode and package. None leads to the other thirteen.
MODES = {
    ("en", "es"): ("eng-spa", "apertium-eng-spa"), ("es", "en"): ("spa-eng", "apertium-eng-spa"),
    ("es", "fr"): ("es-fr", "apertium-fr-es"), ("fr", "es"): ("fr-es", "apertium-fr-es"),
    ("es", "it"): ("spa-ita", "apertium-spa-ita"), ("it", "es"): ("ita-spa", "apertium-spa-ita"),
    ("es", "pt"): ("es-pt_BR", "apertium-es-pt"), ("pt", "es"): ("pt-es", "apertium-es-pt"),
}  # fmt: skip
# What a pair's package starts and does not depend on.
PACKAGES = {"cg-proc": "cg3", "lrx-proc": "apertium-lex-tools"}
_LANGUAGES = {code for pair in MODES for code in pair}

# The stream between Apertium's programs: these characters stand for themselves behind a backslash; a tilde
# does not, so it goes between brackets, which no program looks into.
_SPECIAL = re.compile(r"\s*~\s*|[\\\[\]{}^$/@<>]")
_WRITTEN = re.compile(r"\\(.)|[\[\]]", re.DOTALL)
_END = "[]"  # closes each text; behind one that does not end a sentence stands a full stop, as destxt has it
_CLOSED = tuple(".!?…:;")


@dataclass(frozen=True)
class Apertium(Translator):
    """Spanish with English, French, Italian and Portuguese, and these with each other through Spanish.

    `program` is a name or a path, `data` the folder that has `modes/`. A batch may take `timeout` seconds.
    """

    name: ClassVar[str] = "apertium"
    program: str = "apertium"
    data: Path = Path("/usr/share/apertium")
    timeout: float = 300.0

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((s, t) for s in _LANGUAGES for t in _LANGUAGES if s != t)

    def route(self, source: str, target: str) -> list[str]:
        """Return the modes that lead from one language to another; raise `InputError` for one missing."""
        legs = [(source, target)]
        if legs[0] not in MODES:
            legs = [(source, PIVOT), (PIVOT, target)]
        if shutil.which(self.program) is None:
            packages = " ".join(dict.fromkeys(MODES[leg][1] for leg in legs))
            raise InputError(
                f"{self.program} is not installed: `apt install apertium {packages}`, "
                "or choose another translator (`xlgen list translators`)"
            )
        for leg in legs:
            mode, package = MODES[leg]
            if not self._mode_file(mode).is_file():
                raise InputError(
                    f"apertium has no mode {mode} in {self.data}: `apt install {package}`"
                )
            for program in self._programs(mode):
                if shutil.which(program) is None:
                    raise InputError(
                        f"apertium's mode {mode} starts {program}, which is not installed: "
                        f"`apt install {PACKAGES.get(program, package)}`"
                    )
        return [MODES[leg][0] for leg in legs]

    def identity(self, source: str, target: str) -> str:
        digest = hashlib.sha256()
        modes = self.route(source, target)
        try:
            for mode in modes:
                pipeline = self._mode_file(mode).read_bytes()
                digest.update(pipeline)
                for name in sorted(set(re.findall(rb"'(/[^']+)'", pipeline))):
                    digest.update(Path(os.fsdecode(name)).read_bytes())
        except OSError as error:
            raise InputError(
                f"{error.filename}: cannot read it ({reason(error)}); install Apertium's packages again"
            ) from error
        return f"apertium {'+'.join(modes)} {digest.hexdigest()[:16]}"

    @contextlib.contextmanager
    def open(self, source: str, target: str) -> Iterator[Translate]:
        modes = self.route(source, target)

        def translate(paragraphs: Sequence[str]) -> list[str]:
            texts = list(paragraphs)
            for mode in modes:
                texts = self._through(mode, texts)
            return texts

        yield translate

    def _mode_file(self, mode: str) -> Path:
        return self.data / "modes" / f"{mode}.mode"

    def _programs(self, mode: str) -> list[str]:
        """Return the programs of a mode's pipeline; the shell that starts them passes over a missing one."""
        steps = self._mode_file(mode).read_text("utf-8", errors="replace").split("|")
        return [step.split()[0] for step in steps if step.strip()]

    def _through(self, mode: str, texts: list[str]) -> list[str]:
        """Translate through one mode; the program starts in a second and lives for this batch."""
        command = [self.program, "-d", str(self.data), "-f", "none", "-z", "-u", mode]
        output = self._run(command, "".join(map(_stream, texts)).encode(), mode)
        # every program of the pipeline flushes once more at the end
        streams = output.decode(errors="replace").rstrip("\0").split("\0")
        if len(streams) != len(texts) or not all(text.endswith(_END) for text in streams):
            raise InputError(
                f"apertium {mode}: expected {len(texts)} texts back, each whole, got {len(streams)}; "
                "install its packages again"
            )
        return [_text(stream, text) for stream, text in zip(streams, texts)]

    def _run(self, command: list[str], stream: bytes, mode: str) -> bytes:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise InputError(f"{self.program}: cannot start it ({reason(error)})") from error
        try:
            output, errors = process.communicate(stream, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise InputError(
                f"apertium {mode} gave no answer in {self.timeout:g} seconds; raise translator.timeout"
            ) from None
        except BaseException:  # Ctrl-C as well
            _end(process)
            raise
        if process.returncode != 0:
            said = errors.decode(errors="replace").strip()[-200:] or "without a word"
            raise InputError(f"apertium {mode} failed with exit code {process.returncode}: {said}")
        return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with the whole pipeline it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _stream(text: str) -> str:
    """Return a text as Apertium's programs pass it on, closed for itself.

    >>> _stream("a [b]"), _stream("~5.")
    ('a \\\\[b\\\\].[]\\x00', '[~]5.[]\\x00')
    """
    written = _SPECIAL.sub(
        lambda found: f"[{found[0]}]" if "~" in found[0] else f"\\{found[0]}", text
    )
    return f"{written}{'' if text.endswith(_CLOSED) else '.'}{_END}\0"


def _text(stream: str, original: str) -> str:
    """Undo `_stream` on what became of `original`."""
    written = stream.removesuffix(_END)
    if not original.endswith(_CLOSED):
        written = written.removesuffix(".")
    return _WRITTEN.sub(lambda found: found[1] or "", written).strip()
