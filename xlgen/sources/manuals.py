"""Read manual pages, DocBook manuals and package descriptions as plain paragraphs.

Every reader takes the bytes of a file and gives its paragraphs in order; code, tables and comments
are left out.
"""

import re
from collections.abc import Iterator

from lxml import etree

_ROFF_CHARACTERS = {
    "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "em": "—", "en": "–", "bu": "•",
    "co": "©", "rg": "®", "tm": "™", "ti": "~", "ha": "^", "rs": "\\", "mu": "×", "->": "→", "<-": "←",
    "Fo": "«", "Fc": "»", "at": "@", "sh": "#", "Do": "$", "hy": "-", "ga": "`", "ss": "ß",
}  # fmt: skip
_ROFF_ESCAPE = re.compile(
    r"\\f(?:\[[^]]*\]|\(..|.)|\\s[-+]?\d{1,2}|\\\*\[([^]]*)\]|\\\*\((..)|\\\*(.)|\\\[([^]]*)\]"
    r"|\\\((..)|\\[hvwmMFkoZ](?:'[^']*'|\[[^]]*\]|\(..|.)|\\(.)|\\$"
)
_ROFF_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_BREAKS = {
    "SH", "SS", "PP", "P", "LP", "TP", "IP", "HP", "TQ", "br", "sp", "Sh", "Ss", "Pp", "It", "Bl", "El",
    "RS", "RE",
}  # fmt: skip
_FONTS = {"B", "I", "BR", "BI", "RB", "RI", "IR", "IB", "SM", "SB"}
_TEXT_BREAKS = {"SH", "SS", "Sh", "Ss"}
_SKIPPED = {"nf": "fi", "TS": "TE", "EX": "EE", "Bd": "Ed", "de": ".", "ig": ".", "EQ": "EN"}


def _roff_escape(found: re.Match[str]) -> str:
    """Return what a groff escape prints; an unknown one prints nothing."""
    named = found[1] or found[2] or found[4] or found[5]
    if named:
        if re.fullmatch(r"u[0-9A-F]{4,5}", named):
            return chr(int(named[1:], 16))
        return _ROFF_CHARACTERS.get(named, "")
    single = found[6]
    return (
        {"-": "-", "e": "\\", "\\": "\\", " ": " ", "~": " ", "0": " "}.get(single or "", "")
        or (single if single in {"'", "`", '"', "."} else "")
        if single
        else ""
    )


def roff_paragraphs(data: bytes) -> list[str]:
    """Return the paragraphs of a manual page in the man or mdoc macros."""
    paragraphs: list[str] = []
    words: list[str] = []
    until = ""
    for line in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        name, rest = "", line
        if line[:1] in {".", "'"}:
            found = re.match(r"[.'][ \t]*([^\s\"\\]*)[ \t]*(.*)$", line)
            name, rest = (found[1], found[2]) if found else ("", "")
            if not name and not (until == "." and line.startswith("..")):
                continue
        if until:
            until = "" if name == until or (until == "." and line.startswith("..")) else until
            continue
        if name in _SKIPPED:
            until = _SKIPPED[name]
        if name in _BREAKS or name in _SKIPPED or (not name and not line.strip()):
            paragraphs.append(" ".join(words))
            words = []
            if name in _TEXT_BREAKS:
                paragraphs.append(_roff_arguments(rest, " "))
        elif name in _FONTS:
            words.append(_roff_arguments(rest, "" if len(name) == 2 and name[0] != "S" else " "))
        elif not name:
            words.append(_ROFF_ESCAPE.sub(_roff_escape, rest))
        elif name[0].isupper() and name[1:].islower():  # an mdoc macro: its text without the macros
            words.append(re.sub(r"\b[A-Z][a-z]\b ?", "", _roff_arguments(rest, " ")))
    paragraphs.append(" ".join(words))
    return [text for text in paragraphs if text.strip()]


def _roff_arguments(text: str, glue: str) -> str:
    arguments = [quoted or plain for quoted, plain in _ROFF_ARGUMENT.findall(text)]
    return _ROFF_ESCAPE.sub(_roff_escape, glue.join(arguments))


_DOCBOOK_BLOCKS = {"para", "simpara", "title", "term", "member"}
_DOCBOOK_SKIPPED = {
    "programlisting",
    "screen",
    "bookinfo",
    "articleinfo",
    "indexterm",
    "literallayout",
}


def _local(element: etree._Element) -> str:
    if not isinstance(element.tag, str):
        return ""
    return re.sub(r"^(?:\{.*\})?(?:[^:]*:)?", "", element.tag)  # undeclared prefixes stay in tags


def docbook_paragraphs(data: bytes) -> list[str]:
    """Return the paragraphs and titles of a DocBook manual; an unknown entity is spelled by its name."""
    data = re.sub(rb"&(?!amp;|lt;|gt;|quot;|apos;|#)([\w.-]+);", rb"\1", data)
    parser = etree.XMLParser(
        recover=True, load_dtd=False, resolve_entities=False, remove_comments=True, remove_pis=True,
        huge_tree=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return []
    paragraphs: list[str] = []
    if root is not None:
        _walk_docbook(root, paragraphs)
    return paragraphs


def _walk_docbook(element: etree._Element, paragraphs: list[str]) -> None:
    for child in element:
        name = _local(child)
        if name in _DOCBOOK_SKIPPED:
            continue
        nested = any(_local(inner) in _DOCBOOK_BLOCKS for inner in child.iterdescendants())
        if name in _DOCBOOK_BLOCKS and not nested:
            paragraphs.append("".join(map(str, child.itertext())))
        else:
            _walk_docbook(child, paragraphs)


def package_descriptions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield `(package, paragraphs)` for each stanza of a Debian Translation index."""
    for stanza in text.split("\n\n"):
        package = re.search(r"^Package: (\S+)$", stanza, re.MULTILINE)
        description = re.search(r"^Description-(?!md5)\w+: (.*)((?:\n .*)*)", stanza, re.MULTILINE)
        if package and description:
            body = re.sub(r"^ ", "", description[2].strip("\n"), flags=re.MULTILINE)
            parts = re.split(r"\n\.(?:\n|$)|\n(?=\s+[-*•+o] )", body)
            yield package[1], [description[1], *(re.sub(r"^\s*[-*•+o] ", "", x) for x in parts)]
