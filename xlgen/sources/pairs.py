"""Make (article, summary) pairs out of help pages, in parallel over the languages.

Two kinds. `headings` is WikiLingua's own construction (Ladhak et al. 2020, section 2): the article is
the text of sibling sections without their headings, the summary is the headings. `description` pairs
the text of a page with the sentence its author wrote about it. The English page decides what is a
pair; a translation takes part when it has the same shape and is truly translated.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from xlgen.languages import LANGUAGES
from xlgen.sources.markup import Block, Section, make_sections
from xlgen.sources.pages import Page

PairKind = Literal["headings", "description"]

ARTICLE_CHARACTERS = {"headings": (200, 8000), "description": (150, 8000)}  # of the English page
SHORTEST_SECTION = 40  # characters of text that a heading must summarize, in English
SHORTEST_SUMMARY = 15  # characters, in English
MOST_HEADINGS = 16
PHRASES = 0.6  # share of the headings that must be phrases: one word is the name of a button
BOILERPLATE = 20  # a heading of more documents than this says nothing of the article
LEAST_TRANSLATED = 0.6  # share of an article's characters; the rest, still English, is left out
LEAST_TRANSLATED_LINES = 0.8  # share of a summary's lines, which all stay
LEAST_IDENTIFIED = 0.95  # share of the characters of sure paragraphs in no other of our languages
SURE_LETTERS = 40  # CLD3 is asked about a paragraph of this many; fewer where a word takes fewer
SURE_LETTERS_BY_LANGUAGE = {"zh": 12, "ja": 16, "ko": 20, "th": 20}

# How sentences end and follow each other where it is not ". ".
SENTENCE_ENDS = {"zh": ("。", ""), "ja": ("。", ""), "hi": ("।", " "), "th": ("", " ")}
CLOSED = tuple(".!?…:;。！？：।؟")


@dataclass(frozen=True)
class Pair:
    """An article and its summary; `place` is the same in all languages of a document."""

    document: str
    place: str
    kind: PairKind
    language: str
    article: tuple[str, ...]
    summary: tuple[str, ...]
    package: str
    licence: str
    untranslated: float  # share of the article's characters left out as identical to English

    @property
    def input(self) -> str:
        return "\n".join(self.article)

    @property
    def target(self) -> str:
        return join_sentences(self.summary, language=self.language)


@dataclass(frozen=True)
class Place:
    """Where in the pages of a document a pair lies, found in the English page."""

    kind: PairKind
    path: tuple[int, ...] = ()
    sections: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "-".join([self.kind, *map(str, self.path)])


@dataclass(frozen=True)
class Parts:
    """The paragraphs and summary lines of a place in one language's page, aligned over languages."""

    paragraphs: list[str]
    lines: list[str]
    shape: object


def join_sentences(lines: Sequence[str], *, language: str) -> str:
    """Return lines as one line of sentences, closed as the language closes them.

    >>> join_sentences(["Open a file", "Why?"], language="en")
    'Open a file. Why?'
    >>> join_sentences(["打开文件", "保存文件"], language="zh")
    '打开文件。保存文件。'
    """
    end, gap = SENTENCE_ENDS.get(language, (".", " "))
    return gap.join(line if line.endswith(CLOSED) else line + end for line in lines)


def make_pairs(pages: Sequence[Page]) -> Iterator[Pair]:
    """Yield the pairs of all pages, by document; nothing is yielded without an English page."""
    boilerplate = _boilerplate(pages)
    by_document: dict[str, list[Page]] = {}
    for page in pages:
        by_document.setdefault(page.document, []).append(page)
    for _, versions in sorted(by_document.items()):
        english = next((page for page in versions if page.language == "en"), None)
        if english is not None:
            tree = make_sections(english.blocks)
            for place in find_places(english, tree, boilerplate=boilerplate):
                original = parts_at(place, english.blocks)
                assert original is not None, "the place was found in this page"
                for page in versions:
                    pair = _pair(page, place, original)
                    if pair is not None:
                        yield pair


def find_places(page: Page, tree: Section, *, boilerplate: frozenset[str]) -> Iterator[Place]:
    """Yield the places of an English page that make good pairs."""
    yield from _heading_places(tree, (), boilerplate)
    described = next((x.text for x in page.blocks if x.kind == "description"), "")
    if len(described) >= SHORTEST_SUMMARY and described not in boilerplate:
        shortest, longest = ARTICLE_CHARACTERS["description"]
        if " " in described and shortest <= _length(tree.body()) <= longest:
            yield Place("description")


