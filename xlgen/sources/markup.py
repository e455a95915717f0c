"""Read help pages as blocks: Mallard pages (GNOME) and HTML made from LibreOffice help or DocBook.

Pure functions of a page's bytes. Damaged markup gives what could be read, never an exception.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lxml import etree, html

Kind = Literal["heading", "text", "code", "description"]

EAST_ASIAN = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
EAST_ASIAN_GAP = re.compile(f"(?<={EAST_ASIAN}) (?={EAST_ASIAN})")
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]")

# What surrounds the text of a page, and in LibreOffice's help the menu paths shared by many pages.
HTML_NAVIGATION = frozenset(
    {"navheader", "navfooter", "toc", "docnav", "relatedtopics", "howtoget", "icontable"}
)
HTML_SKIPPED = frozenset({"script", "style", "nav", "footer", "header", "aside", "template"})
HTML_PARTS = frozenset({"p", "pre", "dt", "dd", "td", "th", "li", "caption"})
HTML_HEADINGS = {f"h{level}": level for level in range(1, 7)}
HTML_CODE = frozenset({"bascode", "pycode", "sqlcode"})
SWITCHES = frozenset({"switch", "switchinline"})
HEADING_NUMBER = re.compile(r"^(?:[A-Z]|\d+)(?:\.\d+)*\.\s+(?=\S)")

MALLARD_SKIPPED = frozenset({"info", "media", "links", "comment", "else"})
MALLARD_SEPARATORS = {"guiseq": " ▸ ", "keyseq": "+"}  # as GNOME's help viewer shows them


@dataclass(frozen=True)
class Block:
    """A heading (`level` 1 is the page's) or a paragraph (`level` 0) of a page."""

    level: int
    kind: Kind
    text: str


@dataclass
class Section:
    """A heading with the running text right below it and the sections inside it."""

    heading: str
    level: int
    paragraphs: list[str] = field(default_factory=list)
    sections: list["Section"] = field(default_factory=list)

    def body(self) -> list[str]:
        """Return all running text of the section, in order, without any heading."""
        return self.paragraphs + [text for section in self.sections for text in section.body()]


def normalise(text: str) -> str:
    """Return text in NFC, on one line, without invisible characters or gaps in Chinese, Japanese.

    >>> normalise(" 保存\\n文件。  OK ")
    '保存文件。 OK'
    """
    plain = INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return EAST_ASIAN_GAP.sub("", " ".join(plain.split()))


def read_mallard(content: bytes) -> list[Block]:
    """Return the blocks of a Mallard page; none when it is not one."""
    parser = etree.XMLParser(
        recover=True, load_dtd=False, no_network=True, resolve_entities=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return []
    if root is None or _local_name(root) != "page":
        return []
    description = next(
        (
            x
            for info in root
            if _local_name(info) == "info"
            for x in info
            if _local_name(x) == "desc"
        ),
        None,
    )
    found = [] if description is None else [Block(0, "description", _mallard_text(description))]
    found.extend(_mallard_blocks(root, 1))
    return [block for block in found if block.text]


def read_html(content: bytes) -> list[Block]:
    """Return the blocks of an HTML help page, without its navigation.

    Of LibreOffice's variants by system or application the default one is kept.
    """
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(content, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return []
    area = root.find(".//div[@id='DisplayArea']")  # LibreOffice's; other pages are all text
    body = root.find("body") if area is None else area
    if body is None:
        return []
    for line_break in body.iter("br"):
        line_break.tail = f" {line_break.tail or ''}"
    return [block for block in _html_blocks(body) if block.text]


def make_sections(blocks: list[Block]) -> Section:
    """Return the tree of a page's sections; its root stands for the page and has no heading."""
    root = Section("", 0)
    path = [root]
    for block in blocks:
        if block.kind == "heading":
            while path[-1].level >= block.level:
                path.pop()
            section = Section(block.text, block.level)
            path[-1].sections.append(section)
            path.append(section)
        elif block.kind == "text":
            path[-1].paragraphs.append(block.text)
    return root


def _mallard_blocks(element: etree._Element, level: int) -> Iterator[Block]:
    for child in element:
        name = _local_name(child)
        if name == "title":
            is_heading = _local_name(element) in ("page", "section")
            yield Block(
                level if is_heading else 0,
                "heading" if is_heading else "text",
                _mallard_text(child),
            )
        elif name == "p":
            yield Block(0, "text", _mallard_text(child))
        elif name in ("code", "screen"):
            yield Block(0, "code", _mallard_text(child))
        elif name not in MALLARD_SKIPPED:
            yield from _mallard_blocks(child, level + (name == "section"))


def _mallard_text(element: etree._Element) -> str:
    return normalise("".join(_mallard_pieces(element)))


def _mallard_pieces(element: etree._Element) -> Iterator[str]:
    separator = MALLARD_SEPARATORS.get(_local_name(element))
    if separator is not None:
        yield separator.join(normalise("".join(_mallard_pieces(child))) for child in element)
        return
    yield element.text or ""
    for child in element:
        yield from _mallard_pieces(child)
        yield child.tail or ""


def _html_blocks(element: html.HtmlElement) -> Iterator[Block]:
    """Yield blocks below an element: a part without parts inside is one block."""
    for child in _html_children(element):
        if child.tag in HTML_HEADINGS:
            yield _html_heading(child)
        elif child.tag == "pre" or child.get("class") in HTML_CODE:
            yield Block(0, "code", normalise(child.text_content()))
        elif _is_part(child) and not any(_is_block(inner) for inner in child.iterdescendants()):
            yield Block(0, "text", normalise("".join(_html_pieces(child))))
        else:
            yield from _html_blocks(child)


def _html_heading(element: html.HtmlElement) -> Block:
    text = HEADING_NUMBER.sub("", normalise("".join(_html_pieces(element))))
    parent = element.getparent()
    boxed = parent is not None and parent.get("class") in ("sidebar", "figure", "example")
    return Block(0, "text", text) if boxed else Block(HTML_HEADINGS[element.tag], "heading", text)


def _html_children(element: html.HtmlElement) -> list[html.HtmlElement]:
    """Return the elements that are shown: no navigation, and of a switch only one variant."""
    children = [
        child
        for child in element
        if isinstance(child.tag, str)
        and child.tag not in HTML_SKIPPED
        and child.get("class") not in HTML_NAVIGATION
    ]
    if element.get("class") in SWITCHES and children:
        default = (child for child in children if (child.get("id") or "").startswith("default"))
        return [next(default, children[0])]
    return children


def _html_pieces(element: html.HtmlElement) -> Iterator[str]:
    yield element.text or ""
    shown = set(_html_children(element))
    for child in element:
        if child in shown:
            yield from _html_pieces(child)
        yield child.tail or ""


def _is_part(element: html.HtmlElement) -> bool:
    return element.tag in HTML_PARTS or element.get("class") == "para"


def _is_block(element: html.HtmlElement) -> bool:
    return _is_part(element) or element.tag in HTML_HEADINGS or element.tag in ("div", "table")


def _local_name(element: etree._Element) -> str:
    if not isinstance(element.tag, str):
        return ""
    return re.sub(r"^(?:\{.*\})?(?:[^:]*:)?", "", element.tag)  # undeclared prefixes stay in tags
