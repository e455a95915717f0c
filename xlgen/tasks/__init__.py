"""What an example is: a labelled record as tokens, or a task made out of unlabeled text.

A labelled task turns an `Example` into a `TokenizedExample`. An unsupervised task turns a stretch of
tokens into an input and a target, with its randomness as an argument; nothing here knows torch.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlgen.data.examples import Example, TokenizedExample
from xlgen.errors import InputError
from xlgen.registry import Table, near_names

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer

TASKS = Table(
    "task",
    {
        "summarization": "xlgen.tasks.summarization:Summarization",
        "translation": "xlgen.tasks.translation:TranslationTask",
        "text_to_text": "xlgen.tasks.understanding:TextToText",
        "question_answering": "xlgen.tasks.understanding:QuestionAnswering",
        "span_corruption": "xlgen.tasks.span_corruption:SpanCorruption",
        "prefix_lm": "xlgen.tasks.prefix_lm:PrefixLM",
        "iid_denoising": "xlgen.tasks.iid_denoising:IIDDenoising",
        "lm": "xlgen.tasks.lm:LM",
        "missing_prefix_prediction": "xlgen.tasks.prefixes:MissingPrefixPrediction",
        "n_token_prefix_prediction": "xlgen.tasks.prefixes:NTokenPrefixPrediction",
        "missing_n_token_prefix_prediction": "xlgen.tasks.prefixes:MissingNTokenPrefixPrediction",
    },
)


@dataclass(frozen=True)
class Limits:
    """The most tokens an input and a target may have, </s> included."""

    input: int = 1024  # Vu et al. 2022, section 3: inputs 1024, targets 512
    target: int = 512

    def refuse_below(self, *, input: int, target: int, task: str) -> None:
        """Raise `InputError` unless there is room for the least that a task makes."""
        if self.input < input or self.target < target:
            raise InputError(
                f"{task} needs limits of at least {input} input and {target} target tokens,"
                f" got {self.input} and {self.target}; raise limits"
            )


@dataclass(frozen=True, slots=True)
class Pair:
    """What an unsupervised task makes of one stretch of text; both sides are closed with </s>."""

    input: tuple[int, ...]
    target: tuple[int, ...]


class LabelledTask(ABC):
    """A task whose examples come with a target."""

    table: ClassVar[Table] = TASKS
    name: ClassVar[str]
    removes_repeats: ClassVar[bool] = (
        True  # whether outputs lose a repeated end (the paper's footnote 12)
    )

    @abstractmethod
    def tokenize(
        self, example: Example, tokenizer: "Tokenizer", *, limits: Limits
    ) -> TokenizedExample:
        """Encode both sides, clipped to `limits` and closed with </s>."""


class UnsupervisedTask(ABC):
    """A task made out of text alone. `make` is a pure function of the tokens and the generator."""

    table: ClassVar[Table] = TASKS
    name: ClassVar[str]
    crosses_documents: ClassVar[bool]

    @abstractmethod
    def raw_length(self, limits: Limits) -> int:
        """Return how many tokens of text an example takes; raise `InputError` below the least limits."""

    @abstractmethod
    def make(
        self,
        tokens: np.ndarray,
        tokenizer: "Tokenizer",
        *,
        limits: Limits,
        rng: np.random.Generator,
    ) -> Pair:
        """Make input and target out of `tokens` [n]; what is beyond `raw_length` is not used.

        With fewer than 2 tokens there may be nothing to learn, but both sides are closed.
        """

    @abstractmethod
    def restore(self, pair: Pair, tokenizer: "Tokenizer") -> list[int]:
        """Undo `make`: return the text, from its beginning as far as the limits left it."""


def unsupervised_tasks() -> dict[str, type[UnsupervisedTask]]:
    """Return the entries of TASKS that need no labels."""
    return {name: TASKS[name] for name in TASKS.of(UnsupervisedTask)}


def labelled_task(name: str) -> type[LabelledTask]:
    """Return an entry of TASKS that has labels; raise `InputError` with near names for any other."""
    entry: type[LabelledTask] = TASKS[name]
    if not issubclass(entry, LabelledTask):
        known = near_names(name, TASKS.of(LabelledTask))
        raise InputError(f"task: {name!r} needs no labels; {known}")
    return entry