def parts_at(place: Place, blocks: Sequence[Block]) -> Parts | None:
    """Return the text of a place in a page; None when the page has no such place."""
    section = make_sections(list(blocks))
    if place.kind == "description":
        lines = [block.text for block in blocks if block.kind == "description"]
        return Parts(section.body(), lines[:1], _shape(section)) if lines else None
    for position in place.path:
        if position >= len(section.sections):
            return None
        section = section.sections[position]
    if max(place.sections) >= len(section.sections):
        return None
    chosen = [section.sections[position] for position in place.sections]
    paragraphs = [*section.paragraphs, *(text for part in chosen for text in part.body())]
    return Parts(paragraphs, [part.heading for part in chosen], _shape(section))


def is_translated(text: str, original: str) -> bool:
    """Say whether a text differs from its original; a text with hardly a letter need not."""
    return text != original or sum(character.isalpha() for character in original) < 3


def identified_share(paragraphs: Sequence[str], *, language: str) -> float:
    """Return the share of characters in paragraphs that CLD3 gives to no other of our languages.

    A close relative outside the eighteen (Malay, Galician, Slovak) is tolerated in a paragraph.
    Counts the paragraphs long enough to be sure of; 1.0 when there are none.
    """
    sure = SURE_LETTERS_BY_LANGUAGE.get(language, SURE_LETTERS)
    long = [text for text in paragraphs if sum(map(str.isalpha, text)) >= sure]
    others = LANGUAGES.keys() - {language}
    right = _length([text for text in long if identify(text) not in others])
    return right / _length(long) if long else 1.0


def identify(text: str) -> str:
    """Return the code of the language that CLD3 finds, or its own label for one not of ours.

    >>> identify("Um die Datei zu öffnen, klicken Sie auf das Symbol.")
    'de'
    """
    label = str(_identifier().FindLanguage(text).language)
    return next((code for code, x in LANGUAGES.items() if x.cld3 == label), label)


def _pair(page: Page, place: Place, original: Parts) -> Pair | None:
    parts = parts_at(place, page.blocks)
    if parts is None or parts.shape != original.shape:
        return None
    is_original = page.language == "en"
    aligned = zip(parts.paragraphs, original.paragraphs, strict=True)
    article = [text for text, english in aligned if is_original or is_translated(text, english)]
    untranslated = 1 - _length(article) / _length(parts.paragraphs)
    summaries = zip(parts.lines, original.lines, strict=True)
    lines = [text for text, english in summaries if is_original or is_translated(text, english)]
    if untranslated > 1 - LEAST_TRANSLATED:
        return None
    if len(lines) < LEAST_TRANSLATED_LINES * len(parts.lines):
        return None
    if identify("\n".join(article)) != page.language:
        return None
    if identified_share(article, language=page.language) < LEAST_IDENTIFIED:
        return None
    if identified_share([" ".join(parts.lines)], language=page.language) == 0:
        return None
    return Pair(
        page.document, str(place), place.kind, page.language, tuple(article), tuple(parts.lines),
        page.package, page.licence, untranslated,
    )  # fmt: skip


def _heading_places(
    section: Section, path: tuple[int, ...], boilerplate: frozenset[str]
) -> Iterator[Place]:
    """Yield the highest groups of sibling sections that are neither too long nor too short."""
    shortest, longest = ARTICLE_CHARACTERS["headings"]
    chosen = tuple(
        position
        for position, part in enumerate(section.sections)
        if _length(part.body()) >= SHORTEST_SECTION
    )
    headings = [section.sections[position].heading for position in chosen]
    if len(chosen) >= 2 and _length(section.body()) <= longest:
        texts = [*section.paragraphs, *(t for x in chosen for t in section.sections[x].body())]
        if _length(texts) >= shortest and _are_phrases(headings, boilerplate):
            yield Place("headings", path, chosen)
        return
    for position, part in enumerate(section.sections):
        yield from _heading_places(part, (*path, position), boilerplate)


def _are_phrases(headings: Sequence[str], boilerplate: frozenset[str]) -> bool:
    telling = [heading for heading in headings if heading not in boilerplate]
    phrases = [heading for heading in headings if " " in heading]
    return (
        len(headings) <= MOST_HEADINGS
        and len(telling) > len(headings) / 2
        and len(phrases) >= PHRASES * len(headings)
        and len(" ".join(headings)) >= SHORTEST_SUMMARY
    )


def _boilerplate(pages: Sequence[Page]) -> frozenset[str]:
    """Return the English headings and descriptions that more than BOILERPLATE documents have."""
    documents = Counter(
        text
        for page in pages
        if page.language == "en"
        for text in {x.text for x in page.blocks if x.kind in ("heading", "description")}
    )
    return frozenset(text for text, count in documents.items() if count > BOILERPLATE)


def _shape(section: Section) -> object:
    return len(section.paragraphs), tuple(_shape(part) for part in section.sections)


def _length(texts: Sequence[str]) -> int:
    return sum(map(len, texts))


@cache
def _identifier():  # type: ignore[no-untyped-def]  # gcld3 has no annotations
    import gcld3  # slow to import, and only builders need it

    return gcld3.NNetLanguageIdentifier(0, 1000)  # the paper's settings: all of the text
