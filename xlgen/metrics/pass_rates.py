"""Line- and word-level pass rates of the Language Confusion Benchmark.

Marchisio et al. 2024, "Understanding and Mitigating Language Confusion in LLMs", section 3, and its code
(`compute_metrics.py`). Where ours differs stands in docs/choices.md: CLD3 in the place of fastText, the word
identifier of `spans` in that of a dictionary, letters counted in that of segmenters.
"""

import string
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from xlgen.languages import KNOWN, LANGUAGES, SOURCE
from xlgen.metrics.base import Metric
from xlgen.metrics.language import LONGEST, SHORTEST, identify
from xlgen.metrics.spans import word_spans
from xlgen.metrics.switching import WORDS
from xlgen.metrics.words import LATIN

if TYPE_CHECKING:
    from xlgen.metrics.pieces import Pieces

LEAST_WORDS = 5  # of a line that counts: compute_metrics.py, as are the next two
LEAST_PROBABILITY = 0.3
LEAST_LETTERS = 4  # of an English word that counts
LETTERS_PER_WORD = 2  # ours, where words are not spaced: the benchmark segments them

_NO_PUNCTUATION = str.maketrans("—", " ", string.punctuation + "،")


class LinePassRate(Metric):
    """LPR: the share of predictions all of whose lines are in the language asked for, times 100.

    Lines split on line feeds; only those of five words or more count, and a prediction without one is
    left out. A line passes if CLD3's first guess is the language, with a probability above 0.3.
    """

    needs_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """As the benchmark calls it."""
        return "LPR"

    @property
    def signature(self) -> str:
        """The identifier and the lines that count."""
        lines = f"lines:{LEAST_WORDS}words|p:{LEAST_PROBABILITY}"
        return f"LPR|v1|cld3-py:{version('cld3-py')}|bytes:{SHORTEST}-{LONGEST}|{lines}"

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (1 if all lines pass, 1), or (0, 0) where no line counts."""
        lines = long_lines(prediction, language)
        if not lines:
            return 0.0, 0.0
        return float(all(_passes(line, language) for line in lines)), 1.0


class WordPassRate(Metric):
    """WPR: of the predictions that LPR passes, the share without an English word, times 100.

    For languages of other than Latin script, as in the benchmark. An English word is one in lower case
    of four letters or more; capitals are taken for names.
    """

    needs_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """As the benchmark calls it."""
        return "WPR"

    @property
    def signature(self) -> str:
        """The lines and the words that count."""
        lines = f"lines:{LEAST_WORDS}words|p:{LEAST_PROBABILITY}"
        words = f"{WORDS}|letters:{LEAST_LETTERS}"
        return f"WPR|v1|cld3-py:{version('cld3-py')}|bytes:{SHORTEST}-{LONGEST}|{lines}|{words}"

    def covers(self, language: str) -> bool:
        """Whether the language has a script of its own: in Latin script single words decide too much.

        Nor are English words told apart in FURTHER languages.
        """
        return language in LANGUAGES and LATIN not in LANGUAGES[language].scripts

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (1 if no word is English, 1), or (0, 0) where a line fails or none counts."""
        lines = long_lines(prediction, language) if self.covers(language) else []
        if not lines or not all(_passes(line, language) for line in lines):
            return 0.0, 0.0
        return float(not any(_has_english(line, language) for line in lines)), 1.0


def long_lines(text: str, language: str) -> list[str]:
    r"""Return the lines that are long enough to be identified, without ASCII punctuation.

    >>> long_lines("How to save.\nClick the red button, then wait.", "en")
    ['Click the red button then wait']
    """
    lines = text.translate(_NO_PUNCTUATION).split("\n")
    return [line for line in lines if _size(line, language) >= LEAST_WORDS]


def _size(line: str, language: str) -> int:
    """Return how many words a line has; where words are not spaced, about how many at most."""
    if KNOWN[language].spaced:
        return len(line.split())
    return sum(
        letter.isalpha() and not letter.isascii() for letter in line
    ) // LETTERS_PER_WORD + len([word for word in line.split() if word.isascii()])


def _passes(line: str, language: str) -> bool:
    label, probability = identify(line)
    return label == KNOWN[language].cld3 and probability > LEAST_PROBABILITY


def _has_english(line: str, language: str) -> bool:
    return any(
        found == SOURCE and end - start >= LEAST_LETTERS and line[start:end].islower()
        for start, end, found in word_spans(line, language)
    )


def lpr(pieces: "Pieces | None" = None) -> LinePassRate:
    """Make LPR; needs no pieces."""
    return LinePassRate()


def wpr(pieces: "Pieces | None" = None) -> WordPassRate:
    """Make WPR; needs no pieces."""
    return WordPassRate()
