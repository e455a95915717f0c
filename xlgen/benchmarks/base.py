"""A benchmark: a source, a task, languages and metrics, with the texts of a split."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlgen.data.examples import Example
from xlgen.errors import InputError, MissingError
from xlgen.metrics import METRICS
from xlgen.registry import near_names
from xlgen.sources.published import FETCHED, is_published, place_of
from xlgen.sources.readers import read_examples


@dataclass(frozen=True)
class Benchmark:
    """`source` is a data set's name or a path; `languages` stand in the order of the tables.

    `metrics` are names of METRICS, the one that says how good a system is first; None for those of any text.
    `pieces` names the published folder of the SentencePiece model whose pieces its scores count, and LEAD-n;
    without one it is the packaged model.
    """

    name: str
    source: str
    languages: tuple[str, ...]
    description: str
    task: str = "summarization"
    metrics: tuple[str, ...] | None = None
    pieces: str = ""
    largest: int = 0  # validation examples of the language that has most, to plan with

    @property
    def quality(self) -> str:
        """The metric that chooses checkpoints."""
        return next(iter(self.metrics or METRICS))

    def tokenizer_path(self) -> Path | None:
        """Return the scores' SentencePiece model, None for the packaged one; raise where it is not here."""
        if not self.pieces:
            return None
        path = place_of(self.pieces) / "spiece.model"
        if not path.is_file():
            raise MissingError(
                f"{path}: no such file, whose pieces {self.name} counts, so that scores compare with "
                f"published ones; {FETCHED[self.pieces].remedy(path.parent)}; `--spm MODEL` counts others"
            )
        return path

    def refuse_unknown(self, languages: Sequence[str]) -> None:
        """Raise `InputError` with near codes for a language the benchmark does not have."""
        for language in languages:
            if language not in self.languages:
                near = near_names(language, list(self.languages))
                raise InputError(f"benchmark {self.name!r} has no language {language!r}: {near}")

    def examples(
        self, split: str, *, languages: Sequence[str], limit: int | None = None
    ) -> dict[str, list[Example]]:
        """Return the examples of each language; `limit` takes the first ones, see `first_examples`.

        Raises `InputError` for a language the benchmark does not have.
        """
        self.refuse_unknown(languages)
        found: dict[str, list[Example]] = {language: [] for language in languages}
        for example in read_examples(self.source, split=split, languages=languages):
            found[example.language].append(example)
        return {
            language: first_examples(kept, limit, source=self.source)
            for language, kept in found.items()
        }


def first_examples(examples: list[Example], limit: int | None, *, source: str) -> list[Example]:
    """Return the `limit` first examples of a language.

    Those of a published data set come as everybody has them; of others, `first_documents` are the same
    documents in every language.
    """
    return examples[:limit] if is_published(source) else first_documents(examples, limit)


def first_documents(examples: list[Example], limit: int | None) -> list[Example]:
    """Return the `limit` first examples in an order that depends on the documents alone.

    Parallel documents sort alike in every language, so limited sets stay parallel.
    """

    def place(example: Example) -> tuple[bytes, str]:
        return hashlib.sha256(example.document.encode()).digest(), example.id

    return sorted(examples, key=place)[:limit]
