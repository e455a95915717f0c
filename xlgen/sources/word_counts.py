"""Count the Latin-script words of a corpus: how common each is in each of the languages.

The counts tell languages of one script apart word by word (`metrics.switching`). Languages of other
scripts have lists too, of the Latin words that stand alone in them: names and loanwords such as "email".
"""

import hashlib
import json
import lzma
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from xlgen.files import replacing, write_whole
from xlgen.languages import LANGUAGES
from xlgen.sources.folder import read_text, text_files

MOST = 20_000  # words of a language; ours: 50,000 tell no more of our tests apart, 5,000 less
FEWEST = 3  # occurrences: rarer ones are mostly names and misprints
STEPS = 2  # levels per doubling of the frequency
LONGEST_LOAN = 2  # Latin words in a row; longer runs in other scripts are untranslated text

LETTERS_PER_WORD = 2  # about, where words are not spaced; combining marks are no letters

_LETTERS = "A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ"
_WORD = re.compile(rf"[{_LETTERS}]+(?:['’][{_LETTERS}]+)*")
_CODE = re.compile(r"(?<![!-~])[!-~]*?(?:[0-9_/\\@=<>{}~]|[%$]\w|\w[.:]\w)[!-~]*", re.ASCII)
_BETWEEN = re.compile(r"[\W\d_]*")


def count_words(corpus: Path, out: Path) -> None:
    """Write `<language>.txt.xz` to the folder `out` for every text of `corpus`, and card.json.

    A line holds a level and the words of that level, the most common first: a word of level k is one in
    2 ** (k / 2) words of the language. The same corpus gives the same words. Raises `InputError` for a
    text that cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    sums = {}
    for code, path in text_files(corpus).items():
        levels = word_levels(read_text(path), language=code)
        lines = [f"{level} {' '.join(words)}\n" for level, words in levels.items()]
        with replacing(out / f"{code}.txt.xz", what="the words") as partial:
            partial.write_bytes(lzma.compress("".join(lines).encode(), preset=9))
        sums[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"most": MOST, "fewest": FEWEST, "levels_per_doubling": STEPS, "corpus_sha256": sums}
    write_whole(out / "card.json", json.dumps(card, indent=1) + "\n")


def word_levels(text: str, *, language: str) -> dict[int, list[str]]:
    """Return the language's most common Latin words, in lower case, by level and then by alphabet.

    >>> word_levels("to be or not to be, that is to do; 2b.txt to", language="en")
    {3: ['to']}
    """
    counts: Counter[str] = Counter()
    total = 0
    is_latin = "Latin" in LANGUAGES[language].scripts
    for line in text.split("\n"):
        total += _size(line, language)
        for run in _runs(unicodedata.normalize("NFC", line)):
            if is_latin or len(run) <= LONGEST_LOAN:
                counts.update(run)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    levels: dict[int, list[str]] = {}
    for word, count in ranked:
        if count >= FEWEST:
            levels.setdefault(round(STEPS * math.log2(total / count)), []).append(word)
    return {level: sorted(words) for level, words in levels.items()}


def _runs(line: str) -> Iterator[list[str]]:
    """Yield the runs of Latin words with no letter of another script between."""
    run: list[str] = []
    end = 0
    text = _CODE.sub(" ", line)
    for word in _WORD.finditer(text):
        if run and not _BETWEEN.fullmatch(text, end, word.start()):
            yield run
            run = []
        run.append(word[0].lower().replace("’", "'"))
        end = word.end()
    if run:
        yield run


def _size(line: str, language: str) -> int:
    """Return about how many words a line has."""
    if LANGUAGES[language].spaced:
        return len(line.split())
    return sum(character.isalpha() for character in line) // LETTERS_PER_WORD
