"""Translate a file of examples, and say by chrF how good the translations are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlgen.errors import InputError
from xlgen.files import check_output, write_whole
from xlgen.languages import language_code
from xlgen.sources.readers import read_examples
from xlgen.translation.base import Translator
from xlgen.translation.translate import translate


@dataclass(frozen=True)
class TranslatedFile:
    """What was written, and the chrF of it with sacrebleu's signature; None without references."""

    output: Path
    translations: int
    chrf: float | None
    signature: str | None

    def __str__(self) -> str:
        quality = "" if self.chrf is None else f"; chrF {self.chrf:.1f} ({self.signature})"
        return f"{self.translations:,} translations in {self.output}{quality}"


def translate_file(
    translator: Translator,
    *,
    source: str,
    target: str,
    input: Path,
    output: Path,
    limit: int | None = None,
) -> TranslatedFile:
    """Translate the inputs of a file's records and write {"id", "language", "input", "prediction"}.

    A record's `language` is that to write, as in the files of `parallel`; of others no notice is taken. A
    target goes along as `reference`. At most `limit` records are translated. The output is written whole or
    not at all; what an earlier call translated is kept beside it, in `OUTPUT.translations`. Raises
    `InputError` for what cannot be read, translated or written.
    """
    source, target = language_code(source), language_code(target)
    translator.check(source, target)
    examples = read_examples(input, languages=[target], require_target=False)[:limit]
    check_output(output, input=input)
    references = [example.target for example in examples]
    if all(references):
        _sacrebleu()  # missing, it is said before the work
    texts = translate(
        [example.input for example in examples],
        translator,
        source=source,
        target=target,
        memory=output.with_name(f"{output.name}.translations"),
    )
    records = (
        {"id": example.id, "language": target, "input": example.input, "prediction": text}
        | ({"reference": example.target} if example.target else {})
        for example, text in zip(examples, texts, strict=True)
    )
    write_whole(output, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
    scored = corpus_chrf(texts, references) if all(references) else (None, None)
    return TranslatedFile(output, len(texts), *scored)


def corpus_chrf(translations: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """Return sacrebleu's chrF2 of all translations together, and its signature."""
    metric = _sacrebleu()
    score = metric.corpus_score(translations, [references])
    return float(score.score), str(metric.get_signature())


def _sacrebleu():  # type: ignore[no-untyped-def]  # of an optional library
    try:
        from sacrebleu.metrics import CHRF
    except ImportError as error:
        raise InputError(
            f"chrF is sacrebleu's ({error}): pip install 'xlgen[translation]', or take the targets out"
        ) from error
    return CHRF()
