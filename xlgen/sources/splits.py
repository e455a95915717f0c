"""Split pairs by document over all languages: what is held out is in no language's training data.

A split depends on nothing but the document's name, the texts it shares with others, and how many
languages it exists in; an unrelated document that comes or goes moves no other.
"""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from xlgen.sources.pairs import Pair

Split = Literal["train", "validation", "test"]

LONG_PARAGRAPH = 60  # characters; shorter ones ("To open a file:") are shared by unrelated pages
SHARED_HALF = 0.5  # documents that share this much of an article are one for the split


def paragraph_hash(text: str) -> bytes:
    """Return 16 bytes that are equal for texts equal in NFC and but for white space.

    >>> paragraph_hash("a  b\\n") == paragraph_hash("a b")
    True
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(plain.encode()).digest()[:16]


def stable_share(name: str) -> float:
    """Return a number in [0, 1) that depends on nothing but `name`.

    >>> round(stable_share("libreoffice/swriter/guide/wrap"), 3) == round(
    ...     stable_share("libreoffice/swriter/guide/wrap"), 3)
    True
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def held_out_split(name: str, *, validation: float) -> Split:
    """Return the split of a held-out document: `validation` is the share of that split."""
    return "validation" if stable_share(name) < validation else "test"


def assign_splits(
    pairs: Sequence[Pair], *, is_held_out: Callable[[set[str]], bool], validation: float
) -> dict[str, Split]:
    """Return the split of every document; documents with shared text get the same one.

    `is_held_out` says it of the set of languages that a document has pairs in.
    """
    groups = group_documents(pairs)
    languages: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        languages[pair.document].add(pair.language)
    held_out = {groups[document] for document in groups if is_held_out(languages[document])}
    return {
        document: held_out_split(group, validation=validation) if group in held_out else "train"
        for document, group in groups.items()
    }


def group_documents(pairs: Sequence[Pair]) -> dict[str, str]:
    """Return for each document the name of its group: the first name among those sharing text.

    Documents share text when an article or a summary's article is the same in some language, or
    when half of an English article stands in another document's, by long paragraphs.
    """
    union = _Union(pair.document for pair in pairs)
    same: dict[tuple[str, bytes], str] = {}
    for pair in pairs:
        key = (pair.language, paragraph_hash(pair.input))
        union.join(pair.document, same.setdefault(key, pair.document))
    for first, second in _overlaps([pair for pair in pairs if pair.language == "en"]):
        union.join(first, second)
    return {pair.document: union.find(pair.document) for pair in pairs}


def _overlaps(pairs: Sequence[Pair]) -> Iterable[tuple[str, str]]:
    holders: dict[bytes, set[str]] = defaultdict(set)
    for pair in pairs:
        for text in pair.article:
            if len(text) >= LONG_PARAGRAPH:
                holders[paragraph_hash(text)].add(pair.document)
    for pair in pairs:
        shared: dict[str, int] = defaultdict(int)
        for text in set(pair.article):
            for document in holders.get(paragraph_hash(text), set()) - {pair.document}:
                shared[document] += len(text)
        for document, length in shared.items():
            if length >= SHARED_HALF * sum(map(len, pair.article)):
                yield pair.document, document


class _Union:
    """Disjoint sets of names; the name of a set is its first name in order."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parent = {name: name for name in names}

    def find(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def join(self, first: str, second: str) -> None:
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low
