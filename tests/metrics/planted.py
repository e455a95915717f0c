"""Real text with English words planted in it, and how many of them are found."""

import random
import re
from dataclasses import dataclass
from functools import cache

from xlgen.data.examples import Example
from xlgen.metrics.spans import word_languages
from xlgen.sources.packaged import read_packaged

_PLAIN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
Tokens = list[tuple[str, bool]]  # a token, and whether it was planted


@dataclass
class Hits:
    """Counts of tokens: planted and found, planted and missed, marked by mistake; those of pure texts."""

    found: int = 0
    missed: int = 0
    mistaken: int = 0
    pure: int = 0
    pure_mistaken: int = 0

    @property
    def planted(self) -> int:
        return self.found + self.missed

    @property
    def precision(self) -> float:
        return self.found / max(1, self.found + self.mistaken)

    @property
    def recall(self) -> float:
        return self.found / max(1, self.planted)

    @property
    def false_alarms(self) -> float:
        """The share of a pure text's tokens that are marked."""
        return self.pure_mistaken / max(1, self.pure)


def make_mixtures(language: str, *, split: str, count: int, seed: int = 0) -> list[Tokens]:
    """Make texts from HowTo-0, by turns pure and mixed.

    In mixed ones, after every 3 to 10 words the next 1 to 6 are replaced by as many words of an English
    text, in lower case and in order.
    """
    draw = random.Random(f"{language} {seed}")
    own, english = _lines(language, split), _lines("en", split)
    return [
        _mixed(draw, draw.choice(own), draw.choice(english))
        if number % 2
        else [(word, False) for word in draw.choice(own)]
        for number in range(count)
    ]


def count_hits(mixtures: list[Tokens], language: str) -> Hits:
    """Mark the words of the mixtures and compare; tokens without letters do not count."""
    hits = Hits()
    for tokens in mixtures:
        text, is_pure = " ".join(word for word, _ in tokens), not any(new for _, new in tokens)
        marked = {place for s, e, _ in word_languages(text, language) for place in range(s, e)}
        start = 0
        for word, is_planted in tokens:
            end = start + len(word)
            is_marked = not marked.isdisjoint(range(start, end))
            start = end + 1
            if not any(map(str.isalpha, word)):
                continue
            hits.found += is_planted and is_marked
            hits.missed += is_planted and not is_marked
            hits.mistaken += is_marked and not is_planted
            hits.pure += is_pure
            hits.pure_mistaken += is_pure and is_marked
    return hits


@cache
def _examples(name: str, split: str) -> list[Example]:
    return read_packaged(name, split)


@cache
def _lines(language: str, split: str) -> list[list[str]]:
    """Return the lines of six words or more (of whatever is spaced), cut after sixty."""
    names = ("howto0", "howto0-short")
    texts = [
        text
        for name in names
        for example in _examples(name, split)
        if example.language == language
        for text in (example.target, *example.input.split("\n"))
    ]
    return [words[:60] for text in texts if len(words := text.split()) > 5]


def _mixed(draw: random.Random, own: list[str], english: list[str]) -> Tokens:
    new = [found[0].lower() for word in english * 9 if (found := _PLAIN.match(word))]
    tokens: Tokens = []
    place = 0
    while place < len(own):
        step = draw.randint(3, 10)
        tokens += [(word, False) for word in own[place : place + step]]
        size = draw.randint(1, 6)
        if place + step < len(own):
            tokens += [(word, True) for word in new[:size]]
            new = new[size:]
        place += step + size
    return tokens
