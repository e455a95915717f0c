"""Decide which paragraphs are text of their language: length, letters, script, CLD3, seen before."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence

from xlgen.languages import LANGUAGES

# Shortest paragraph in characters; a character says more in these four scripts.
SHORTEST = 20
SHORTEST_BY_LANGUAGE = {"zh": 8, "ja": 10, "ko": 10, "th": 12}
LEAST_LETTERS = 0.6  # share of letters and marks among the characters that are not spaces
LEAST_SCRIPT = 0.5  # share of the language's script among the letters
SURE_LENGTH = 60  # CLD3 is trusted with a Latin paragraph of this many characters
READ_LENGTH = 120  # characters that CLD3 reads: its cost grows with them
CHUNK_LENGTH = 120  # shorter ones are joined to this many before it is asked

_RANGES = {
    "Latin": "A-Za-z\u00aa-\u024f\u1e00-\u1eff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "Devanagari": "\u0900-\u097f",
    "Hiragana": "\u3041-\u309f",
    "Katakana": "\u30a0-\u30ff\u31f0-\u31ff",
    "Han": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3",
    "Cyrillic": "\u0400-\u04ff",
    "Thai": "\u0e01-\u0e7f",
}
_SCRIPT = {
    code: re.compile(f"[{''.join(_RANGES[script] for script in language.scripts)}]+")
    for code, language in LANGUAGES.items()
}
_LETTERS = re.compile(r"[^\W\d_]+")
_MARKS = re.compile(r"[\u0300-\u036f\u0610-\u065f\u0900-\u0903\u093a-\u094f\u0e31-\u0e4e]+")
_KANA = re.compile(f"[{_RANGES['Hiragana']}{_RANGES['Katakana']}]")
_HAN = re.compile(f"[{_RANGES['Han']}]")
_EAST = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_EAST_SPACE = re.compile(f"(?<={_EAST}) (?={_EAST})")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]")
_NUMBER = re.compile(r"\d[\d.]*")
_DAMAGE = re.compile("[\x80-\x9f]")  # control characters that are UTF-8 read as Latin-1
_IGNORED = re.compile(r"[\s!-/:-@\[-`{-~]+")


def clean_paragraph(text: str, *, language: str) -> str:
    """Return text in NFC with single spaces and no invisible characters; "" when it is damaged.

    Spaces between two Chinese or Japanese characters are line breaks of the file and go away.

    >>> clean_paragraph(" 保存\\n文件。  OK ", language="zh")
    '保存文件。 OK'
    """
    if "\ufffd" in text:
        return ""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = re.sub(r"\s+", " ", text).strip()
    return _EAST_SPACE.sub("", text) if "Han" in LANGUAGES[language].scripts else text


def paragraph_key(text: str) -> int:
    """Return a 64-bit key that ignores case, spaces and ASCII punctuation.

    >>> paragraph_key("Open the File.") == paragraph_key("open  the file")
    True
    """
    plain = _IGNORED.sub("", unicodedata.normalize("NFKC", text).casefold())
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest())


def _is_japanese(text: str) -> bool:
    return _KANA.search(text) is not None


def _is_simplified(text: str) -> bool:
    """Tell simplified Chinese from traditional and Japanese: GB 2312 has only the former."""
    han = _HAN.findall(text)
    foreign = sum(not _encodes(character) for character in han)
    return _KANA.search(text) is None and foreign <= 0.02 * len(han)


def _encodes(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


_FURTHER: dict[str, Callable[[str], bool]] = {"ja": _is_japanese, "zh": _is_simplified}


def _count(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))


def is_prose(text: str, *, language: str) -> bool:
    """Say whether a paragraph is long enough and mostly letters of the language's script."""
    if len(text) < SHORTEST_BY_LANGUAGE.get(language, SHORTEST):
        return False
    if not text.isascii() and _DAMAGE.search(text):
        return False
    letters = _count(_LETTERS, text)
    marks = 0 if text.isascii() else _count(_MARKS, text)
    if letters + marks < LEAST_LETTERS * (len(text) - text.count(" ")):
        return False
    if _count(_SCRIPT[language], text) < LEAST_SCRIPT * letters:
        return False
    return _FURTHER.get(language, bool)(text)


class Identifier:
    """CLD3 for the languages in Latin script; the others are told apart by their scripts."""

    def __init__(self) -> None:
        import gcld3  # slow to import, and only corpora need it

        self._identifier = gcld3.NNetLanguageIdentifier(0, 1000)

    def is_language(self, text: str, *, language: str) -> bool:
        found = self._identifier.FindLanguage(text[:READ_LENGTH]).language
        return bool(found == language)

    def accepted(self, paragraphs: Sequence[str], *, language: str) -> list[str]:
        """Return the paragraphs of a document in the language; short ones are judged together."""
        if "Latin" not in LANGUAGES[language].scripts:
            return list(paragraphs)
        kept: list[bool] = [False] * len(paragraphs)
        chunk: list[int] = []
        for position, text in enumerate(paragraphs):
            if len(text) >= SURE_LENGTH:
                kept[position] = self.is_language(text, language=language)
            else:
                chunk.append(position)
                if sum(len(paragraphs[x]) for x in chunk) >= CHUNK_LENGTH:
                    self._judge(chunk, paragraphs, kept, language)
                    chunk = []
        self._judge(chunk, paragraphs, kept, language)
        return [text for text, is_kept in zip(paragraphs, kept, strict=True) if is_kept]

    def _judge(
        self, chunk: list[int], paragraphs: Sequence[str], kept: list[bool], language: str
    ) -> None:
        joined = " ".join(paragraphs[x] for x in chunk)
        verdict = bool(chunk) and self.is_language(joined, language=language)
        for position in chunk:
            kept[position] = verdict


class ParagraphFilter:
    """Keep the prose of one language that was not seen before and is not forbidden."""

    def __init__(
        self, language: str, *, identifier: Identifier, forbidden: Collection[int]
    ) -> None:
        self.language = language
        self.identifier = identifier
        self.forbidden = forbidden
        self.seen: set[int] = set()

    def kept(self, paragraphs: Sequence[str]) -> list[str]:
        """Return the paragraphs of a document that stay, and remember them."""
        fresh: dict[int, str] = {}
        for text in paragraphs:
            if is_prose(text, language=self.language):
                key = paragraph_key(_NUMBER.sub("0", text))  # "version 4.7" repeats "version 4.8"
                if key not in self.seen and paragraph_key(text) not in self.forbidden:
                    fresh.setdefault(key, text)
        accepted = self.identifier.accepted(list(fresh.values()), language=self.language)
        self.seen.update(fresh)
        return accepted
