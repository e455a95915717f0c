"""The words that SP-ROUGE counts: SentencePiece pieces of a text, or of each of its lines."""

import hashlib
import importlib.resources
from collections.abc import Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path

from xlgen.data.tokenizer import PieceSplitter, packaged_tokenizer

# A piece's id; an unknown piece is its own text, so that two different unknowns never match.
Piece = int | str


class Pieces:
    """Splits texts into pieces, without lower-casing or stemming; the model is read on first use.

    `tokenizer` is a loaded one, any SentencePiece file, or None for the packaged one.
    """

    def __init__(self, tokenizer: PieceSplitter | str | Path | None = None) -> None:
        self._given = tokenizer
        # One example is split by several metrics, one after the other; a line also stands for a text.
        self.of = lru_cache(maxsize=1024)(self._split)

    @cached_property
    def tokenizer(self) -> PieceSplitter:
        """The tokenizer in use; raises `InputError` for a file that is none."""
        if self._given is None:
            return packaged_tokenizer()
        given = self._given
        return given if isinstance(given, PieceSplitter) else PieceSplitter(given)

    @cached_property
    def signature(self) -> str:
        """`spm:` and eight digits of the model file's SHA-256; the packaged model is named as such."""
        known = self.tokenizer.sha256
        packaged = "packaged@" if self._given is None or known == _packaged_sha256() else ""
        return f"spm:{packaged}{known[:8]}"

    def of_lines(self, text: str) -> list[Sequence[Piece]]:
        r"""Return the pieces of each line, split on "\n" only; empty lines are dropped."""
        return [self.of(line) for line in text.split("\n") if line]

    def _split(self, text: str) -> Sequence[Piece]:
        tokens = self.tokenizer.encode(text)
        unknown = self.tokenizer.unk
        if unknown not in tokens:
            return tokens
        pieces = self.tokenizer.pieces(text)
        return [p if t == unknown else t for t, p in zip(tokens, pieces, strict=True)]


@cache
def _packaged_sha256() -> str | None:
    """Return the hash of the packaged model without loading it; models carry copies of the file."""
    file = importlib.resources.files("xlgen") / "assets" / "tokenizer" / "spiece.model"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
