"""Read translated message catalogues: gettext .mo, MediaWiki JSON, Fluent and properties files.

Every reader takes the bytes of a file and gives `(original, translation)` pairs in file order, with
an empty original where the file does not hold it. `clean_message` turns a message into prose.
"""

import html
import json
import re
import struct
from collections.abc import Iterator

Message = tuple[str, str]

_MO_MAGIC = 0x950412DE
_CHARSET = re.compile(r"charset=([\w-]+)", re.IGNORECASE)


def read_mo(data: bytes) -> Iterator[Message]:
    """Yield the messages of a compiled gettext catalogue; of plural forms, the last.

    Contexts are dropped. A file that is not a catalogue, or is cut short, yields nothing.
    """
    if len(data) < 20:
        return
    order = "<" if struct.unpack_from("<I", data)[0] == _MO_MAGIC else ">"
    magic, _, count, originals, translations = struct.unpack_from(f"{order}5I", data)
    if magic != _MO_MAGIC or max(originals, translations) + 8 * count > len(data):
        return
    charset = "utf-8"
    for number in range(count):
        original = _mo_string(data, order, originals + 8 * number)
        translation = _mo_string(data, order, translations + 8 * number)
        if not original:  # the header comes first, its original is the empty string
            found = _CHARSET.search(translation.decode("ascii", "replace"))
            charset = _known_charset(found[1] if found else charset)
            continue
        try:
            source, target = original.decode(charset), translation.decode(charset)
        except UnicodeDecodeError:
            continue
        yield source.split("\x04")[-1].split("\x00")[0], target.split("\x00")[-1]


def _mo_string(data: bytes, order: str, offset: int) -> bytes:
    length, start = struct.unpack_from(f"{order}2I", data, offset)
    return data[start : start + length]


def _known_charset(name: str) -> str:
    try:
        return "".encode(name).decode() or name
    except LookupError:
        return "utf-8"


def read_mediawiki(data: bytes) -> Iterator[Message]:
    """Yield the messages of one of MediaWiki's `i18n/<language>.json` files, wiki markup included."""
    try:
        messages = json.loads(data)
    except ValueError:
        return
    for key, text in messages.items():
        if not key.startswith("@") and isinstance(text, str):
            yield "", text


_FLUENT_VALUE = re.compile(r"^(?:-?[A-Za-z][\w-]*|\s+\.[A-Za-z][\w-]*)\s*=\s*(.*)$")


def read_fluent(data: bytes) -> Iterator[Message]:
    """Yield the values and attributes of a Fluent file, continuation lines joined."""
    value: list[str] = []
    for line in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        start = _FLUENT_VALUE.match(line)
        if start or not line.startswith(" "):
            if value:
                yield "", " ".join(value)
            value = [start[1]] if start else []
        else:
            value.append(line.strip())
    if value:
        yield "", " ".join(value)


_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def read_properties(data: bytes) -> Iterator[Message]:
    """Yield the values of a Java-style properties file."""
    for line in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        if "=" in line and not line.startswith(("#", "!", " ")):
            value = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), line.split("=", 1)[1])
            yield "", value.replace("\\n", " ").replace("\\", "").strip()


_REPLACED = [
    (re.compile(r"%PRODUCTNAME|\$\[officename\]|%PRODUCTEXTENSION"), "LibreOffice"),
    (re.compile(r"\{\s*-brand-[\w-]+(?:\([^)]*\))?\s*\}"), "Firefox"),
    (re.compile(r"\{\{GENDER:[^|}]*\|([^|}]*)[^}]*\}\}"), r"\1"),
    (re.compile(r"\{\{PLURAL:[^}]*\|([^|}]*)\}\}"), r"\1"),
    (re.compile(r"\{\{SITENAME\}\}"), "MediaWiki"),
    (re.compile(r"\[\[(?:[^]|]*\|)?([^]|]*)\]\]"), r"\1"),
    (re.compile(r"\[(?:https?:)?//\S+ ([^]]*)\]"), r"\1"),
    (re.compile(r"'''?"), ""),
    (re.compile(r"\s*[(（][_&~]\w[)）]"), ""),  # the accelerator of a script without Latin letters
    (re.compile(r"(?<![\w&])[_&~](?=[^\W\d_])"), ""),
    (re.compile(r"(?<=[^\W\d_])[&~](?=[^\W\d_A-Z])"), ""),  # not in "R&B"
]
# One underscore inside a lower-case word is an accelerator ("Sp_eichern"); in a name it is not.
_INNER_UNDERSCORE = re.compile(r"(?<=[^\W\d_])_(?=[^\W\d_])")
_BLOCK_TAG = re.compile(
    r"</?(?:nl|br|para|p|li|item|title|list|ul|ol|div|h\d|td|tr)\b[^<>]{0,300}>"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
PLACEHOLDER = re.compile(
    r"%\d*\$?[-+#0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z|q|j|t)?[diouxXeEfgGcsSpn@]\b|%\(\w+\)[sdif]|%\d"
    r"|%[A-Z_]{3,}|\{[^{}]*\}|\$\{?\w+\}?|@\w+@|<[^<>]*>"
)
MOST_PLACEHOLDERS = 1


def clean_message(text: str) -> list[str]:
    """Return the paragraphs of a message as prose, or nothing where placeholders outweigh it.

    >>> clean_message("Sp_eichern &amp; <b>schlie&szlig;en</b>")
    ['Speichern & schließen']
    >>> clean_message("บันทึก(_S)")
    ['บันทึก']
    >>> clean_message("%s: %d of %d")
    []
    """
    text = _BLOCK_TAG.sub(" ", html.unescape(text).replace("\\n", "\n"))
    text = _TAG.sub("", text)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    if len(_INNER_UNDERSCORE.findall(text)) == 1:
        text = _INNER_UNDERSCORE.sub("", text)
    if len(PLACEHOLDER.findall(text)) > MOST_PLACEHOLDERS:
        return []
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
