"""Assemble the two data sets of how-to pairs.

`howto0`: help pages of LibreOffice and GNOME programs. `howto0-short`: debconf templates, in all
eighteen languages. English trains; validation and test are parallel over the languages.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlgen.data.examples import Example
from xlgen.languages import LANGUAGES
from xlgen.sources.debconf import read_debconf
from xlgen.sources.debian import Archive
from xlgen.sources.leaks import check_leaks
from xlgen.sources.pages import Page, Source, read_pages
from xlgen.sources.pairs import Pair, make_pairs
from xlgen.sources.splits import Split, assign_splits, paragraph_hash, stable_share

# A document is held out when it has pairs in this many languages, English included.
PARALLEL_LANGUAGES = 12
VALIDATION = 0.4  # share of the held-out documents of howto0
# A template is held out as well when it exists in one of the languages that howto0 lacks.
SCARCE = frozenset({"ar", "hi", "th"})
SHORT_VALIDATION = 0.25  # smaller, so that those three keep as much test text as there is
LEAST_PAIRS = 100  # a language with fewer in howto0 (three pages in Hindi) says nothing
MOST_TRAINING = (
    700  # pairs of a language other than English: enough to compare, small enough to ship
)


@dataclass(frozen=True)
class DataSet:
    """A built data set before it is written: records by split, sources, and its statistics."""

    name: str
    records: dict[Split, list[dict[str, str]]]
    sources: list[Source]
    statistics: dict[str, Any]


def make_howto(archive: Archive) -> DataSet:
    """Return `howto0` from the help pages of the archive's packages."""
    found = read_pages(archive)
    pairs = without_repeats(list(make_pairs(found.pages)))
    counts = Counter(pair.language for pair in pairs)
    pairs = [pair for pair in pairs if counts[pair.language] >= LEAST_PAIRS]
    splits = assign_splits(
        pairs, is_held_out=lambda codes: len(codes) >= PARALLEL_LANGUAGES, validation=VALIDATION
    )
    pairs = without_leaks(limit_training(pairs, splits), splits)
    return _data_set("howto0", pairs, splits, found.sources, untranslated_share(found.pages))


def make_short(archive: Archive) -> DataSet:
    """Return `howto0-short` from the debconf templates of the archive's packages."""
    pairs, sources = read_debconf(archive)
    pairs = without_repeats(pairs)
    splits = assign_splits(
        pairs,
        is_held_out=lambda codes: len(codes) >= PARALLEL_LANGUAGES or bool(codes & SCARCE),
        validation=SHORT_VALIDATION,
    )
    pairs = without_leaks(limit_training(pairs, splits), splits)
    return _data_set("howto0-short", pairs, splits, sources, {})


def limit_training(pairs: Sequence[Pair], splits: dict[str, Split]) -> list[Pair]:
    """Return the pairs with at most MOST_TRAINING to train on in each language but English.

    Which ones stay depends on their documents' names only.
    """
    order = sorted(pairs, key=lambda pair: (stable_share(pair.document), pair.place))
    counts: Counter[str] = Counter()
    kept = []
    for pair in order:
        is_limited = pair.language != "en" and splits[pair.document] == "train"
        counts[pair.language] += is_limited
        if not is_limited or counts[pair.language] <= MOST_TRAINING:
            kept.append(pair)
    return sorted(kept, key=_order)


def without_leaks(pairs: Sequence[Pair], splits: dict[str, Split]) -> list[Pair]:
    """Return the pairs without training documents nearly like held-out ones, in any language.

    Nor is a validation document kept that is nearly like one of test. Test stays as it is.
    """
    examples: dict[Split, list[Example]] = {"train": [], "validation": [], "test": []}
    for pair in pairs:
        examples[splits[pair.document]].append(Example(**_record(pair)))
    validation, test = examples["validation"], examples["test"]
    leaks = [*check_leaks(examples["train"], [*validation, *test]), *check_leaks(validation, test)]
    leaking = {leak.train.document for leak in leaks}
    return [pair for pair in pairs if pair.document not in leaking]


