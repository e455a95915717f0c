"""Cut paragraphs into sentences, for systems that take no more at once; joined again, nothing is lost."""

import re
from collections.abc import Callable

_END = re.compile(r"(?<=[.!?…])\s+(?=\S)|(?<=[。！？।])\s*(?=\S)")


def sentences(text: str, fits: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Return the sentences of a paragraph, each with the gap behind it; what does not fit is cut.

    >>> sentences("Open it. Then close.", lambda part: True)
    [('Open it.', ' '), ('Then close.', '')]
    """
    parts, start = [], 0
    for end in _END.finditer(text):
        parts.append((text[start : end.start()], end.group()))
        start = end.end()
    parts.append((text[start:], ""))
    return [piece for part, gap in parts for piece in _cut(part, gap, fits)]


def _cut(part: str, gap: str, fits: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Halve a sentence, at the space nearest the middle where there is one, until its parts fit."""
    if fits(part) or len(part) < 2:
        return [(part, gap)]
    middle = len(part) // 2
    spaces = [found.start() for found in re.finditer(r"(?<=\S)\s(?=\S)", part)]
    at = min(spaces, key=lambda place: abs(place - middle)) if spaces else middle
    space = part[at : at + 1] if spaces else ""
    return [*_cut(part[:at], space, fits), *_cut(part[at + len(space) :], gap, fits)]
