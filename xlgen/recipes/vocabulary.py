"""Train a tokenizer on text, of the kind that is packaged; the first step of a model of one's own.

xlgen train pretrain.tokenizer corpus=DIR size=32000 --out runs/tokenizer
xlgen train pretrain.nano corpus=DIR tokenizer=runs/tokenizer/spiece.model shape.vocabulary=32000
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlgen.benchmarks.held_out import HeldOutParagraphs
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.recipes.base import RunConfig
from xlgen.sources.vocabulary import CHARACTERS, train_tokenizer
from xlgen.training.folder import RunFolder


@dataclass(frozen=True)
class VocabularyResult:
    """The SentencePiece file that was written."""

    tokenizer: Path
    pieces: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.tokenizer}: {self.pieces:,} pieces, SHA-256 {self.sha256[:8]}"


@dataclass(frozen=True)
class Vocabulary(RunConfig):
    """Train a SentencePiece file of `size` pieces on `<corpus>/<language>.txt`.

    It reads `characters` of text, of each language in proportion to its bytes ** `alpha`. The same text and
    settings give the same file; another number of `threads` gives other roundings, and so a few other pieces.
    """

    name: ClassVar[str] = "vocabulary"
    corpus: Path | None = None
    size: int = 24_000
    alpha: float = 0.3
    characters: int = CHARACTERS
    threads: int = 2
    seed: int = 0

    def run(self, folder: Path) -> VocabularyResult:
        """Write `folder/spiece.model`; one that is there already is kept."""
        if self.corpus is None:
            raise InputError("a tokenizer needs text: set corpus=DIR, a folder of <language>.txt")
        out = folder / "spiece.model"
        with RunFolder(folder, self):
            if not out.is_file():
                train_tokenizer(
                    self.corpus,
                    out,
                    size=self.size,
                    alpha=self.alpha,
                    seed=self.seed,
                    characters=self.characters,
                    threads=self.threads,
                    left_out=HeldOutParagraphs(),
                )
        made = Tokenizer(out)
        return VocabularyResult(out, made.size, made.sha256)


def tokenizer() -> Vocabulary:
    """The packaged tokenizer's settings: 24,000 pieces; minutes on one core."""
    return Vocabulary()
