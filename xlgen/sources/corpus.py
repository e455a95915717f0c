"""Build the pretraining text of eighteen languages out of Debian packages: documents of paragraphs.

What a package holds is read by `texts`, what is kept is decided by `filters`. The same packages give
the same files.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from xlgen.languages import LANGUAGES
from xlgen.progress import progress
from xlgen.sources.debian import Archive, sha256_of
from xlgen.sources.filters import Identifier, ParagraphFilter, paragraph_key
from xlgen.sources.held_out import HELD_OUT_FILES, held_out_texts
from xlgen.sources.rows import Row, jsonl_rows
from xlgen.sources.texts import DESCRIPTIONS, SOURCES, Document, read_cached, read_documents

# Sources whose pages become data sets, and how `pages` begins the names of such documents.
HELP_SOURCES = {"libreoffice-help": "libreoffice", "mallard": "gnome"}

# Debian's codes in the names of packages with one language each.
_HELP = "cs de en-us es fr hi id it ja ko nl pt pt-br ru tr vi zh-cn".split()  # noqa: SIM905
_MESSAGES = "ar cs de es fr hi id it ja ko nl pt pt-br ru th tr vi zh-cn".split()  # noqa: SIM905
_MOZILLA = "ar cs de es-es fr hi-in id it ja ko nl pt-br pt-pt ru th tr vi zh-cn".split()  # noqa: SIM905
_REFERENCE = "en de es fr id it ja pt pt-br zh-cn".split()  # noqa: SIM905
_GIMP = "cs de en es fr it ja ko nl pt pt-br ru zh-cn".split()  # noqa: SIM905
_MANUAL_PAGES = "cs de es fr id it ja nl pt-br ru tr vi zh".split()  # noqa: SIM905
NAMED_PACKAGES = (
    *(f"libreoffice-help-{code}" for code in _HELP),
    *(f"libreoffice-l10n-{code}" for code in _MESSAGES),
    *(f"firefox-esr-l10n-{code}" for code in _MOZILLA),
    *(f"thunderbird-l10n-{code}" for code in _MOZILLA),
    *(f"debian-reference-{code}" for code in _REFERENCE),
    *(f"gimp-help-{code}" for code in _GIMP),
    *("manpages", "manpages-dev", *(f"manpages-{code}" for code in _MANUAL_PAGES)),
    *(f"manpages-{code}-dev" for code in _MANUAL_PAGES),
    *(
        "debian-handbook",
        "installation-guide-amd64",
        "mediawiki",
        "mediawiki-classes",
        "wordpress-l10n",
        "man-db",
    ),
    *("cinnamon-l10n", "gnupg-l10n", "kdevelop-l10n", "krita-l10n", "libvirt-l10n", "vlc-l10n"),
)
HELP_FOLDER = "usr/share/help/"
# Packages with messages in a language of little text; the others' text comes along.
SCARCE_FOLDERS = tuple(f"usr/share/locale/{code}/LC_MESSAGES/" for code in ("ar", "hi", "th"))
# Larger packages are mostly pictures and programs: the most bytes of one with manuals, with messages.
LARGEST_MANUAL, LARGEST_MESSAGES = 20_000_000, 5_000_000


def corpus_packages(archive: Archive) -> list[str]:
    """Return the names of the packages to read, sorted."""
    packages = archive.packages
    limits = {HELP_FOLDER: LARGEST_MANUAL} | dict.fromkeys(SCARCE_FOLDERS, LARGEST_MESSAGES)
    chosen = {name for name in NAMED_PACKAGES if name in packages}
    for folder, limit in limits.items():
        for name in archive.packages_holding(folder):
            if name in packages and packages[name].size <= limit:
                chosen.add(name)
    return sorted(chosen)


def build_corpus(
    *, cache: Path, out: Path, held_out: Path | None = None, workers: int = 1
) -> dict[str, Any]:
    """Fetch, read and write the corpus; return what its `statistics.json` holds.

    `held_out` is the folder of the data sets whose validation and test text must not occur, by default
    the packaged ones. Some 1.6 GB are fetched into the cache and read in half an hour of one core; a
    run that was cut off goes on.
    """
    if held_out is None:
        with as_file(files("xlgen") / "assets") as folder:
            return build_corpus(cache=cache, out=out, held_out=folder, workers=workers)
    forbidden = read_held_out(held_out)
    archive = Archive(cache)
    downloads = archive.download(corpus_packages(archive))
    inputs = [*downloads.files.values(), *archive.index_files("Translations")]
    with ProcessPoolExecutor(workers) as pool:
        read = pool.map(partial(read_cached, cache=cache), inputs)
        readings = list(progress(read, "Reading packages", total=len(inputs)))
    statistics = write_corpus(readings, out, held_out=forbidden, workers=workers)
    licences: defaultdict[str, list[str]] = defaultdict(list)
    for source in (*SOURCES, DESCRIPTIONS):
        if source.licence not in licences[source.name]:
            licences[source.name].append(source.licence)
    facts = {"licences": dict(licences), "languages": statistics}
    _write_json(out / "statistics.json", facts)
    _write_json(
        out / "manifest.json",
        {
            "inputs": {path.name: sha256_of(path) for path in sorted(inputs)},
            "files": {
                path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
                for path in [*sorted(out.glob("*.txt")), out / "statistics.json"]
            },
        },
    )
    return facts


def corpus_table(statistics: dict[str, dict[str, dict[str, int]]]) -> str:
    """Return a Markdown table of a corpus: million characters by language and source.

    >>> print(corpus_table({"th": {"messages": {"characters": 2_300_000, "bytes": 6_900_000}}}))
    | language | MB | all | messages |
    | --- | ---: | ---: | ---: |
    | th | 6.9 | 2.30 | 2.30 |
    """
    sources = sorted({source for counts in statistics.values() for source in counts})
    rows = [
        ["language", "MB", "all", *sources],
        ["---", *["---:"] * (len(sources) + 2)],
    ]
    for language, counts in statistics.items():
        characters = {source: count["characters"] for source, count in counts.items()}
        size = sum(count["bytes"] for count in counts.values())
        shown = [sum(characters.values()), *(characters.get(source, 0) for source in sources)]
        millions = [f"{number / 1e6:.2f}" if number else "" for number in shown]
        rows.append([language, f"{size / 1e6:.1f}", *millions])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


@dataclass(frozen=True)
class HeldOut:
    """What must not be pretrained on: whole pages in every language, and single paragraphs."""

    documents: frozenset[str] = frozenset()  # by the names that `pages` gives help pages
    paragraphs: frozenset[int] = frozenset()  # by `paragraph_key`

    def has(self, document: Document) -> bool:
        """Say whether the document is a held-out page, in whatever language."""
        prefix = HELP_SOURCES.get(document.source)
        return f"{prefix}/{document.page.rpartition('.')[0]}" in self.documents


def read_held_out(folder: Path) -> HeldOut:
    """Return the documents and all text of the validation and test files below `folder`."""
    names = {
        row.values["document"]
        for file in HELD_OUT_FILES
        for path in sorted(folder.rglob(file))
        for row in jsonl_rows(path)
        if isinstance(row, Row)
    }
    keys = map(paragraph_key, held_out_texts(folder))
    return HeldOut(frozenset(names), frozenset(key for key in keys if key != _NO_KEY))


_NO_KEY = paragraph_key("")


def write_corpus(
    readings: Collection[Path],
    out: Path,
    *,
    held_out: HeldOut,
    workers: int = 1,
) -> dict[str, dict[str, dict[str, int]]]:
    """Write `<out>/<language>.txt` and return its statistics by language and source.

    Held-out documents are left out, and so is every paragraph of theirs wherever else it stands, and
    every held-out paragraph. Paragraphs that also stand in an English
    document count as untranslated and are left out of the other languages.
    """
    out.mkdir(parents=True, exist_ok=True)
    forbidden = set(held_out.paragraphs)
    english: set[int] = set()
    for document in read_documents(readings):
        if held_out.has(document):
            forbidden.update(map(paragraph_key, document.paragraphs))
        elif document.language == "en":
            english.update(map(paragraph_key, document.paragraphs))
    write = partial(_write_language, readings, out, held_out, forbidden, english)
    with ProcessPoolExecutor(workers) as pool:
        written = progress(pool.map(write, LANGUAGES), "Writing text", total=len(LANGUAGES))
        return dict(zip(LANGUAGES, written, strict=True))


def _write_language(
    readings: Collection[Path],
    out: Path,
    held_out: HeldOut,
    forbidden: set[int],
    english: set[int],
    language: str,
) -> dict[str, dict[str, int]]:
    path = out / f"{language}.txt"
    refused = forbidden if language == "en" else forbidden | english
    chosen = ParagraphFilter(language, identifier=Identifier(), forbidden=refused)
    documents = (x for x in read_documents(readings, language) if not held_out.has(x))
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        for document in documents:
            paragraphs = chosen.kept(document.paragraphs)
            if paragraphs:
                file.write("\n".join(paragraphs) + "\n\n")
                counts[document.source].update(_counted(paragraphs))
    unfinished.replace(path)
    return {source: dict(count) for source, count in sorted(counts.items())}


def _counted(paragraphs: list[str]) -> dict[str, int]:
    return {
        "documents": 1,
        "paragraphs": len(paragraphs),
        "characters": sum(map(len, paragraphs)),
        "bytes": sum(len(text.encode()) for text in paragraphs),
    }


def remove_paragraphs(corpus_folder: Path, keys: Collection[int]) -> dict[str, int]:
    """Take paragraphs out of a written corpus by `paragraph_key`; return how many, by language."""
    removed = {}
    for path in sorted(corpus_folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        documents = [document.split("\n") for document in text.split("\n\n") if document]
        kept = [[x for x in document if paragraph_key(x) not in keys] for document in documents]
        removed[path.stem] = sum(map(len, documents)) - sum(map(len, kept))
        if removed[path.stem]:
            unfinished = path.with_suffix(".part")
            unfinished.write_text("".join("\n".join(x) + "\n\n" for x in kept if x))
            unfinished.replace(path)
    return removed
