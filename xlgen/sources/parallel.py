"""Aligned paragraphs of help pages, English and another language, to teach translation; split as howto0 is.

A page and its translation are made of the same blocks, so the paragraph of one is the translation of the
other's at the same place. Pages that howto0 holds out are validation and test here as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from typing import Any

from xlgen.data.examples import Example
from xlgen.languages import LANGUAGES, SOURCE
from xlgen.progress import progress
from xlgen.sources.corpus import read_held_out
from xlgen.sources.debian import Archive
from xlgen.sources.filters import paragraph_key
from xlgen.sources.leaks import check_leaks
from xlgen.sources.packaged import read_packaged
from xlgen.sources.pages import Page, Pages, Source, read_pages
from xlgen.sources.pairs import identified_share, is_translated
from xlgen.sources.splits import Split

FEWEST_LETTERS = 3  # a paragraph with fewer says nothing
LEAST_PARAGRAPHS = 1000  # of a language; three pages in Hindi teach nothing


@dataclass(frozen=True)
class Aligned:
    """A paragraph in English and in another language; `place` counts the blocks of its page."""

    document: str
    place: int
    english: str
    other: str
    package: str
    licence: str


Splits = dict[Split, list[Aligned]]


@dataclass(frozen=True)
class ParallelText:
    """Records by file name without an ending, such as `en-fr.train`; sources, and statistics by pair."""

    records: dict[str, list[dict[str, str]]]
    sources: list[Source]
    statistics: dict[str, Any]


@dataclass(frozen=True)
class HeldOutPages:
    """The split of the documents that are held out, and the keys of texts that must not be trained on."""

    splits: dict[str, Split]
    paragraphs: frozenset[int]
    examples: list[Example]

    @classmethod
    def packaged(cls) -> "HeldOutPages":
        """Return those of the packaged data sets."""
        with as_file(files("xlgen") / "assets") as folder:
            paragraphs = read_held_out(folder).paragraphs
        splits: dict[str, Split] = {}
        examples = []
        for name in ("howto0", "howto0-short"):
            for split in ("validation", "test"):
                for example in read_packaged(name, split):
                    splits[example.document] = split
                    examples.append(example)
        return cls(splits, paragraphs, examples)

    def with_texts_of(self, pages: Pages) -> "HeldOutPages":
        """Return these with every paragraph of their pages, in all languages, among the texts."""
        texts = {
            paragraph_key(block.text)
            for page in pages.pages
            if page.document in self.splits
            for block in page.blocks
        }
        return replace(self, paragraphs=self.paragraphs | texts)


def make_parallel(archive: Archive) -> ParallelText:
    """Return the aligned text of every language that has enough, from the archive's help pages."""
    return parallel_text(read_pages(archive), HeldOutPages.packaged())


def parallel_text(
    pages: Pages, held_out: HeldOutPages, *, least: int = LEAST_PARAGRAPHS
) -> ParallelText:
    """Return pairs of English with every language of `pages` that has `least` paragraphs to train on.

    Each pair stands in its file both ways: `language` is that of the target. No text of a page that is held
    out, nor one nearly like it, is trained on in any pair, so that the files of several can be joined.
    """
    held_out = held_out.with_texts_of(pages)
    english = {page.document: page for page in pages.pages if page.language == SOURCE}
    found: dict[str, Splits] = {}
    for language in progress([code for code in LANGUAGES if code != SOURCE], "Aligning pages"):
        pairs = [
            pair
            for page in pages.pages
            if page.language == language and page.document in english
            for pair in align(english[page.document], page)
        ]
        found[language] = split_pairs(pairs, held_out)
    leave_out_leaks(found, held_out.examples)
    records: dict[str, list[dict[str, str]]] = {}
    statistics: dict[str, Any] = {}
    for language, splits in found.items():
        if len(splits["train"]) < least:
            continue
        for split, pairs in splits.items():
            records[f"{SOURCE}-{language}.{split}"] = [
                record for pair in pairs for record in _records(pair, language)
            ]
        statistics[f"{SOURCE}-{language}"] = {
            split: {
                "paragraphs": len(pairs),
                "documents": len({pair.document for pair in pairs}),
                "characters": sum(len(pair.english) for pair in pairs),
            }
            for split, pairs in splits.items()
        }
    used = {record["source"] for group in records.values() for record in group}
    sources = [source for source in pages.sources if source.package in used]
    return ParallelText(records, sources, {"name": "parallel", "pairs": statistics})


def align(english: Page, other: Page) -> Iterator[Aligned]:
    """Yield the paragraphs of a page with their translations; none where the pages differ in shape.

    Left out are code, what is still English, and what CLD3 takes for another of our languages.
    """
    shapes = [[(block.kind, block.level) for block in page.blocks] for page in (english, other)]
    if shapes[0] != shapes[1]:
        return
    for place, (ours, theirs) in enumerate(zip(english.blocks, other.blocks, strict=True)):
        letters = min(sum(map(str.isalpha, text)) for text in (ours.text, theirs.text))
        if ours.kind == "code" or letters < FEWEST_LETTERS:
            continue
        if ours.text == theirs.text or not is_translated(theirs.text, ours.text):
            continue
        if identified_share([theirs.text], language=other.language) == 1.0:
            yield Aligned(
                english.document, place, ours.text, theirs.text, other.package, other.licence
            )


def split_pairs(pairs: Sequence[Aligned], held_out: HeldOutPages) -> Splits:
    """Return the pairs by split, each text once; no paragraph in training is one that is held out."""
    splits: Splits = {"train": [], "validation": [], "test": []}
    seen: defaultdict[Split, set[tuple[int, int]]] = defaultdict(set)
    for pair in sorted(pairs, key=lambda pair: (pair.document, pair.place)):
        split = held_out.splits.get(pair.document, "train")
        keys = paragraph_key(pair.english), paragraph_key(pair.other)
        if keys not in seen[split] and (split != "train" or held_out.paragraphs.isdisjoint(keys)):
            seen[split].add(keys)
            splits[split].append(pair)
    return splits


def leave_out_leaks(found: Mapping[str, Splits], held_out: Sequence[Example]) -> None:
    """Remove from the training splits, in every language, the paragraphs that leak in any.

    That is, those nearly like `held_out`, or like validation or test of any language; from validation, those
    nearly like test.
    """
    test = _examples(found, "test")
    _leave_out(found, "validation", test)
    _leave_out(found, "train", [*_examples(found, "validation"), *test, *held_out])


def _leave_out(found: Mapping[str, Splits], split: Split, held_out: Sequence[Example]) -> None:
    leaks = check_leaks(_examples(found, split), held_out)
    leaking = {leak.train.id.rpartition("@")[0] for leak in leaks}
    for splits in found.values():
        splits[split] = [pair for pair in splits[split] if _name(pair) not in leaking]


def _examples(found: Mapping[str, Splits], split: Split) -> list[Example]:
    return [
        Example(**record)
        for language, splits in found.items()
        for pair in splits[split]
        for record in _records(pair, language)
    ]


def _records(pair: Aligned, language: str) -> Iterator[dict[str, str]]:
    """Yield a pair both ways."""
    for source, target, texts in (
        (SOURCE, language, (pair.english, pair.other)),
        (language, SOURCE, (pair.other, pair.english)),
    ):
        yield {
            "id": f"{_name(pair)}@{source}-{target}",  # so that files of several pairs can be joined
            "language": target,
            "input": texts[0],
            "target": texts[1],
            "task": "translation",
            "source": pair.package,
            "licence": pair.licence,
            "document": pair.document,
        }


def _name(pair: Aligned) -> str:
    return f"{pair.document}#{pair.place}"
