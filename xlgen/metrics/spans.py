"""The language of each word of an output: by script first, then by how common a word is in a language.

Words of Latin script are told apart by counts (assets/words) and by their neighbours: languages are the
states of a hidden Markov model that seldom changes its state, and the most probable sequence is taken
(Viterbi). CLD3 cannot do this: on a single word it guesses (it takes "Hello" for Serbian).
"""

import importlib.resources
import lzma
import math
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from xlgen.languages import FURTHER, LANGUAGES, SOURCE
from xlgen.metrics.words import LATIN, Word, split_words

# Ours, all of them; docs/metrics.md gives what they find. Probabilities are natural logarithms.
_START_TARGET, _START_ENGLISH = math.log(0.7), math.log(0.25)
_STAY, _STAY_ACROSS = math.log(0.88), math.log(0.6)  # "across": the target is in another script
_CHANGE, _CHANGE_ACROSS = math.log(0.1), math.log(0.3)  # to the target or to English
_CHANGE_TO_OTHER = math.log(0.0005)  # takes a few words to believe
_MOST_EVIDENCE = 8.0  # of one word, so that a single misprint decides nothing
_OWN = math.log(4)  # a word is a language's own if it is this much more common there than anywhere
_UNKNOWN = -0.5  # of a word on no list, but for the target: beside a switch it stays there
_RARE_LETTER = 5e-5  # of words have it: rarer ones come with names and foreign words
_UNSEEN = -16.0  # of a word on no list; the rarest on the longest are at -15, one in three million

_PHRASE = 3  # foreign words in a row; shorter runs may be names ("Mozilla Firefox")

_SENTENCE_START = re.compile(r"(?:\A|[.!?:…\n]|(?:\A|\n|\s)[-*•–])[\s\"'“”«»(\[]*\Z")


class Span(NamedTuple):
    """A word `text[start:end]` and its language: a code, a script's name, or "" for a name or loanword."""

    start: int
    end: int
    language: str


class _Evidence(NamedTuple):
    """How well a word fits each state, at most 0; and whether it is a name, and on any list."""

    scores: Sequence[float]
    is_name: bool
    is_known: bool


@lru_cache(maxsize=4096)
def word_spans(text: str, target: str) -> tuple[Span, ...]:
    """Return every word with its language, in order; code and numbers are no words.

    A word in another script than the target's has that script's name, in Latin script the language that
    it is from. A capital letter within a sentence makes a name of a word that the target does not have,
    so does standing alone, or in twos, in other scripts; names and loanwords there are "". Of FURTHER
    languages no words were counted, so that nothing is told. Raises `KeyError` for an unknown target.

    >>> [span.language for span in word_spans("Haz clic en the red button de Firefox", "es")]
    ['es', 'es', 'es', 'en', 'en', 'en', 'es', '']
    """
    if target in FURTHER:
        return ()
    scripts = LANGUAGES[target].scripts
    words = split_words(text)
    latin = [word for word in words if word.script == LATIN]
    if not latin:
        return tuple(_by_script(word, target, scripts) for word in words)
    states = _states(target)
    chained = [word for word in words if word.script in {LATIN, *scripts}]
    phrases = _phrases(text, words, scripts)
    evidence = {word: _weigh(text, word, states, phrases) for word in chained}
    path = _most_probable(states, [evidence[word].scores for word in chained])
    found = dict(zip(chained, path, strict=True))
    return tuple(
        _named(word, found[word], evidence[word], target=target, is_phrase=word in phrases)
        if word.script == LATIN
        else _by_script(word, target, scripts)
        for word in words
    )


def word_languages(text: str, target: str) -> list[tuple[int, int, str]]:
    """Return (start, end, language or script) of each wrong word, in order and not overlapping.

    >>> word_languages("กด Save แล้ว close the window", "th")
    [(13, 18, 'en'), (19, 22, 'en'), (23, 29, 'en')]
    >>> word_languages("Bấm vào the nút", "vi")
    [(8, 11, 'en')]
    """
    return [(*span,) for span in word_spans(text, target) if span.language not in ("", target)]


def _by_script(word: Word, target: str, scripts: Sequence[str]) -> Span:
    return Span(word.start, word.end, target if word.script in scripts else word.script)


def _named(word: Word, state: str, evidence: _Evidence, *, target: str, is_phrase: bool) -> Span:
    """Name the language of a Latin word: that of its state, "" for what is no evidence of one."""
    language = state
    if LATIN not in LANGUAGES[target].scripts and state == target:
        is_strange = is_phrase and not evidence.is_known and not evidence.is_name
        language = LATIN if is_strange else ""
    elif evidence.is_name and (state != target or not evidence.is_known):
        language = ""
    return Span(word.start, word.end, language)


@cache
def _states(target: str) -> tuple[str, ...]:
    """Return the languages a Latin word may be in: the target, English, the others of Latin script."""
    latin = [code for code, language in LANGUAGES.items() if LATIN in language.scripts]
    return tuple(dict.fromkeys((target, SOURCE, *latin)))


