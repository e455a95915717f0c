"""Code switching: words of another language than asked for, and outputs wholly in English.

Paper section 4 and Table 1 tell of it in words; these two numbers are ours. What language a word is in
`spans` decides; names, loanwords in other scripts, numbers and code count neither way.
"""

from typing import TYPE_CHECKING, ClassVar

from xlgen.languages import LANGUAGES, SOURCE
from xlgen.metrics.base import Metric
from xlgen.metrics.spans import word_spans
from xlgen.metrics.words import Word, count_words, split_words

if TYPE_CHECKING:
    from xlgen.metrics.pieces import Pieces

WORDS = "words:spans1"  # the identifier, for signatures: lists and settings of `spans`


class WrongWords(Metric):
    """The mean over predictions of the share of words in another language than asked for, times 100.

    Where words are not spaced, a run of letters counts as its letters make words (`count_words`). A
    prediction without a word that is in any language is left out.
    """

    needs_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Of the words, not of the outputs."""
        return "Wrong words"

    @property
    def higher_is_better(self) -> bool:
        """It is a fault."""
        return False

    @property
    def signature(self) -> str:
        """How words are identified, and the fate of texts without any."""
        return f"WRONG-WORDS|v1|{WORDS}|names:skip|empty:skip"

    def covers(self, language: str) -> bool:
        """Words are told apart in the eighteen languages only."""
        return language in LANGUAGES

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (share, 1), or (0, 0) for a text without words."""
        counts = language_counts(prediction, language)
        total = sum(counts.values())
        return (1 - counts.get(language, 0) / total, 1.0) if total else (0.0, 0.0)


class AllEnglish(Metric):
    """The share of predictions whose words are all English, times 100; of English itself there is none.

    Names do not matter, but at least one word must be English. A prediction without words, such as an
    empty one, is not English; it counts.
    """

    needs_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Of the outputs."""
        return "All English"

    @property
    def higher_is_better(self) -> bool:
        """It is a fault."""
        return False

    @property
    def signature(self) -> str:
        """How words are identified."""
        return f"ALL-ENGLISH|v1|{WORDS}|names:skip|empty:0"

    def covers(self, language: str) -> bool:
        """English asked for is no slip; and words are told apart in the eighteen languages only."""
        return language in LANGUAGES and language != SOURCE

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (1 or 0, 1), or (0, 0) where English was asked for."""
        if not self.covers(language):
            return 0.0, 0.0
        return float(set(language_counts(prediction, language)) == {SOURCE}), 1.0


def language_counts(text: str, target: str) -> dict[str, int]:
    """Return how many words of `text` are in each language or script; names are left out.

    >>> language_counts("Giảm độ ẩm. Apply the mixture lên thảm", "vi")
    {'vi': 5, 'en': 3}
    """
    scripts = {word.start: word.script for word in split_words(text)}
    counts: dict[str, int] = {}
    for start, end, language in word_spans(text, target):
        if language:
            words = count_words(text, Word(start, end, scripts[start]))
            counts[language] = counts.get(language, 0) + words
    return counts


def wrong_words(pieces: "Pieces | None" = None) -> WrongWords:
    """Make the share of wrong-language words; needs no pieces."""
    return WrongWords()


def all_english(pieces: "Pieces | None" = None) -> AllEnglish:
    """Make the share of outputs wholly in English; needs no pieces."""
    return AllEnglish()
