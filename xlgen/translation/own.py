"""A run of XLGen's own that was trained to translate (task `translation`, recipe `translate.model`)."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlgen.config import read_config
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES, SOURCE
from xlgen.recipes.base import RunConfig
from xlgen.run import Adaptation, OpenedRun, open_run
from xlgen.tasks.translation import TranslationTask
from xlgen.translation.base import Translate, Translator
from xlgen.translation.sentences import sentences


@dataclass(frozen=True)
class RunTranslator(Translator):
    """The run in `folder` at a checkpoint: "best", "last" or a step's number.

    It translates from English into each language it was trained to write, `train.languages`, and from these
    into English where that is one of them. `settings` are overrides of its search, `decoding.*`.
    """

    name: ClassVar[str] = "run"
    folder: Path | None = None
    checkpoint: str = "best"
    settings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"XLGen's {self.folder.name}" if self.folder else self.name

    def pairs(self) -> frozenset[tuple[str, str]]:
        written = self._config().train.languages or tuple(LANGUAGES)
        others = [language for language in written if language != SOURCE]
        back = {(other, SOURCE) for other in others if SOURCE in written}
        return frozenset(back | {(SOURCE, other) for other in others})

    def identity(self, source: str, target: str) -> str:
        return _identity(self._folder(), self._open())

    @contextlib.contextmanager
    def open(self, source: str, target: str) -> Iterator[Translate]:
        run = self._open()
        limit = min(run.config.limits.input, run.config.decoding.max_input)

        def fits(text: str) -> bool:
            told = TranslationTask.told(text, target)
            return len(run.tokenizer.encode(told)) < limit  # </s> comes to it

        def translate(paragraphs: Sequence[str]) -> list[str]:
            split = [[(x, "")] if fits(x) else sentences(x, fits) for x in paragraphs]
            wanted = list(dict.fromkeys(part for parts in split for part, _ in parts))
            texts = run.predict(
                [
                    Example(id=str(n), language=target, input=x, target="")
                    for n, x in enumerate(wanted)
                ]
            )
            found = dict(zip(wanted, texts, strict=True))
            return ["".join(found[part] + gap for part, gap in parts) for parts in split]

        yield translate

    def _folder(self) -> Path:
        if self.folder is None:
            raise InputError("a run translator needs a trained run: set translator.folder=RUN")
        return self.folder

    def _config(self) -> Adaptation:
        config = read_config(RunConfig, self._folder() / "config.json")
        if not isinstance(config, Adaptation) or config.task != TranslationTask.name:
            raise InputError(
                f"{self.folder}: expected a run with task=translation; train one with "
                "`xlgen train translate.model`"
            )
        return config

    def _open(self) -> OpenedRun:
        self._config()
        return open_run(self._folder(), self.checkpoint, settings=self.settings)


def _identity(folder: Path, run: OpenedRun) -> str:
    """Return the step by the sums in its manifest, which reading it has verified."""
    manifest = folder / "steps" / f"step-{run.step:07d}" / "manifest.json"
    step = hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
    return f"run {step} of {run.weights[:16]} {run.config.decoding.signature}"
