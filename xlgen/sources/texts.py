"""Read documents out of Debian packages: manuals, manual pages, catalogues, package descriptions.

Each package is read once; its documents are kept in the cache, so a build that was cut off goes on.
"""

import bz2
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xlgen.languages import ALIASES, LANGUAGES
from xlgen.sources.catalogues import (
    Message,
    clean_message,
    read_fluent,
    read_mediawiki,
    read_mo,
    read_properties,
)
from xlgen.sources.debian import read_members, sha256_of
from xlgen.sources.filters import clean_paragraph
from xlgen.sources.manuals import docbook_paragraphs, package_descriptions, roff_paragraphs
from xlgen.sources.markup import Block, read_html, read_mallard

# Raise when a reader changes what it gives: readings with another number are made again.
READERS = 2


@dataclass(frozen=True)
class Document:
    """Paragraphs of one page, catalogue or description, in their order."""

    language: str
    source: str
    page: str  # the page's path below its language's folder: the same in every language
    paragraphs: list[str]


@dataclass(frozen=True)
class Source:
    """Files of one kind: where they lie in packages (`language` and `page` groups) and their reader."""

    name: str
    path: str
    read: Callable[[bytes], list[str]]
    licence: str


def _messages(reader: Callable[[bytes], Iterator[Message]]) -> Callable[[bytes], list[str]]:
    def read(data: bytes) -> list[str]:
        return [
            paragraph
            for original, translation in reader(data)
            if original != translation
            for paragraph in clean_message(translation)
        ]

    return read


def _blocks(reader: Callable[[bytes], list[Block]]) -> Callable[[bytes], list[str]]:
    def read(data: bytes) -> list[str]:
        return [block.text for block in reader(data) if block.kind != "code"]

    return read


def _language_pack(data: bytes) -> list[str]:
    """Read the Fluent and properties files of a Mozilla language pack (a zip archive)."""
    readers = {".ftl": _messages(read_fluent), ".properties": _messages(read_properties)}
    with zipfile.ZipFile(io.BytesIO(data)) as pack:
        names = sorted(name for name in pack.namelist() if Path(name).suffix in readers)
        return [text for name in names for text in readers[Path(name).suffix](pack.read(name))]


def _unpacked(read: Callable[[bytes], list[str]]) -> Callable[[bytes], list[str]]:
    def read_compressed(data: bytes) -> list[str]:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        elif data[:3] == b"BZh":
            data = bz2.decompress(data)
        return read(data)

    return read_compressed


_EACH = "the licence of each package, see its copyright file"
_LANGUAGE = r"(?P<language>[A-Za-z]+(?:[_-][A-Za-z]+)?)"

SOURCES = (
    Source(
        "libreoffice-help",
        rf"usr/share/libreoffice/help/{_LANGUAGE}/text/(?P<page>.+\.html)",
        _blocks(read_html),
        "MPL-2.0",
    ),
    Source(
        "mallard",
        rf"usr/share/help/{_LANGUAGE}/(?P<page>.+\.page)",
        _blocks(read_mallard),
        "CC-BY-SA-3.0, GFDL or GPL, per package",
    ),
    Source(
        "docbook",
        rf"usr/share/help/{_LANGUAGE}/(?P<page>.+\.(?:docbook|xml))",
        docbook_paragraphs,
        "GFDL or GPL, per package",
    ),
    Source(
        "kde",
        rf"usr/share/doc/HTML/{_LANGUAGE}/(?P<page>.+)/index\.cache\.bz2",
        _unpacked(_blocks(read_html)),
        "GFDL or GPL, per package",
    ),
    Source(
        "gimp-help",
        rf"usr/share/gimp/2.0/help/{_LANGUAGE}/(?P<page>[^/]+\.html)",
        _blocks(read_html),
        "GFDL-1.2+",
    ),
    Source(
        "debian-books",
        rf"usr/share/doc/debian-handbook/html/{_LANGUAGE}/(?P<page>[^/]+\.html)",
        _blocks(read_html),
        "GPL-2+ or CC-BY-SA-3.0",
    ),
    Source(
        "debian-books",
        rf"usr/share/doc/installation-guide-amd64/{_LANGUAGE}/(?P<page>[^/]+\.html)",
        _blocks(read_html),
        "GPL-2",
    ),
    Source(
        "debian-books",
        rf"usr/share/debian-reference/(?P<page>\w+)\.{_LANGUAGE}\.html(?:\.gz)?",
        _unpacked(_blocks(read_html)),
        "GPL-2+",
    ),
    Source(
        "manual-pages",
        rf"usr/share/man/(?:{_LANGUAGE}(?:\.UTF-8)?/)?man\d/(?P<page>[^/]+)\.gz",
        _unpacked(roff_paragraphs),
        _EACH,
    ),
    Source(
        "libreoffice-messages",
        rf"usr/lib/libreoffice/program/resource/{_LANGUAGE}/LC_MESSAGES/(?P<page>.+)\.mo",
        _messages(read_mo),
        "MPL-2.0",
    ),
    Source(
        "messages",
        rf"usr/share/locale/{_LANGUAGE}/LC_MESSAGES/(?P<page>.+)\.mo",
        _messages(read_mo),
        _EACH,
    ),
    Source(
        "wordpress",
        rf"usr/share/wordpress/wp-content/languages/(?P<page>(?:.+-)??){_LANGUAGE}\.mo",
        _messages(read_mo),
        "GPL-2+",
    ),
    Source(
        "mediawiki",
        rf"usr/share/mediawiki/(?P<page>.+)/i18n/(?:[a-z]+/)?{_LANGUAGE}\.json",
        _messages(read_mediawiki),
        "GPL-2+",
    ),
    Source(
        "mozilla",
        rf"usr/lib/(?P<page>[a-z-]+)/.*langpack-{_LANGUAGE}@[\w-]+(?:\.mozilla\.org)?\.xpi",
        _language_pack,
        "MPL-2.0",
    ),
)
DESCRIPTIONS = Source("descriptions", "", lambda data: [], _EACH)

