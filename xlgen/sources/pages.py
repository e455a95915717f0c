"""Find help pages in Debian packages: LibreOffice's help and the Mallard pages of GNOME programs.

A page keeps the identity of its document over all languages, and the licence it is under.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlgen.languages import LANGUAGES
from xlgen.progress import progress
from xlgen.sources.debian import Archive, Member, Package, read_members
from xlgen.sources.licences import Copyright, copyright_path, read_copyright
from xlgen.sources.markup import Block, read_html, read_mallard

# Folders that hold a language, best first; a later one is read only for pages the first lacks.
# Traditional Chinese is another script than the benchmarks' `zh`, so it is left out.
VARIANTS = {"en": ("C", "en-US"), "pt": ("pt_BR", "pt-BR", "pt"), "zh": ("zh_CN", "zh-CN")}
FOLDERS = {
    folder: (language, rank)
    for language in LANGUAGES
    for rank, folder in enumerate(VARIANTS.get(language, (language,)))
}

LIBREOFFICE_LANGUAGES = (
    "en-us", "cs", "de", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pt-br", "pt", "ru",
    "tr", "vi", "zh-cn",
)  # fmt: skip
LIBREOFFICE = tuple(f"libreoffice-help-{code}" for code in LIBREOFFICE_LANGUAGES)
LIBREOFFICE_PAGE = re.compile(r"usr/share/libreoffice/help/([\w-]+)/text/(.+)\.html")
MALLARD_PAGE = re.compile(r"usr/share/help/([\w@-]+)/(.+)\.page")
MALLARD_LICENCE = re.compile(r"usr/share/help/C/.+\.xml")
MALLARD_FOLDER = "usr/share/help/C/"

# What a Mallard page, or the legal.xml that it includes, says of its own licence.
PAGE_LICENCE = re.compile(rb"<license\b.*?</license>", re.S)
PAGE_INCLUDE = re.compile(r'<(?:\w+:)?include\b[^>]*?href="([\w./-]+\.xml)"')
SHARE_ALIKE = re.compile(
    r"creativecommons\.org/licenses/by-sa/(\d\.\d)"
    r"|(?:CC[- ]BY[- ]SA|(?:Commons|Attribution)[- ]Share[- ]?Alike)[^\d<]{0,20}(\d(?:\.\d)?)",
    re.I,
)


@dataclass(frozen=True)
class Page:
    """One language's version of a help page; `document` names the page in all languages."""

    document: str
    language: str
    rank: int  # 0 for the preferred variety of the language
    package: str
    licence: str
    blocks: list[Block]


@dataclass(frozen=True)
class Source:
    """A package that pages come from, for the attribution."""

    package: str
    version: str
    licence: str
    holders: str


@dataclass(frozen=True)
class Pages:
    """All pages read, and the packages they came from."""

    pages: list[Page]
    sources: list[Source]


def read_pages(archive: Archive) -> Pages:
    """Fetch LibreOffice's help and every package with Mallard pages, and read their pages.

    Mallard pages stay when they are under CC BY-SA by their own words or, where they say nothing,
    by their package's copyright file.
    """
    holding = archive.packages_holding(MALLARD_FOLDER)
    mallard = [name for name, paths in holding.items() if any(x.endswith(".page") for x in paths)]
    files = archive.download([*LIBREOFFICE, *mallard]).files
    pages: list[Page] = []
    sources: list[Source] = []
    for name, deb in progress(sorted(files.items()), "Reading help pages"):
        package = archive.packages[name]
        found = _libreoffice(deb, package) if name in LIBREOFFICE else _mallard(deb, package)
        if found.pages:
            pages.extend(found.pages)
            sources.extend(found.sources)
    return Pages(_preferred(pages), sources)


