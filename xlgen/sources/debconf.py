"""Make short pairs out of debconf templates: what a package asks when it is installed.

A template has a one-line short description and a longer one, translated by Debian's teams into all
eighteen languages. The pair is long text -> short line; the template's name makes it parallel.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlgen.progress import progress
from xlgen.sources.debian import Archive, Package, read_control_members, read_link, read_members
from xlgen.sources.licences import Copyright, copyright_path, deb822, read_copyright
from xlgen.sources.markup import normalise
from xlgen.sources.pages import FOLDERS, Source
from xlgen.sources.pairs import LEAST_IDENTIFIED, Pair, identified_share, identify, is_translated

LARGEST_PACKAGE = (
    5_000_000  # bytes; larger ones hold hardly any templates and fetching them takes long
)
SHORTEST_ARTICLE = 60  # characters of the English long description
SHORTEST_SUMMARY = 12
FIELD = re.compile(r"Description(?:-([\w@]+)\.UTF-8)?")
VARIABLE = "${"  # filled in when the question is asked
VARIABLES = re.compile(r"[\s\d\W]*(?:\$\{\w+\}[\s\d\W]*)+")  # a paragraph of nothing else

# Licences that let us pass texts on; a package under any other stays out.
REDISTRIBUTABLE = re.compile(
    r"(?:A|L)?GPL|GFDL|MPL|MIT|Expat|X11|BSD|Apache|Artistic|Perl|CC0|CC-BY|ISC|zlib|PSF|Python|"
    r"public-domain|EPL|EUPL|ZPL|WTFPL|AFL|QPL|PostgreSQL|OpenLDAP|IBM|CPL|CDDL|permissive",
    re.I,
)
FORBIDDING = re.compile(r"non-?commercial|-NC|non-?free|no-?deriv|-ND\b", re.I)


@dataclass(frozen=True)
class Template:
    """A template's descriptions: for each language code the short line and the paragraphs."""

    name: str
    descriptions: dict[str, tuple[str, tuple[str, ...]]]


def read_debconf(archive: Archive) -> tuple[list[Pair], list[Source]]:
    """Fetch the packages that ask questions, and return their pairs and where they came from."""
    names = sorted(
        package.name
        for package in archive.packages.values()
        if re.search(r"\bdebconf\b", package.depends) and package.size < LARGEST_PACKAGE
    )
    pairs: dict[tuple[str, str], Pair] = {}
    sources: list[Source] = []
    for name, deb in progress(sorted(archive.download(names).files.items()), "Reading templates"):
        package = archive.packages[name]
        stated = _copyright(archive, deb, package)
        if not _may_ship(stated.licence):
            continue
        found = [
            x
            for t in read_templates(_templates(deb))
            for x in make_pairs(t, package, stated=stated)
        ]
        new = {(x.document, x.language): x for x in found if (x.document, x.language) not in pairs}
        pairs.update(new)
        if new:
            sources.append(Source(name, package.version, stated.licence, stated.holders))
    return list(pairs.values()), sources


def read_templates(text: str) -> Iterator[Template]:
    """Yield the templates of a `templates` file with the descriptions in our languages.

    The preferred variety of a language wins: Brazilian before European Portuguese.
    """
    for fields in deb822(text):
        ranked: dict[str, tuple[int, str]] = {}
        for field, value in fields.items():
            match = FIELD.fullmatch(field)
            language, rank = FOLDERS.get(match[1] or "C", ("", 0)) if match else ("", 0)
            if language and (language not in ranked or rank < ranked[language][0]):
                ranked[language] = (rank, value)
        if "Template" in fields:
            descriptions = {code: _description(value) for code, (_, value) in ranked.items()}
            yield Template(fields["Template"], descriptions)


def make_pairs(template: Template, package: Package, *, stated: Copyright) -> Iterator[Pair]:
    """Yield the pairs of a template in English and in the languages it is truly translated to."""
    short, long = template.descriptions.get("en", ("", ()))
    if len(" ".join(long)) < SHORTEST_ARTICLE or len(short) < SHORTEST_SUMMARY or VARIABLE in short:
        return
    for language, (line, paragraphs) in sorted(template.descriptions.items()):
        is_original = language == "en"
        article = [x for x in paragraphs if is_original or all(is_translated(x, y) for y in long)]
        is_told = is_original or is_translated(line, short)
        if line and is_told and _is_in_language(article, paragraphs, language):
            yield Pair(
                f"debconf/{template.name}", "question", "description", language, tuple(article),
                (line,), package.name, stated.licence,
                1 - sum(map(len, article)) / sum(map(len, paragraphs)),
            )  # fmt: skip


def _is_in_language(article: Sequence[str], paragraphs: Sequence[str], language: str) -> bool:
    """Say whether the article is whole, and in its language by paragraph and altogether."""
    return (
        len(article) == len(paragraphs) > 0
        and identify("\n".join(article)) == language
        and identified_share(article, language=language) >= LEAST_IDENTIFIED
    )


def _description(value: str) -> tuple[str, tuple[str, ...]]:
    """Return the short line and the paragraphs: ` .` parts them, deeper lines stand by themselves."""
    first, *lines = value.split("\n")
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == ".":
            paragraphs.append([])
        elif line.startswith("  "):
            paragraphs.append([line])
        else:
            paragraphs[-1].append(line)
    texts = (normalise(" ".join(part)) for part in paragraphs)
    return normalise(first), tuple(x for x in texts if x and not VARIABLES.fullmatch(x))


def _templates(deb: Path) -> str:
    members = read_control_members(deb, lambda name: name == "templates")
    return "\n\n".join(member.text for member in members)


def _copyright(archive: Archive, deb: Path, package: Package) -> Copyright:
    """Read the package's copyright file, in the sibling package that its folder may point to."""
    path = copyright_path(package.name)
    for member in read_members(deb, lambda name: name == path):
        return read_copyright(member.text, "debian/templates")
    sibling = (read_link(deb, str(Path(path).parent)) or "").rsplit("/", 1)[-1]
    path = copyright_path(sibling)
    for file in archive.download([sibling]).files.values():
        for member in read_members(file, lambda name: name == path):
            return read_copyright(member.text, "debian/templates")
    return Copyright("", "")


def _may_ship(licence: str) -> bool:
    return REDISTRIBUTABLE.search(licence) is not None and FORBIDDING.search(licence) is None
