"""LEAD-n: the first n SentencePiece tokens of the input (paper section 2.2.1; n = 64 there)."""

from typing import TYPE_CHECKING

from xlgen.errors import InputError

if TYPE_CHECKING:
    from xlgen.data.tokenizer import Tokenizer

LEAD = "lead-"  # begins the names of systems and rows that no model made, and that have no size


def lead_length(baseline: str) -> int:
    """Return n of "lead-n"; raise `InputError` for another name.

    >>> lead_length("lead-64")
    64
    """
    length = baseline.removeprefix(LEAD)
    if length == baseline or not length.isdecimal() or not int(length):
        raise InputError(f"unknown baseline {baseline!r}: expected lead-N, such as lead-64")
    return int(length)


def lead(text: str, tokenizer: "Tokenizer", *, length: int = 64) -> str:
    """Return the text of the first `length` pieces of `text`."""
    return tokenizer.decode(tokenizer.encode(text)[:length])
