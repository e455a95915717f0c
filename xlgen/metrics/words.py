"""Words that are not in the language they ought to be in, for marking them in a report.

By script where scripts tell languages apart. Between languages of Latin script only one case is
marked, English grammar words such as "the" and "which": CLD3 on a single word guesses (it takes
"Hello" for Serbian), so an unmarked Latin word may still be wrong.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from xlgen.languages import LANGUAGES

LATIN = "Latin"

# English words of grammar that are no words of our other Latin-script languages; so not "in" (German),
# "has" (Spanish), "been" (Dutch) or "than" (Vietnamese). Few on purpose: what is marked should be wrong.
_GRAMMAR = (
    "the and with this that those from have your you which when what where how who why would should "
    "could they their them there being into about between because before each other using does it's "
    "don't can't you're isn't doesn't"
)
ENGLISH_WORDS = frozenset(_GRAMMAR.split())

# ASCII stretches that are code or numbers in any language: "file.txt", "--help", "user@host", "<b>".
_STRETCH = re.compile(r"[!-~]+")
_IS_CODE = re.compile(r"[0-9_/\\@=<>{}~]|\w[.:]\w|^-|^\.\w", re.ASCII)

# Letters of no script of these, such as the micro sign, belong to no language.
_SCRIPT_NAMES = (
    "Latin Greek Cyrillic Armenian Georgian Hebrew Arabic Devanagari Bengali Gurmukhi Gujarati Oriya "
    "Tamil Telugu Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Khmer Ethiopic Hangul Hiragana "
    "Katakana"
)
_SCRIPTS = frozenset(_SCRIPT_NAMES.split())

# A run of foreign words this long is a phrase; shorter ones may be names ("Mozilla Firefox").
_PHRASE = 3


def word_languages(text: str, target: str) -> list[tuple[int, int, str]]:
    """Return (start, end, language or script) of each wrong word, in order and not overlapping.

    Words in another script than the target's are wrong: "en" where they are English grammar words,
    else the script's name. Latin words in other scripts pass as names where one or two of them stand
    alone and are not in lower case; code and numbers always pass. Raises `KeyError` for an unknown code.

    >>> word_languages("กด Save แล้ว close the window", "th")
    [(13, 18, 'Latin'), (19, 22, 'en'), (23, 29, 'Latin')]
    >>> word_languages("Bấm vào the nút", "vi")
    [(8, 11, 'en')]
    """
    scripts = LANGUAGES[target].scripts
    code = _code_places(text)
    words = [word for word in _words(text) if word[0] not in code]
    if LATIN in scripts:
        return [found for word in words if (found := _wrong_by_script(text, word, target))]
    wrong: list[tuple[int, int, str]] = []
    for run in _foreign_runs(text, words, scripts):
        kept = run if len(run) >= _PHRASE else [w for w in run if not _may_be_name(text, w)]
        wrong += [(start, end, _label(text[start:end], script)) for start, end, script in kept]
    return wrong


def _wrong_by_script(
    text: str, word: tuple[int, int, str], target: str
) -> tuple[int, int, str] | None:
    """Judge a word of a text that ought to be in Latin script."""
    start, end, script = word
    if script != LATIN:
        return start, end, script
    is_english = text[start:end].lower() in ENGLISH_WORDS
    return (start, end, "en") if is_english and target != "en" else None


def _foreign_runs(
    text: str, words: list[tuple[int, int, str]], scripts: tuple[str, ...]
) -> Iterator[list[tuple[int, int, str]]]:
    """Yield runs of words in foreign scripts with nothing but white space or punctuation between."""
    run: list[tuple[int, int, str]] = []
    for word in words:
        if word[2] in scripts:
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run


def _may_be_name(text: str, word: tuple[int, int, str]) -> bool:
    """Whether a Latin word looks like a name or an acronym: it has a capital letter, or is one letter."""
    start, end, script = word
    shown = text[start:end]
    return (
        script == LATIN
        and (len(shown) == 1 or shown != shown.lower())
        and (shown.lower() not in ENGLISH_WORDS)
    )


def _label(word: str, script: str) -> str:
    return "en" if word.lower() in ENGLISH_WORDS else script


def _code_places(text: str) -> set[int]:
    """Return the indices of characters in code and numbers."""
    return {
        place
        for stretch in _STRETCH.finditer(text)
        if _IS_CODE.search(stretch[0])
        for place in range(*stretch.span())
    }


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, script) of runs of letters of one script; marks belong to what they follow."""
    start, script = 0, ""
    for place, character in enumerate(text):
        new = _script(character, script, text, place)
        if new != script:
            if script:
                yield start, place, script
            start, script = place, new
    if script:
        yield start, len(text), script


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