# Folder names that mean one of WikiLingua's languages; regional spellings beyond these repeat the same text.
_FOLDERS = {
    **{code: code for code in LANGUAGES},
    **{name: code for name, code in ALIASES.items() if code in LANGUAGES},
    "c": "en",
    "ar-ma": "ar",
}
_FOLDERS.pop("en-gb")


def folder_language(name: str | None) -> str | None:
    """Return the language of a folder name, or None for one that we do not take.

    >>> folder_language("pt_BR"), folder_language("C"), folder_language("zh_TW")
    ('pt', 'en', None)
    """
    return _FOLDERS.get((name or "en").lower().replace("_", "-"))


_PATHS = [(source, re.compile(source.path)) for source in SOURCES]


def _matching(name: str) -> tuple[Source, str, str] | None:
    for source, pattern in _PATHS:
        found = pattern.fullmatch(name)
        if found:
            language = folder_language(found["language"])
            return (source, language, found["page"]) if language else None
    return None


def read_package(deb: Path) -> Iterator[Document]:
    """Yield the documents of a package, in the order of their sources, pages and languages."""
    documents = []
    for member in read_members(deb, lambda name: _matching(name) is not None):
        found = _matching(member.name)
        assert found is not None
        source, language, page = found
        paragraphs = _cleaned(source.read(member.content), language)
        if paragraphs:
            documents.append(Document(language, source.name, page, paragraphs))
    yield from sorted(documents, key=lambda x: (x.source, x.page, x.language, x.paragraphs))


def read_descriptions(index: Path) -> Iterator[Document]:
    """Yield the package descriptions of an apt Translation index, one document a package."""
    language = folder_language(
        index.name.removesuffix(".gz").split("Translation-")[-1].replace("%5f", "_")
    )
    if language is None:
        return
    content = index.read_bytes()
    text = gzip.decompress(content) if index.suffix == ".gz" else content
    for package, paragraphs in package_descriptions(text.decode("utf-8", "replace")):
        yield Document(language, DESCRIPTIONS.name, package, _cleaned(paragraphs, language))


def _cleaned(paragraphs: Iterable[str], language: str) -> list[str]:
    cleaned = (clean_paragraph(text, language=language) for text in paragraphs)
    return [text for text in cleaned if text]


def read_cached(file: Path, *, cache: Path) -> Path:
    """Read a package or index once; return the file of its documents, one JSON list a line."""
    # A package's name holds its version; an index keeps its name when its content changes.
    name = file.name if file.suffix == ".deb" else f"{file.name}-{sha256_of(file)[:12]}"
    target = cache / "read" / str(READERS) / f"{name}.jsonl.gz"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        documents = read_package(file) if file.suffix == ".deb" else read_descriptions(file)
        unfinished = target.with_suffix(".part")
        with gzip.open(unfinished, "wt", compresslevel=1, encoding="utf-8") as lines:
            for x in documents:
                row = [x.language, x.source, x.page, x.paragraphs]
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        unfinished.replace(target)
    return target


def read_documents(readings: Iterable[Path], language: str | None = None) -> Iterator[Document]:
    """Yield the documents of cached readings, of one language or all, in a fixed order."""
    start = "" if language is None else json.dumps([language])[:-1] + ","
    for reading in sorted(readings, key=lambda path: path.name):
        with gzip.open(reading, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(start):
                    yield Document(*json.loads(line))