def without_repeats(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with each article once per language, the first document's by name."""
    seen: set[tuple[str, bytes]] = set()
    kept = []
    for pair in sorted(pairs, key=_order):
        key = (pair.language, paragraph_hash(pair.input))
        if key not in seen:
            seen.add(key)
            kept.append(pair)
    return kept


def untranslated_share(pages: Sequence[Page]) -> dict[str, float]:
    """Return per language the share of characters that stand in the English page as they are."""
    english = {
        page.document: {block.text for block in page.blocks}
        for page in pages
        if page.language == "en"
    }
    same: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for page in pages:
        for block in page.blocks:
            if block.kind != "code" and page.language != "en":
                total[page.language] += len(block.text)
                if block.text in english.get(page.document, ()):
                    same[page.language] += len(block.text)
    return {code: same[code] / total[code] for code in LANGUAGES if total[code]}


def _data_set(
    name: str,
    pairs: Sequence[Pair],
    splits: dict[str, Split],
    sources: Sequence[Source],
    untranslated: dict[str, float],
) -> DataSet:
    records: dict[Split, list[dict[str, str]]] = {"train": [], "validation": [], "test": []}
    for pair in pairs:
        records[splits[pair.document]].append(_record(pair))
    used = {pair.package for pair in pairs}
    kept = sorted((x for x in sources if x.package in used), key=lambda source: source.package)
    statistics = _statistics(pairs, splits, untranslated)
    return DataSet(name, records, kept, {"name": name, **statistics})


def _record(pair: Pair) -> dict[str, str]:
    return {
        "id": f"{pair.document}#{pair.place}@{pair.language}",
        "language": pair.language,
        "input": pair.input,
        "target": pair.target,
        "source": pair.package,
        "licence": pair.licence,
        "document": pair.document,
    }


def _statistics(
    pairs: Sequence[Pair], splits: dict[str, Split], untranslated: dict[str, float]
) -> dict[str, Any]:
    """Count pairs, documents, lengths and licences, per language and split."""
    languages = {
        code: _language_statistics([x for x in pairs if x.language == code], splits)
        for code in LANGUAGES
    }
    for code, share in untranslated.items():
        languages[code]["untranslated_share"] = round(share, 3)
    held_out: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if splits[pair.document] != "train":
            held_out[pair.document].add(pair.language)
    counts = sorted((len(codes) for codes in held_out.values()), reverse=True)
    return {
        "pairs": len(pairs),
        "documents": len(splits),
        "languages": languages,
        "held_out_documents": len(held_out),
        "held_out_documents_in_at_least": {
            str(least): sum(count >= least for count in counts) for least in range(2, 19)
        },
    }


def _language_statistics(pairs: Sequence[Pair], splits: dict[str, Split]) -> dict[str, Any]:
    by_split: dict[str, int] = {"train": 0, "validation": 0, "test": 0}
    by_kind: dict[str, int] = defaultdict(int)
    by_licence: dict[str, int] = defaultdict(int)
    for pair in pairs:
        by_split[splits[pair.document]] += 1
        by_kind[pair.kind] += 1
        by_licence[pair.licence] += 1
    documents = {pair.document for pair in pairs if splits[pair.document] != "train"}
    count = max(1, len(pairs))
    return {
        **by_split,
        "held_out_documents": len(documents),
        "kinds": dict(sorted(by_kind.items())),
        "licences": dict(sorted(by_licence.items())),
        "article_characters": round(sum(len(pair.input) for pair in pairs) / count),
        "summary_characters": round(sum(len(pair.target) for pair in pairs) / count),
        "left_out_share": round(sum(pair.untranslated for pair in pairs) / count, 3),
    }


def _order(pair: Pair) -> tuple[str, str, str]:
    return pair.document, pair.place, pair.language
