"""Exact match and F1 of answers to questions, with the normalisation of SQuAD, and of MLQA by language.

A reference holds an answer a line; the best of them counts. Equal to the official evaluation scripts of
SQuAD 1.1 (Rajpurkar et al. 2016) and MLQA (Lewis et al. 2020), which multilingual-T5 repeats.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from xlgen.metrics.base import Metric
from xlgen.metrics.rouge import f1

if TYPE_CHECKING:
    from xlgen.metrics.pieces import Pieces

# What MLQA's script leaves out of an answer, by language. In Arabic it is the article wherever the letters
# stand, within words too; that of Hindi and Chinese has none.
ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "hi": None,
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "\\sال^|ال",
    "zh": None,
}
_HAN = re.compile("([\u4e00-\u9fa5])")  # each such letter is a word of its own
_NO_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)

Normalise = Callable[[str, str], str]
Kind = Literal["EM", "F1"]


def normalise_squad(text: str, language: str = "en") -> str:
    """Return an answer as SQuAD compares it, in every language: English articles are left out.

    >>> normalise_squad("The  Hague, (Den Haag)!"), normalise_squad("«El Niño»")
    ('hague den haag', '«el niño»')
    """
    bare = text.lower().translate(_NO_ASCII_PUNCTUATION)
    return " ".join(re.sub(ARTICLES["en"] or "", " ", bare).split())


def normalise_mlqa(text: str, language: str) -> str:
    """Return an answer as MLQA compares it; Han letters stand apart in Chinese alone.

    >>> normalise_mlqa("«El Niño»", "es"), normalise_mlqa("在1882年。", "zh")
    ('niño', '在 1882 年')
    """
    bare = text.lower().translate(_no_punctuation())
    articles = ARTICLES[language]
    if articles is not None:
        bare = re.sub(articles, " ", bare)
    if language == "zh":
        bare = _HAN.sub(r" \1 ", bare)
    return " ".join(bare.split())


@cache
def _no_punctuation() -> dict[int, None]:
    """Return a table that deletes punctuation of all scripts; MLQA's script stops before the last code."""
    marks = (i for i in range(sys.maxunicode) if unicodedata.category(chr(i))[0] == "P")
    return dict.fromkeys([*marks, *map(ord, string.punctuation)])


class Answers(Metric):
    """The mean over questions of exact match, or of the F1 of words, with the best answer; times 100."""

    by_default: ClassVar[bool] = False

    def __init__(
        self, kind: Kind, name: str, *, normalise: Normalise, languages: frozenset[str] | None
    ) -> None:
        self._kind, self._name = kind, name
        self._normalise, self._languages = normalise, languages

    @property
    def label(self) -> str:
        """The kind, and whose rules."""
        return f"{self._name} {self._kind}"

    @property
    def signature(self) -> str:
        """The kind, whose normalisation, and how several answers count."""
        return f"{self._name.upper()}-{self._kind}|v1|normalise:{self._name}|answers:best"

    def covers(self, language: str) -> bool:
        """MLQA has rules for its seven languages only."""
        return self._languages is None or language in self._languages

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (score of the best answer, 1), or (0, 0) for a language without rules."""
        if not self.covers(language):
            return 0.0, 0.0
        given = self._normalise(prediction, language)
        answers = [self._normalise(answer, language) for answer in reference.split("\n")]
        if self._kind == "EM":
            return float(given in answers), 1.0
        return max(_f1(given.split(), answer.split()) for answer in answers), 1.0


def _f1(prediction: list[str], answer: list[str]) -> float:
    common = (Counter(prediction) & Counter(answer)).total()
    return f1(common, predicted=len(prediction), expected=len(answer))


def answer_f1(pieces: "Pieces | None" = None) -> Answers:
    """Make F1 by SQuAD's rules: XQuAD and TyDiQA; needs no pieces."""
    return Answers("F1", "SQuAD", normalise=normalise_squad, languages=None)


def answer_em(pieces: "Pieces | None" = None) -> Answers:
    """Make exact match by SQuAD's rules; needs no pieces."""
    return Answers("EM", "SQuAD", normalise=normalise_squad, languages=None)


def mlqa_f1(pieces: "Pieces | None" = None) -> Answers:
    """Make F1 by MLQA's rules, of its seven languages; needs no pieces."""
    return Answers("F1", "MLQA", normalise=normalise_mlqa, languages=frozenset(ARTICLES))


def mlqa_em(pieces: "Pieces | None" = None) -> Answers:
    """Make exact match by MLQA's rules, of its seven languages; needs no pieces."""
    return Answers("EM", "MLQA", normalise=normalise_mlqa, languages=frozenset(ARTICLES))
