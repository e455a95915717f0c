"""WikiANN: sentences with persons, organisations and places, a token and its IOB2 tag a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from xlgen.sources import published
from xlgen.sources.forms import entities, tagging
from xlgen.sources.official import Oddities, OfficialFiles
from xlgen.sources.rows import BadRow, Row, line_rows

_TAG = re.compile(r"O|[BI]-(?:PER|ORG|LOC)")
_PREFIX = re.compile(r"([a-z]{2,3}):")
_CONTINUES = "I- without its beginning, read as B-"
_COLON = "':' in an entity, which multilingual-T5's span F1 does not read, nor ours"


@dataclass(frozen=True)
class Entities(OfficialFiles):
    """A set in the form of WikiANN: `en:Paris<TAB>B-LOC` a line, an empty line after each sentence."""

    empty_targets: ClassVar[bool] = True

    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a sentence a row, by its first line; a line that is wrong makes its sentence a bad row."""
        odd = Oddities(path)
        sentence = _Sentence()
        prefix: str | None = None
        for line in line_rows(path):
            if isinstance(line, BadRow):
                sentence.refuse(line.number, line.reason)
                continue
            text = line.values["line"]
            if text.strip():
                if prefix is None:
                    prefix = self._prefix(text, language)
                sentence.read(text, line.number, prefix)
                continue
            if sentence.number:
                yield self._row(sentence, path, odd, split=split, language=language)
            sentence = _Sentence()
        if sentence.number:
            yield self._row(sentence, path, odd, split=split, language=language)
        odd.tell()

    def _prefix(self, text: str, language: str) -> str:
        """Return what stands before every token of a file: its language, as published, or nothing."""
        found = _PREFIX.match(text)
        return f"{language}:" if found and found[1] in self.languages else ""

    def _row(
        self, sentence: "_Sentence", path: Path, odd: Oddities, *, split: str, language: str
    ) -> Row | BadRow:
        if sentence.reason:
            return BadRow(str(path), *sentence.reason)
        spans = sentence.spans(odd)
        return Row(str(path), sentence.number, {
            "id": str(sentence.number),
            "language": language,
            "input": tagging(sentence.tokens),
            "target": entities(spans),
            "task": "text_to_text",
            "source": self.name,
            "document": f"{self.name}/{language}/{split}/{sentence.number}",
        })  # fmt: skip


@dataclass
class _Sentence:
    """The lines of a sentence as they come; `number` is that of the first, 0 before it."""

    number: int = 0
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    reason: tuple[int, str] | None = None

    def read(self, text: str, number: int, prefix: str) -> None:
        """Take in a line."""
        self.number = self.number or number
        token, *tags = text.split("\t")
        if len(tags) != 1:
            self.refuse(
                number,
                f"expected a token, a tab and a tag, got {len(tags) + 1} columns: {text!r:.60}",
            )
        elif not _TAG.fullmatch(tags[0]):
            self.refuse(
                number, f"expected a tag O, B- or I- and PER, ORG or LOC, got {tags[0]!r:.40}"
            )
        elif not token.startswith(prefix):
            self.refuse(number, f"expected a token that begins with {prefix!r}, got {token!r:.40}")
        self.tokens.append(token.removeprefix(prefix))
        self.tags.append(tags[0] if tags else "O")

    def refuse(self, number: int, reason: str) -> None:
        """Remember the first line that is wrong, and why."""
        self.number = self.number or number
        self.reason = self.reason or (number, f"{reason}; is it the official file?")

    def spans(self, odd: Oddities) -> list[tuple[str, str]]:
        """Return type and text of each entity; I- after O or another type begins one (as CoNLL's script)."""
        found: list[tuple[str, list[str]]] = []
        before = "O"
        for place, (token, tag) in enumerate(zip(self.tokens, self.tags, strict=True)):
            if tag[0] == "I" and before[2:] == tag[2:]:
                found[-1][1].append(token)
            elif tag != "O":
                found.append((tag[2:], [token]))
                if tag[0] == "I":
                    odd.note(_CONTINUES, self.number + place)
            before = tag
        spans = [(kind, " ".join(tokens)) for kind, tokens in found]
        for _, text in spans:
            if ":" in text:
                odd.note(_COLON, self.number)
        return spans


LANGUAGES_OF_XTREME = (
    "en", "af", "ar", "bg", "bn", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu", "id",
    "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru", "sw", "ta", "te", "th",
    "tl", "tr", "ur", "vi", "yo", "zh",
)  # fmt: skip

WIKIANN = Entities(
    published=published.WIKIANN,
    description="WikiANN (PAN-X): persons, organisations and places in Wikipedia, 40 languages",
    languages=LANGUAGES_OF_XTREME,
    files={
        "train": "{language}/train",
        "validation": "{language}/dev",
        "test": "{language}/test",
    },
    train=LANGUAGES_OF_XTREME,
)
