"""Translation: a text in one language in, in another out; a prefix names the language to write."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from xlgen.data.examples import Example, TokenizedExample
from xlgen.languages import KNOWN
from xlgen.tasks import LabelledTask, Limits
from xlgen.tasks.summarization import PAPER_LIMITS, tokenize

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class TranslationTask(LabelledTask):
    """An example's `language` is that of its target; the input may be in any other."""

    name: ClassVar[str] = "translation"

    def tokenize(
        self, example: Example, tokenizer: "Tokenizer", *, limits: Limits = PAPER_LIMITS
    ) -> TokenizedExample:
        """Encode, clip and close both sides, the input behind its prefix."""
        told = replace(example, input=self.told(example.input, example.language))
        return tokenize(told, tokenizer, limits=limits)

    @staticmethod
    def told(text: str, language: str) -> str:
        """Return a text behind the words that name the language to write.

        >>> TranslationTask.told("Open the file.", "fr")
        'translate to French: Open the file.'
        """
        # ours: T5's prefix without the source language, which the text tells (Johnson et al. 2017)
        return f"translate to {KNOWN[language].name}: {text}"
