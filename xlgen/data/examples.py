"""What the package calls an example: one text with its target, and the same as tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One record of a data set. `document` groups one page's translations over all languages."""

    id: str
    language: str
    input: str
    target: str
    task: str = "summarization"
    source: str = ""
    licence: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """An example as token ids, clipped and closed with </s>; task and language stay fields."""

    id: str
    language: str
    task: str
    input: tuple[int, ...]
    target: tuple[int, ...]
