"""The paper's claims, in our words, each with the comparisons that hold or refute it."""

from dataclasses import dataclass
from typing import Literal

from xlgen.reports.comparisons import NEAR, AboveAll, Comparison, Lengths, Rows, Sizes, Steps
from xlgen.reports.grid import QUALITY, TARGET


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper in our words, where it stands, and what it compares.

    It holds when every comparison is clear and as expected; `sizes` says whether it is of one size or of
    several together.
    """

    text: str
    source: str
    comparisons: tuple[Comparison, ...]
    sizes: Literal["each", "together"] = "each"

    @property
    def description(self) -> str:
        """The claim, for a list."""
        return self.text


BOTH = ("prompt", "model")
ENGLISH_FAVOURS_MODEL = Claim(
    "ModelTuning scores higher than PromptTuning in English, the language of the labels.",
    "section 2.3, Tables 8 and 10",
    (Rows(QUALITY, "English", +1, "model", "prompt"),),
)
MODEL_FORGETS_MORE = Claim(
    "In other scripts, ModelTuning keeps the target language less often than PromptTuning.",
    "section 2.3, Figure 2b, Table 10",
    (Rows(TARGET, "other scripts", -1, "model", "prompt"),),
)
FORGETTING_GROWS = Claim(
    "The longer both methods are tuned on English, the less they stay in the target language.",
    "section 2.3, Figure 3",
    tuple(Steps(TARGET, "other languages", -1, row) for row in BOTH),
)
CAPACITY_PARADOX = Claim(
    "The longest prompt beats the shortest in English and keeps the target language less often.",
    "section 2.3, Figure 2c, Table 10",
    (Lengths(QUALITY, "English", +1), Lengths(TARGET, "other languages", -1)),
)
LARGER_FORGET_LESS = Claim(
    "Larger models forget less, with both methods.",
    "section 2.3, Figure 2b, Table 10",
    tuple(Sizes(TARGET, "other languages", +1, row) for row in BOTH),
    sizes="together",
)
MIXING_RESTORES = Claim(
    "Mixing in unlabeled text of the target language restores it, with both methods.",
    "section 3.2, Figure 6, Table 11",
    tuple(Rows(TARGET, "other languages", +1, f"{row}, mix-unsup", row) for row in BOTH),
)
MIX_ALL_NEAR_MIX = Claim(
    f"Mixing in all languages at once scores within {NEAR:.0f} points of mixing in the target alone.",
    "section 3.2, Table 11",
    tuple(
        Rows(QUALITY, "other languages", 0, f"{row}, mix-unsup-all", f"{row}, mix-unsup")
        for row in BOTH
    ),
)
FACTORIZED_RESTORE = Claim(
    "Factorized prompts keep the target language more often than plain ones, and by the language half.",
    "section 3.2, Figure 6, Table 11",
    (
        Rows(TARGET, "other languages", +1, "prompt, fp", "prompt"),
        Rows(TARGET, "other languages", +1, "prompt, fp", "prompt, fp-en"),
    ),
)
INTERMEDIATE_HURTS = Claim(
    "Tuning on another English task first hurts the other languages, with both methods.",
    "appendix F, Table 11",
    tuple(Rows(QUALITY, "other languages", -1, f"{row}, it-gigaword", row) for row in BOTH),
)
MIXING_BEATS_LM = Claim(
    "Mixing keeps the target language more often than language modelling in it before the task.",
    "appendix F, Table 11",
    tuple(
        Rows(TARGET, "other languages", +1, f"{row}, mix-unsup", f"{row}, it-lm") for row in BOTH
    ),
)
SUPERVISION_ABOVE = Claim(
    "Labels in the target language stand above every zero-shot method.",
    "section 2.3, Figure 4, Table 10",
    tuple(AboveAll(QUALITY, "other languages", +1, f"{row}, sup") for row in BOTH),
)
