"""Labelled examples in another language, the data of TRANS-TRAIN (Vu et al. 2022, 2.2.1); and a translator.

xlgen train translate.howto target=fr --out runs/howto-fr
xlgen train howto.model train.source=runs/howto-fr/examples.jsonl 'train.languages=["fr"]' --out runs/fr
xlgen train translate.model --out runs/en-fr
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.files import write_whole
from xlgen.generation.settings import BeamSettings
from xlgen.languages import SOURCE, language_code
from xlgen.recipes import howto as labels
from xlgen.recipes.base import RunConfig
from xlgen.run import Adaptation, Data
from xlgen.tasks import Limits
from xlgen.training.folder import RunFolder
from xlgen.translation.apertium import Apertium
from xlgen.translation.base import Translator
from xlgen.translation.translate import translate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranslatedExamples:
    """The file that was written, how many examples it has, and how many became empty and were left out."""

    file: Path
    examples: int
    left_out: int

    def __str__(self) -> str:
        without = f", {self.left_out} left out because they became empty" * bool(self.left_out)
        return f"{self.file}: {self.examples:,} examples{without}"


@dataclass(frozen=True)
class Translation(RunConfig):
    """Translate the inputs and targets of `data` into the language `target`.

    `data` is in one language. An example keeps its document, source and licence, so it is checked for
    leaks as the original is; its id names the new language where it named the old one.
    """

    name: ClassVar[str] = "translation"
    data: Data = field(default_factory=lambda: Data(split="train", languages=(SOURCE,)))
    target: str | None = None
    translator: Translator = field(default_factory=Apertium)

    def run(self, folder: Path) -> TranslatedExamples:
        """Write `folder/examples.jsonl`; what an earlier call translated is in `translations.jsonl`.

        Labels that are there already, and may have been trained on, are not made anew by another system.
        """
        if self.target is None:
            raise InputError(
                "a translation needs the language to translate into: set target=CODE (such as fr)"
            )
        target = language_code(self.target)
        examples = self.data.examples()
        source, *others = sorted({example.language for example in examples})
        if others:
            raise InputError(
                f"data: expected examples in one language, got {', '.join([source, *others])}; "
                'name one, such as data.languages=["en"]'
            )
        self.translator.check(source, target)
        identity = self.translator.identity(source, target)
        with RunFolder(folder, self) as opened:
            sha256 = hashlib.sha256(identity.encode()).hexdigest()
            if (folder / "translator.json").is_file():
                opened.check("translator", self.translator.title, sha256=sha256)
            texts = [text for example in examples for text in (example.input, example.target)]
            translated = translate(
                texts,
                self.translator,
                source=source,
                target=target,
                memory=folder / "translations.jsonl",
            )
            pairs = zip(translated[::2], translated[1::2], strict=True)
            records = [
                _record(example, input, output, language=target, translator=identity)
                for example, (input, output) in zip(examples, pairs, strict=True)
            ]
            written = _write(folder / "examples.jsonl", records)
            opened.write_json("translator.json", {"identity": identity, "sha256": sha256})
        return written


def _record(
    example: Example, input: str, output: str, *, language: str, translator: str
) -> dict[str, str]:
    named = example.id.removesuffix(f"@{example.language}")
    return {
        "id": example.id if named == example.id else f"{named}@{language}",
        "language": language,
        "input": input,
        "target": output,
        "task": example.task,
        "source": example.source,
        "licence": example.licence,
        "document": example.document or example.id,
        "translator": translator,
    }


def _write(path: Path, records: Sequence[dict[str, str]]) -> TranslatedExamples:
    kept = [record for record in records if record["input"].strip() and record["target"].strip()]
    if not kept:
        raise InputError(f"all {len(records)} translations are empty; choose another translator")
    if len(kept) < len(records):
        log.warning("%d examples became empty and are left out", len(records) - len(kept))
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in kept)
    write_whole(path, "".join(lines), what="the translated examples")
    return TranslatedExamples(path, len(kept), len(records) - len(kept))


def howto() -> Translation:
    """The English training examples of howto0 in another language: `target=fr`, and a `translator`."""
    return Translation()


def model() -> Adaptation:
    """ModelTuning on aligned paragraphs, English and French both ways (`xlgen data build parallel`).

    Another pair: train.source, train.languages, validation.source and select_on. Best from a model that
    reads its source: `model=FOLDER`.
    """
    tuned, both = labels.model(), (SOURCE, "fr")
    return replace(
        tuned,
        task="translation",
        train=Data(source="parallel/en-fr.train.jsonl.xz", languages=both),
        validation=Data(source="parallel/en-fr.validation.jsonl.xz", limit=100),
        select_on=both,
        limits=Limits(input=160, target=160),  # ours: 99 % of the paragraphs are shorter
        decoding=BeamSettings(max_length=160),
        training=replace(tuned.training, steps=20_000, validate_every=1000, checkpoint_every=1000),
    )
