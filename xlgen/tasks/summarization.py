"""Summarization: the article in, the summary out, no text prefix on either."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xlgen.data.examples import Example, TokenizedExample
from xlgen.tasks import LabelledTask, Limits

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer

PAPER_LIMITS = Limits()


@dataclass(frozen=True)
class Summarization(LabelledTask):
    """Table entry for `tokenize`; it has no settings."""

    name: ClassVar[str] = "summarization"

    def tokenize(
        self, example: Example, tokenizer: "Tokenizer", *, limits: Limits = PAPER_LIMITS
    ) -> TokenizedExample:
        """Encode, clip and close both sides of `example`."""
        return tokenize(example, tokenizer, limits=limits)


def tokenize(
    example: Example, tokenizer: "Tokenizer", *, limits: Limits = PAPER_LIMITS
) -> TokenizedExample:
    """Encode input and target, clip each to its limit, and close it with </s>.

    Clipping keeps the head: `limits.input - 1` tokens and </s>. An empty text becomes </s> alone.
    """
    return TokenizedExample(
        id=example.id,
        language=example.language,
        task=example.task,
        input=clip(tokenizer.encode(example.input), limits.input, eos=tokenizer.eos),
        target=clip(tokenizer.encode(example.target), limits.target, eos=tokenizer.eos),
    )


def clip(tokens: list[int], length: int, *, eos: int) -> tuple[int, ...]:
    """Keep at most `length - 1` tokens and add </s>.

    >>> clip([5, 6, 7], 3, eos=1), clip([], 3, eos=1)
    ((5, 6, 1), (1,))
    """
    return (*tokens[: length - 1], eos)
