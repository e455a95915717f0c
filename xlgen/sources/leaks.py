"""Find training examples that are held out for testing: by document, over all languages.

A parallel corpus leaks through its translations: a model that has read the Thai page has seen the
answer to the English one. Five kinds are found, the first that applies is reported.
"""

import logging
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.progress import progress

log = logging.getLogger(__name__)

Kind = Literal["same id", "same text", "same text but for case and punctuation", "same document",
               "nearly the same text"]  # fmt: skip

# Ours, from software manuals in seven languages: of 700 pages some ten pairs in 250,000 are nearer, and
# they are the same page for another module. 12 bytes: two English words, four Thai or Chinese letters.
NEAR = 0.7
SHINGLE_BYTES = 12
FEWEST_SHINGLES = 50  # shorter texts of one trade are alike by chance
_MOST_PAIRS = 10_000  # a shingle in more pairs than this is boilerplate and finds nothing
_AT_ONCE = 1_000_000  # such pairs of a batch, which bounds the memory
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd; 2**64 over the golden ratio
_SHOWN = 3


@dataclass(frozen=True)
class Leak:
    """A training example and the held-out example that it gives away."""

    kind: Kind
    train: Example
    held_out: Example

    def __str__(self) -> str:
        train, held_out = self.train, self.held_out
        return (
            f"{train.id!r} ({train.language}) and {held_out.id!r} ({held_out.language}):"
            f" {self.kind}"
        )


def refuse_leaks(train: Sequence[Example], held_out: Sequence[Example]) -> list[Example]:
    """Return the training examples; raise `InputError` if one gives away a held-out one."""
    leaks = check_leaks(train, held_out)
    if leaks:
        more = f"; and {len(leaks) - _SHOWN} more" if len(leaks) > _SHOWN else ""
        raise InputError(
            f"{len(leaks)} of {len(train)} training examples are also held out for testing:"
            f" {'; '.join(map(str, leaks[:_SHOWN]))}{more}. Remove them from the training data,"
            " in every language of the document, or train with leaks=drop"
        )
    return [*train]


def keep_leaks(train: Sequence[Example], held_out: Sequence[Example]) -> list[Example]:
    """Return the training examples; warn of how many give away a held-out one.

    For published data whose own splits are to be kept as they are.
    """
    leaks = check_leaks(train, held_out)
    if leaks:
        log.warning(
            "kept although held out for testing: %d of %d training examples: %s",
            len(leaks), len(train), "; ".join(map(str, leaks[:_SHOWN])),
        )  # fmt: skip
    return [*train]


def drop_leaks(train: Sequence[Example], held_out: Sequence[Example]) -> list[Example]:
    """Return the training examples without any document that gives away a held-out one; warn of each.

    Raises `InputError` if none is left.
    """
    leaks = check_leaks(train, held_out)
    leaking = {_page(leak.train) for leak in leaks}
    kept = [example for example in train if _page(example) not in leaking]
    for leak in leaks:
        log.warning("left out of training: %s", leak)
    if train and not kept:
        raise InputError(
            f"all {len(train)} training examples are held out for testing, such as {leaks[0]};"
            " train on other data"
        )
    return kept


# What to do about leaks, by the name that a run's settings have.
LEAKS: dict[str, Callable[[Sequence[Example], Sequence[Example]], list[Example]]] = {
    "refuse": refuse_leaks, "drop": drop_leaks, "keep": keep_leaks,
}  # fmt: skip


def _page(example: Example) -> str:
    return example.document or example.id


def check_leaks(train: Sequence[Example], held_out: Sequence[Example]) -> list[Leak]:
    """Return at most one leak for each training example, in order.

    5,000 articles against 5,000 take some seconds.
    """
    letters = [letters_only(example.input) for example in train]
    held_out_letters = [letters_only(example.input) for example in held_out]
    exact: list[tuple[Kind, dict[str, Example]]] = [
        ("same id", _index(held_out, [example.id for example in held_out])),
        ("same text", _index(held_out, [example.input for example in held_out])),
        ("same text but for case and punctuation", _index(held_out, held_out_letters)),
        ("same document", _index(held_out, [example.document for example in held_out])),
    ]
    near = near_pairs(letters, held_out_letters)
    leaks = []
    for number, example in enumerate(train):
        keys = (example.id, example.input, letters[number], example.document)
        found = [(kind, index[key]) for (kind, index), key in zip(exact, keys) if key in index]
        if number in near:
            found.append(("nearly the same text", held_out[near[number]]))
        if found:
            leaks.append(Leak(found[0][0], example, found[0][1]))
    return leaks


