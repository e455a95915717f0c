"""Which language an output is in: CLD3's confidence, and the share of ASCII.

Paper section 2.3: LID_xx is "the average confidence score given by cld3 when detecting the language
xx", ASCII "the average percentage of ASCII characters present in the model's predictions".
"""

import re
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from xlgen.languages import KNOWN
from xlgen.metrics.base import Metric

if TYPE_CHECKING:
    from gcld3 import NNetLanguageIdentifier

    from xlgen.metrics.pieces import Pieces

UNDETERMINED = "und"

# CLD3's settings. Ours: the paper names none, and mC4's 100 bytes at least would leave most short
# summaries without a language.
SHORTEST, LONGEST = 0, 1000

# Sentinels are no words of any language, though CLD3 would call `<extra_id_0>` Chinese.
_SENTINEL = re.compile(r"<extra_id_\d+>")
_LETTER = re.compile(r"[^\W\d_]")


class LanguageIdentification(Metric):
    """The mean of CLD3's probability where its first guess is `language` and 0 elsewhere, times 100.

    `language` None asks for the language that each example ought to be in.
    """

    needs_reference: ClassVar[bool] = False

    def __init__(self, language: str | None = None) -> None:
        self._language = language

    @property
    def label(self) -> str:
        """The language asked for, by its name."""
        return f"LID {KNOWN[self._language].name if self._language else 'target'}"

    @property
    def higher_is_better(self) -> bool | None:
        """Of the target language; another one may be the target too."""
        return None if self._language else True

    @property
    def signature(self) -> str:
        """The language asked for, the release of CLD3 and the bytes it reads."""
        asked = self._language or "target"
        return f"LID|v1|{asked}|cld3-py:{version('cld3-py')}|bytes:{SHORTEST}-{LONGEST}|und:0"

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (probability or 0, 1)."""
        label, probability = identify(prediction)
        wanted = KNOWN[self._language or language].cld3
        return probability if label == wanted else 0.0, 1.0


class AsciiShare(Metric):
    """The mean over predictions of the share of characters that are ASCII, times 100.

    All characters count, white space and digits too. An empty prediction has no share and is left out.
    """

    needs_reference: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """Of the outputs, not of a language."""
        return "ASCII"

    @property
    def higher_is_better(self) -> None:
        """It depends on the script."""
        return None

    @property
    def signature(self) -> str:
        """The characters counted and the fate of empty texts."""
        return "ASCII|v1|characters:all|empty:skip"

    def statistics(self, prediction: str, reference: str, language: str) -> tuple[float, float]:
        """Return (share, 1), or (0, 0) for an empty text."""
        if not prediction:
            return 0.0, 0.0
        return len(prediction.encode("ascii", "ignore")) / len(prediction), 1.0


def lid(pieces: "Pieces | None" = None) -> LanguageIdentification:
    """Make LID of the target language; needs no pieces."""
    return LanguageIdentification()


def lid_en(pieces: "Pieces | None" = None) -> LanguageIdentification:
    """Make LID of English: high where a system slips into the language of its labels."""
    return LanguageIdentification("en")


def ascii_share(pieces: "Pieces | None" = None) -> AsciiShare:
    """Make the ASCII share; needs no pieces."""
    return AsciiShare()


@lru_cache(maxsize=1024)
def identify(text: str) -> tuple[str, float]:
    """Return CLD3's label and its probability; `("und", 0.0)` for a text without letters.

    Without that rule an empty text would be Japanese (probability 0.78).

    >>> identify("42 %")
    ('und', 0.0)
    """
    if not _LETTER.search(_SENTINEL.sub("", text)):
        return UNDETERMINED, 0.0
    found = _identifier().FindLanguage(text)
    return found.language, float(found.probability)


@cache
def _identifier() -> "NNetLanguageIdentifier":
    from gcld3 import NNetLanguageIdentifier

    return NNetLanguageIdentifier(SHORTEST, LONGEST)
