"""The words of a text and their scripts; code and numbers are no words."""

import math
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

LATIN = "Latin"

# ASCII stretches that are code or numbers in any language: "file.txt", "--help", "user@host", "<b>", "%s".
_STRETCH = re.compile(r"[!-~]+")
_IS_CODE = re.compile(r"[0-9_/\\@=<>{}~]|[%$]\w|\w[.:]\w|^-|^\.\w", re.ASCII)

# Letters of no script of these, such as the micro sign, belong to no language.
_SCRIPT_NAMES = (
    "Latin Greek Cyrillic Armenian Georgian Hebrew Arabic Devanagari Bengali Gurmukhi Gujarati Oriya "
    "Tamil Telugu Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Khmer Ethiopic Hangul Hiragana "
    "Katakana"
)
_SCRIPTS = frozenset(_SCRIPT_NAMES.split())

# Scripts that put no spaces between words: about how many letters, marks aside, make a word. Ours, from
# the usual figures of word segmentation: 1.6 to 2 in Chinese and Japanese, 3 in Thai.
_LETTERS_PER_WORD = {"Han": 2, "Hiragana": 2, "Katakana": 2} | dict.fromkeys(
    ("Thai", "Lao", "Khmer", "Myanmar", "Tibetan"), 3
)


class Word(NamedTuple):
    """The letters `text[start:end]`, all of one Unicode script; a phrase where words are not spaced."""

    start: int
    end: int
    script: str


def split_words(text: str) -> list[Word]:
    """Return the words in order, without those in code and numbers ("file.txt", "--help", "42nd").

    >>> [text[start:end] for text in ["กด Save ใน file.txt"] for start, end, _ in split_words(text)]
    ['กด', 'Save', 'ใน']
    """
    code = _code_places(text)
    return [word for word in _words(text) if word.start not in code]


def count_words(text: str, word: Word) -> int:
    """Return how many words a run of letters is: 1 in scripts with spaces, else by its letters.

    >>> count_words("打开文件", Word(0, 4, "Han")), count_words("Save", Word(0, 4, "Latin"))
    (2, 1)
    """
    size = _LETTERS_PER_WORD.get(word.script)
    if size is None:
        return 1
    return math.ceil(sum(letter.isalpha() for letter in text[word.start : word.end]) / size)


def _code_places(text: str) -> set[int]:
    """Return the indices of characters in code and numbers."""
    return {
        place
        for stretch in _STRETCH.finditer(text)
        if _IS_CODE.search(stretch[0])
        for place in range(*stretch.span())
    }


def _words(text: str) -> Iterator[Word]:
    """Yield the runs of letters of one script; marks belong to what they follow."""
    start, script = 0, ""
    for place, character in enumerate(text):
        new = _script(character, script, text, place)
        if new != script:
            if script:
                yield Word(start, place, script)
            start, script = place, new
    if script:
        yield Word(start, len(text), script)


def _script(character: str, before: str, text: str, place: int) -> str:
    """Return the script of a character, "" for what is no letter, `before` for what continues a word."""
    category = unicodedata.category(character)
    if category[0] == "M" or character in "\u200c\u200d":
        return before
    if character in "'’" and before == LATIN and text[place + 1 : place + 2].isalpha():
        return before
    return _letter_script(character) if category[0] == "L" else ""


@cache
def _letter_script(letter: str) -> str:
    """Return the Unicode script by the letter's name: the standard library knows no scripts.

    >>> [_letter_script(letter) for letter in "aกह한漢ا"]
    ['Latin', 'Thai', 'Devanagari', 'Hangul', 'Han', 'Arabic']
    """
    first = unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    script = first.replace("-", " ").split(" ", 1)[0].capitalize()
    return "Han" if script in ("Cjk", "Ideographic") else script if script in _SCRIPTS else ""
