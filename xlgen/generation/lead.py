"""LEAD-n: the first n SentencePiece tokens of the input (paper section 2.2.1; n = 64 there)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer


def lead(text: str, tokenizer: "Tokenizer", *, length: int = 64) -> str:
    """Return the text of the first `length` pieces of `text`."""
    return tokenizer.decode(tokenizer.encode(text)[:length])
