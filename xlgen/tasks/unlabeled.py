"""Examples that unsupervised tasks make of text, wherever the text comes from."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xlgen.data.examples import TokenizedExample
from xlgen.data.mixture import temperature_rates
from xlgen.data.shards import Shard
from xlgen.data.tokenizer import Tokenizer
from xlgen.tasks import Limits, UnsupervisedTask


@dataclass(frozen=True)
class UnlabeledExamples:
    """Every task on the text of every language: parts of a mixture, a task after the other.

    Each example is a pure function of (seed, language, task, segment, epoch).
    """

    shards: Mapping[str, Shard]
    tasks: tuple[UnsupervisedTask, ...]
    tokenizer: Tokenizer
    limits: Limits
    seed: int

    @cached_property
    def parts(self) -> tuple[tuple[UnsupervisedTask, str], ...]:
        """Task and language of each part."""
        return tuple((task, language) for task in self.tasks for language in self.shards)

    @property
    def sha256(self) -> str:
        """A hash of the text as tokens, and of how it is cut."""
        digest = hashlib.sha256()
        for language, shard in self.shards.items():
            digest.update(language.encode())
            for array in (shard.tokens, shard.starts):
                digest.update(np.asarray(array, np.int64).tobytes())
        return digest.hexdigest()

    @property
    def sizes(self) -> list[int]:
        """How many segments an epoch of each part has."""
        return [
            self.shards[language].segments(task.raw_length(self.limits))
            for task, language in self.parts
        ]

    def rates(self, alpha: float) -> list[float]:
        """Return each part's share of the draws: tasks alike, languages by tokens ** `alpha`."""
        if not self.shards:
            return []
        of_language = temperature_rates([len(s.tokens) for s in self.shards.values()], alpha)
        return [rate / len(self.tasks) for _ in self.tasks for rate in of_language]

    def at(self, part: int, position: int, epoch: int) -> TokenizedExample:
        """Return the example at a location of a mixture of `sizes`."""
        task, language = self.parts[part]
        shard = self.shards[language]
        cut = shard.segment if task.crosses_documents else shard.document_segment
        tokens = cut(position, raw_length=task.raw_length(self.limits), epoch=epoch)
        rng = np.random.default_rng([self.seed, zlib.crc32(language.encode()), position, epoch])
        pair = task.make(tokens, self.tokenizer, limits=self.limits, rng=rng)
        name = f"{language}/{epoch}/{position}"
        return TokenizedExample(name, language, task.name, pair.input, pair.target)

    def first(self, count: int) -> Iterator[TokenizedExample]:
        """Yield the first `count` examples of each part, or as many as it has."""
        for part, size in enumerate(self.sizes):
            for position in range(min(size, count)):
                yield self.at(part, position, 0)
