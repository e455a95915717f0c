"""Clean generated text up. No torch, so a system's stored outputs can be cleaned without a model."""

import re
import unicodedata

SHORTEST_REPEAT = 2  # characters; with 1, "1000" would lose its zeros and "Zoo" its "o"

_SPACE = re.compile(r"\s+")
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
_NUMBER = re.compile(r"[\d\s.,]*\d[\d\s.,]*")


def remove_final_repeats(text: str) -> str:
    """Remove all but one copy of whatever the text ends with twice or more in a row (footnote 12).

    The paper has one sentence; the rest is ours. The longest final substring of two characters or more
    that stands right before itself as well keeps one copy, and so on until there is none. White space
    counts as one space, also before the first word. A cut-off last copy stays: it is part of the
    longest repeat. Copies must not begin inside a character with its marks, and digits with points,
    commas or spaces are numbers, not repeats.

    >>> remove_final_repeats("Open it. Save the file. Save the file. Save the file.")
    'Open it. Save the file.'
    >>> remove_final_repeats("ดี มาก มาก มาก"), remove_final_repeats("1 000 000")
    ('ดี มาก', '1 000 000')
    """
    flat, ends = _flatten(text)
    kept = len(flat)
    while cut := _final_repeats(flat[:kept]):
        kept -= cut
    return text[: ends[kept - 1]] if kept < len(flat) else text


def _flatten(text: str) -> tuple[str, list[int]]:
    """Return the text with single spaces and one in front, and where each of its characters ends."""
    flat, ends = [" "], [0]
    stripped = text.strip()
    place = text.find(stripped)
    for word in re.split(r"(\s+)", stripped):
        if _SPACE.match(word):
            flat.append(" ")
            ends.append(place + len(word))
        else:
            flat.append(word)
            ends.extend(range(place + 1, place + len(word) + 1))
        place += len(word)
    return "".join(flat), ends


def _final_repeats(text: str) -> int:
    """Return how many final characters to remove, 0 if the text does not end with a repeat."""
    matches = _match_lengths(text[::-1])
    for length in range(len(text) // 2, SHORTEST_REPEAT - 1, -1):
        if matches[length] >= length and _is_repeat(text, len(text) - length):
            return length
    return 0


def _is_repeat(text: str, start: int) -> bool:
    """Whether the copy from `start` on begins with a whole character and is no part of a number."""
    first, before = text[start], text[start - 1]
    is_inside = unicodedata.category(first)[0] == "M" or first in _JOINERS or before == "\u200d"
    after_virama = unicodedata.combining(before) == 9  # joins what follows to one letter: क्ष
    return not (is_inside or after_virama or _NUMBER.fullmatch(text[start:]))


def _match_lengths(text: str) -> list[int]:
    """Return, for each place, how many characters from there on equal the text's beginning.

    The Z algorithm, in linear time (Gusfield 1997, section 1.4).
    """
    size = len(text)
    lengths = [0] * (size + 1)
    left = right = 0
    for place in range(1, size):
        length = min(right - place, lengths[place - left]) if place < right else 0
        if place + length >= right:
            while place + length < size and text[length] == text[place + length]:
                length += 1
            left, right = place, place + length
        lengths[place] = length
    return lengths
