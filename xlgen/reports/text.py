"""Make any text safe to look at: controls become visible, long texts are cut, numbers are rounded."""

import re
from collections.abc import Mapping

# Unicode's Bidi_Control characters can reorder what a reader sees; C0, C1 and lone surrogates can
# drive a terminal or break a file. Joiners (U+200C, U+200D) stay: Hindi needs them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Show control characters as `<U+202E>`; keep line ends and tabs.

    >>> visible("a\u202eb\x1b[31mc"), visible("a\r\nb")
    ('a<U+202E>b<U+001B>[31mc', 'a\nb')
    """
    return _CONTROLS.sub(lambda found: f"<U+{ord(found[0]):04X}>", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Make `text` visible and put it on one line, for a table or a message."""
    return " ".join(visible(text).split())


def clip(text: str, *, characters: int) -> str:
    """Cut a long text at a character and say how much is left out.

    >>> clip("abcdef", characters=4), clip("abc", characters=4)
    ('abcd … (2 more characters)', 'abc')
    """
    more = len(text) - characters
    return text if more <= 0 else f"{text[:characters]} … ({more:,} more characters)"


def number(value: float | None) -> str:
    """Write a score with one decimal and a true minus sign; nothing as a dash.

    >>> number(41.25), number(-3.0), number(None), number(-0.01)
    ('41.2', '−3.0', '–', '0.0')
    """
    if value is None:
        return "–"
    digits = f"{value:.1f}"
    return "0.0" if digits == "-0.0" else digits.replace("-", "−")


def listed(names: list[str]) -> str:
    """Join names as a sentence does.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def noted(notes: Mapping[str, str]) -> tuple[str, ...]:
    """Say the notes on rows of a table, those with the same one together.

    >>> noted({"prompt, sup": "of Thai", "prompt": "", "model, sup": "of Thai"})
    ('PROMPT, SUP and MODEL, SUP: of Thai',)
    """
    found: dict[str, list[str]] = {}
    for row, note in notes.items():
        found.setdefault(note, []).append(row.upper())
    return tuple(f"{listed(rows)}: {note}" for note, rows in found.items() if note)