def _phrases(text: str, words: Sequence[Word], scripts: Sequence[str]) -> set[Word]:
    """Return the Latin words of long runs, or of a text of nothing else, whose capitals say nothing.

    Of capitals these are a sentence's or the run's first, or all of them if all words have one; others
    are names here too. Empty where the target itself is in Latin script.
    """
    if LATIN in scripts:
        return set()
    runs: list[list[Word]] = [[]]
    for word in words:
        if word.script == LATIN:
            runs[-1].append(word)
        else:
            runs.append([])
    is_alone = not any(word.script in scripts for word in words)
    return {
        word
        for run in runs
        if is_alone or len(run) >= _PHRASE
        for word in run
        if word == run[0]
        or text[word.start].islower()
        or _starts_sentence(text, word)
        or all(text[other.start].isupper() for other in run)
    }


def _weigh(text: str, word: Word, states: Sequence[str], phrases: set[Word]) -> _Evidence:
    """Compare how common a word is in the languages; what stands in none of the lists says nothing."""
    if word.script != LATIN:
        return _Evidence([0.0] + [-2 * _MOST_EVIDENCE] * (len(states) - 1), False, True)
    shown = text[word.start : word.end]
    form = unicodedata.normalize("NFC", shown).lower().replace("’", "'")
    is_latin = LATIN in LANGUAGES[states[0]].scripts
    is_name = _is_name(text, word, is_latin=is_latin, is_phrase=word in phrases)
    found = [_commonness(form, state) for state in states]
    own = found[0]
    if is_name:  # unless it is the target's alone, as nouns are in German
        is_own = own is not None and all(f is None or own - f > _OWN for f in found[1:])
        if not is_own or shown.isupper():
            return _Evidence([0.0] * len(states), True, False)
    elif all(f is None for f in found):
        fits = [set(form) <= _letters(state) for state in states]
        scores = [_UNKNOWN if fit else -_MOST_EVIDENCE for fit in fits]
        return _Evidence([0.0 if fits[0] else scores[0], *scores[1:]], False, False)
    scores = [_UNSEEN if f is None else f for f in found]
    best = max(scores)
    scores = [max(score - best, -_MOST_EVIDENCE) for score in scores]
    if own is None and not is_latin:
        scores[0] = -_MOST_EVIDENCE  # its list is short, but a loanword would stand there
    return _Evidence(scores, is_name, True)


def _starts_sentence(text: str, word: Word) -> bool:
    return bool(_SENTENCE_START.search(text, max(0, word.start - 12), word.start))


def _is_name(text: str, word: Word, *, is_latin: bool, is_phrase: bool) -> bool:
    """Whether a word looks like a name or an acronym: by its capitals, where they mean that."""
    shown = text[word.start : word.end]
    if len(shown) > 1 and shown.isupper():
        return True
    if is_phrase:
        return False
    if is_latin:
        return shown != shown.lower() and not _starts_sentence(text, word)
    return shown != shown.lower() or len(shown) == 1


def _commonness(form: str, language: str) -> float | None:
    """Return the logarithm of a word's frequency, of "l'interface" that of "interface" at need."""
    words = word_frequencies(language)
    found = words.get(form)
    return words.get(form.rpartition("'")[2]) if found is None and "'" in form else found


def _most_probable(states: Sequence[str], scores: Sequence[Sequence[float]]) -> list[str]:
    """Return the most probable state of each word."""
    count = len(states)
    is_latin = LATIN in LANGUAGES[states[0]].scripts
    stay, near = (_STAY, _CHANGE) if is_latin else (_STAY_ACROSS, _CHANGE_ACROSS)
    change = [near if place < 2 else _CHANGE_TO_OTHER for place in range(count)]
    start = [_START_TARGET, _START_ENGLISH] + [_CHANGE_TO_OTHER] * count
    if states[0] == SOURCE:
        change[1:] = [_CHANGE_TO_OTHER] * (count - 1)
        start[1:] = [_CHANGE_TO_OTHER] * count
    value = [start[s] + scores[0][s] for s in range(count)]
    choices: list[list[int]] = []
    for given in scores[1:]:
        top = max(range(count), key=value.__getitem__)
        best = value[top]
        choice = [s if value[s] + stay >= best + change[s] else top for s in range(count)]
        value = [max(value[s] + stay, best + change[s]) + given[s] for s in range(count)]
        choices.append(choice)
    state = max(range(count), key=value.__getitem__)
    path = [state]
    for choice in reversed(choices):
        state = choice[state]
        path.append(state)
    return [states[state] for state in reversed(path)]


@cache
def word_frequencies(language: str) -> dict[str, float]:
    """Return the natural logarithm of each common Latin word's frequency in `language`.

    The lists are those of `sources.word_counts`, made of software manuals and messages.
    """
    folder = importlib.resources.files("xlgen") / "assets" / "words"
    text = lzma.decompress((folder / f"{language}.txt.xz").read_bytes()).decode()
    levels = (line.split(" ") for line in text.split("\n") if line)
    return {
        word: -int(level) / 2 * math.log(2)  # two levels per doubling, as the lists are written
        for level, *words in levels
        for word in words
    }


@cache
def _letters(language: str) -> frozenset[str]:
    """Return the letters that common words of a language have, and the apostrophe."""
    shares: dict[str, float] = {}
    for word, frequency in word_frequencies(language).items():
        for letter in set(word):
            shares[letter] = shares.get(letter, 0.0) + math.exp(frequency)
    own = LATIN in LANGUAGES[language].scripts
    return frozenset(letter for letter, share in shares.items() if own and share > _RARE_LETTER) | {
        "'"
    }