def letters_only(text: str) -> str:
    """Return `text` as it compares: NFKC, caseless, letters, marks and digits only.

    >>> letters_only("Ｏpen “the” file…"), letters_only("เปิด ไฟล์")
    ('openthefile', 'เปิดไฟล์')
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_KEPT)


class _Kept(dict[int, int | None]):
    """What each character becomes, worked out as they come; None vanishes."""

    def __missing__(self, code: int) -> int | None:
        kept = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if kept else None
        return self[code]


# Turkish upper case loses the dot of i, or its lack: İ -> i + U+0307, ı -> I -> i.
_KEPT = _Kept({ord("ı"): ord("i"), 0x307: None})


def _index(examples: Sequence[Example], keys: Sequence[str]) -> dict[str, Example]:
    """Return the first example of each key; an empty key is no key."""
    index: dict[str, Example] = {}
    for key, example in zip(keys, examples):
        if key:
            index.setdefault(key, example)
    return index


def shingles(letters: str) -> np.ndarray:
    """Return the hashes of all runs of 12 bytes from a letter on, in order, uint64 `[runs]`."""
    data = np.frombuffer(letters.encode(), np.uint8)
    if len(data) < SHINGLE_BYTES:
        return np.empty(0, np.uint64)
    two = data[:-1] * _power(1) + data[1:]
    four = two[:-2] * _power(2) + two[2:]
    eight = four[:-4] * _power(4) + four[4:]
    hashes = eight[:-4] * _power(4) + four[8:]
    starts_letter = (data[: len(hashes)] & 0xC0) != 0x80  # not inside a letter's UTF-8 bytes
    return hashes[starts_letter]


def _distinct(hashes: np.ndarray) -> np.ndarray:
    """Return the distinct hashes, sorted: np.unique, at a third of its time."""
    hashes = np.sort(hashes)
    return hashes[np.append(hashes[1:] != hashes[:-1], True)] if len(hashes) else hashes


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(_MULTIPLIER), exponent, 2**64))


def near_pairs(texts: Sequence[str], others: Sequence[str]) -> dict[int, int]:
    """Return for each text that is near another (by `letters_only`) the position of the nearest.

    Copies of a text count as one, so that many of them do not make it boilerplate.
    """
    distinct, theirs = [*dict.fromkeys(texts)], [*dict.fromkeys(others)]
    places = {text: place for place, text in reversed([*enumerate(others)])}
    nearest: dict[str, tuple[float, int]] = {}
    for one, other in _candidates(_sample(distinct), _sample(theirs)):
        text, near = distinct[one], theirs[other]
        found = likeness(text, near)
        if found >= NEAR:
            nearest[text] = max(nearest.get(text, (0.0, 0)), (found, -places[near]))
    return {place: -nearest[text][1] for place, text in enumerate(texts) if text in nearest}


def likeness(text: str, other: str) -> float:
    """Return the share of common shingles (Jaccard); 0 where there are too few to tell."""
    ours, theirs = _distinct(shingles(text)), _distinct(shingles(other))
    if min(len(ours), len(theirs)) < FEWEST_SHINGLES:
        return 0.0
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    return shared / (len(ours) + len(theirs) - shared)


@dataclass(frozen=True)
class _Sample:
    """One shingle in four of all texts: `hashes` sorted, the text each is of, and how many a text has."""

    hashes: np.ndarray
    text: np.ndarray
    sizes: np.ndarray


def _sample(texts: Sequence[str]) -> _Sample:
    kept = []
    for text in progress(texts, "Checking for leaks"):
        hashes = shingles(text)
        kept.append(_distinct(hashes[(hashes * _MULTIPLIER) >> np.uint64(62) == 0]))
    sizes = np.array([len(hashes) for hashes in kept], np.int64)
    hashes = np.concatenate([np.empty(0, np.uint64), *kept])
    order = np.argsort(hashes, kind="stable")
    return _Sample(hashes[order], np.repeat(np.arange(len(kept)), sizes)[order], sizes)


def _candidates(one: _Sample, other: _Sample) -> Iterator[tuple[int, int]]:
    """Yield the pairs of texts that share most of what near texts share, by their rare shingles."""
    first, last = (np.searchsorted(other.hashes, one.hashes, side) for side in ("left", "right"))
    matches = last - first  # texts of `other` with each shingle of `one`
    again = np.searchsorted(one.hashes, one.hashes, "right") - np.searchsorted(
        one.hashes, one.hashes, "left"
    )
    rare = np.flatnonzero((matches > 0) & (matches * again <= _MOST_PAIRS))
    rare = rare[np.argsort(one.text[rare], kind="stable")]  # text after text, so many at a time
    starts = np.searchsorted(one.text[rare], one.text[rare])
    batch = (np.cumsum(matches[rare]) // _AT_ONCE)[starts]
    for part in np.split(rare, np.flatnonzero(np.diff(batch)) + 1):
        ours = np.repeat(one.text[part], matches[part])
        offset = np.arange(len(ours)) - np.repeat(
            np.cumsum(matches[part]) - matches[part], matches[part]
        )
        theirs = other.text[np.repeat(first[part], matches[part]) + offset]
        pairs, shared = np.unique(ours * np.int64(len(other.sizes)) + theirs, return_counts=True)
        ours, theirs = np.divmod(pairs, max(len(other.sizes), 1))
        larger = np.maximum(one.sizes[ours], other.sizes[theirs])
        likely = shared >= 0.6 * NEAR * larger  # the rest is for chance and for boilerplate
        yield from zip(ours[likely].tolist(), theirs[likely].tolist())
