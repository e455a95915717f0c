"""Texts through a translator: paragraph by paragraph, each once, and what is done is kept."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

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
    translator does not have, and where it fails or a batch takes longer than its `timeout`, if others
    are left: what was done by then is kept, a batch that took too long as well.
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
                start = monotonic()
                found = translate_all(paragraphs)
                seconds = monotonic() - start
                if len(found) != len(paragraphs):
                    raise InputError(
                        f"translator {translator.name!r} gave {len(found)} translations of "
                        f"{len(paragraphs)} paragraphs; it cannot be trusted with these texts"
                    )
                kept.add(paragraphs, [" ".join(text.split("\n")) for text in found])
                done += len(paragraphs)
                bar.advance(len(paragraphs))
                if done < len(missing):
                    _check_time(translator, seconds, paragraphs=len(paragraphs))
    except InputError as error:
        raise InputError(
            f"{error}; {done} of {len(missing)} paragraphs were translated and are kept in "
            f"{kept.path}: the same command continues"
        ) from error


def _check_time(translator: Translator, seconds: float, *, paragraphs: int) -> None:
    if translator.timeout is not None and seconds > translator.timeout:
        raise InputError(
            f"translator {translator.name!r} took {seconds:.1f} seconds for a batch of {paragraphs} "
            f"paragraphs, expected at most {translator.timeout:g}; raise translator.timeout, or choose a "
            "smaller model or a faster machine"
        )


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
