"""Texts through a translator: paragraph by paragraph, each once, and what is done is kept."""

from collections.abc import Sequence
from pathlib import Path

from xlgen.errors import InputError
from xlgen.progress import progress
from xlgen.translation.base import Translator
from xlgen.translation.memory import TranslationMemory

KEPT_AT_ONCE = 256  # paragraphs between two writes: what a failure may cost


def translate(
    texts: Sequence[str], translator: Translator, *, source: str, target: str, memory: Path
) -> list[str]:
    """Translate texts in order; line breaks, and white space around paragraphs, stay as they are.

    A paragraph is what stands between line breaks; one without a letter is its own translation. What the
    file `memory` has of the same system is not translated again. Raises `InputError` for a pair the
    translator does not have, and where it fails: what was done by then is kept.
    """
    translator.check(source, target)
    identity = translator.identity(source, target)
    kept = TranslationMemory(memory, translator=identity, source=source, target=target)
    split = [[_Paragraph(line) for line in text.split("\n")] for text in texts]
    wanted = dict.fromkeys(p.core for text in split for p in text if p.core)
    missing = [core for core in wanted if core not in kept]
    if missing:
        _translate_missing(missing, translator, pair=(source, target), kept=kept)
    return ["\n".join(p.around(kept[p.core] if p.core else "") for p in text) for text in split]


def _translate_missing(
    missing: Sequence[str],
    translator: Translator,
    *,
    pair: tuple[str, str],
    kept: TranslationMemory,
) -> None:
    done = 0
    name = f"Translating {pair[0]} into {pair[1]}"
    try:
        with translator.open(*pair) as translate_all, progress(len(missing), name) as bar:
            while done < len(missing):
                paragraphs = missing[done : done + KEPT_AT_ONCE]
                found = translate_all(paragraphs)
                if len(found) != len(paragraphs):
                    raise InputError(
                        f"translator {translator.name!r} gave {len(found)} translations of "
                        f"{len(paragraphs)} paragraphs; it cannot be trusted with these texts"
                    )
                kept.add(paragraphs, [" ".join(text.split("\n")) for text in found])
                done += len(paragraphs)
                bar.advance(len(paragraphs))
    except InputError as error:
        raise InputError(
            f"{error}; {done} of {len(missing)} paragraphs were translated and are kept in "
            f"{kept.path}: the same command continues"
        ) from error


class _Paragraph:
    """A line as the white space around it, and its core; "" where there is nothing to translate."""

    def __init__(self, line: str) -> None:
        text = line.replace("\0", "")  # no text, but byte pieces can spell it; systems end at it
        core = text.strip()
        self.core = core if any(map(str.isalpha, core)) else ""
        self.before, _, self.after = text.partition(core) if self.core else (text, "", "")

    def around(self, translation: str) -> str:
        """Return a translation with the white space that was around the line."""
        return f"{self.before}{translation}{self.after}"