def mallard_licence(page: bytes, included: dict[str, bytes]) -> str:
    """Return the licence that a Mallard page states itself: `CC-BY-SA-…`, "other", or "" for none.

    `included` holds the XML files that a page may include, by file name.
    """
    text = page.decode("utf-8", errors="replace")
    names = [name.rsplit("/", 1)[-1] for name in PAGE_INCLUDE.findall(text)]
    statements = PAGE_LICENCE.findall(page)
    for name in names:
        statements.extend(PAGE_LICENCE.findall(included.get(name, b"")))
    for statement in statements:
        version = SHARE_ALIKE.search(statement.decode("utf-8", errors="replace"))
        if version is None:
            return "other"
        number = version[1] or version[2]
        return f"CC-BY-SA-{number if '.' in number else number + '.0'}"
    return ""


def _libreoffice(deb: Path, package: Package) -> Pages:
    def wanted(name: str) -> bool:
        return name == copyright_path(package.name) or LIBREOFFICE_PAGE.fullmatch(name) is not None

    members = {member.name: member for member in read_members(deb, wanted)}
    stated = _copyright(members, package, "helpcontent2/source/text/index.xhp")
    pages = []
    for name, member in sorted(members.items()):
        match = LIBREOFFICE_PAGE.fullmatch(name)
        if match and match[1] in FOLDERS:
            language, rank = FOLDERS[match[1]]
            document = f"libreoffice/{match[2]}"
            blocks = read_html(member.content)
            pages.append(Page(document, language, rank, package.name, stated.licence, blocks))
    return Pages(pages, [Source(package.name, package.version, stated.licence, stated.holders)])


def _mallard(deb: Path, package: Package) -> Pages:
    def wanted(name: str) -> bool:
        page = MALLARD_PAGE.fullmatch(name)
        return (
            name == copyright_path(package.name)
            or (page is not None and page[1] in FOLDERS)
            or MALLARD_LICENCE.fullmatch(name) is not None
        )

    members = {member.name: member for member in read_members(deb, wanted)}
    stated = _copyright(members, package, "help/C/index.page")
    licences = dict(_mallard_licences(members, stated.licence))
    pages = []
    for name, member in sorted(members.items()):
        match = MALLARD_PAGE.fullmatch(name)
        if match and match[2] in licences:
            language, rank = FOLDERS[match[1]]
            blocks = read_mallard(member.content)
            licence = licences[match[2]]
            pages.append(Page(f"gnome/{match[2]}", language, rank, package.name, licence, blocks))
    names = ", ".join(sorted(set(licences.values())))
    return Pages(pages, [Source(package.name, package.version, names, stated.holders)])


def _mallard_licences(members: dict[str, Member], stated: str) -> Iterator[tuple[str, str]]:
    """Yield the pages that may be shipped with their licence; the English page decides for all."""
    included = {
        name.rsplit("/", 1)[-1]: member.content
        for name, member in members.items()
        if MALLARD_LICENCE.fullmatch(name)
    }
    version = SHARE_ALIKE.search(stated)
    fallback = f"CC-BY-SA-{version[1] or version[2]}" if version else ""
    fallback = fallback if "." in fallback or not fallback else fallback + ".0"
    for name, member in members.items():
        match = MALLARD_PAGE.fullmatch(name)
        if match and FOLDERS[match[1]] == ("en", 0):
            licence = mallard_licence(member.content, included) or fallback
            if licence.startswith("CC-BY-SA"):
                yield match[2], licence


def _copyright(members: dict[str, Member], package: Package, path: str) -> Copyright:
    member = members.get(copyright_path(package.name))
    return read_copyright(member.text, path) if member else Copyright("", "")


def _preferred(pages: list[Page]) -> list[Page]:
    """Keep one page per document and language: the preferred variety where it exists."""
    best: dict[tuple[str, str], Page] = {}
    for page in pages:
        key = (page.document, page.language)
        if key not in best or page.rank < best[key].rank:
            best[key] = page
    return [best[key] for key in sorted(best)]
