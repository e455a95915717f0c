"""Understanding as text to text: what sources wrote as multilingual-T5 does becomes tokens."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from xlgen.data.examples import Example, TokenizedExample
from xlgen.tasks import LabelledTask, Limits
from xlgen.tasks.summarization import PAPER_LIMITS, tokenize

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


@dataclass(frozen=True)
class TextToText(LabelledTask):
    """Input and target as they stand: classes by name, entities in a line. Outputs are left as they are."""

    name: ClassVar[str] = "text_to_text"
    removes_repeats: ClassVar[bool] = False

    def tokenize(
        self, example: Example, tokenizer: "Tokenizer", *, limits: Limits = PAPER_LIMITS
    ) -> TokenizedExample:
        """Encode, clip and close both sides."""
        return tokenize(example, tokenizer, limits=limits)


@dataclass(frozen=True)
class QuestionAnswering(LabelledTask):
    """A target that holds several answers, one a line: the first is learnt. Outputs are left as they are."""

    name: ClassVar[str] = "question_answering"
    removes_repeats: ClassVar[bool] = False  # an answer such as "Bora Bora" is none

    def tokenize(
        self, example: Example, tokenizer: "Tokenizer", *, limits: Limits = PAPER_LIMITS
    ) -> TokenizedExample:
        """Encode, clip and close the input and the first answer."""
        first = replace(example, target=example.target.split("\n")[0])
        return tokenize(first, tokenizer, limits=limits)
