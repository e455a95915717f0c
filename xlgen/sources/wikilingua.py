"""WikiLingua-0: GEM's WikiLingua read as pairs of one language (Vu et al. 2022, section 2.1).

GEM's archives hold for each language lines that pair by number: `thai/val.src.th` and `thai/val.tgt.th`, with
the English of the same articles in `thai/val.src.en` and `thai/val.tgt.en`. Its own task is to summarize in
English (footnote 2); here article and summary are of one language: source_aligned[xx], target_aligned[xx].

Lines keep GEM's ids. Except for training they come in the order of TensorFlow Datasets, whose first 250
validation examples the paper's code takes.
"""

import hashlib
import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlgen.errors import InputError, MissingError
from xlgen.languages import SOURCE
from xlgen.sources.archives import Member, is_archive, read_members
from xlgen.sources.published import NAMES, WIKILINGUA, place_of
from xlgen.sources.readers import HTML_TAG
from xlgen.sources.rows import BadRow, Row, Selection, parquet_rows, text_lines

FILES = {"train": "train", "val": "validation", "test": "test"}  # as files call the splits
_MEMBER = re.compile(r"(?:^|/)([^/]+)/(train|val|test)\.(src|tgt)\.([a-z]{2})$")
_FOLDERS = {name: code for code, name in NAMES.items()} | {code: code for code in NAMES}
_GEM_ID = re.compile(r"wiki_lingua_[a-z]+_[a-z]{2}-(?:train|val|validation|test)-(\d+)")
_SPLIT_NAME = re.compile(r"(?<![a-z_])(train|validation|test)(?![a-z_])")

Sides = dict[str, Member]  # "src" and "tgt" of a language and split; "en", the articles in English
Part = tuple[tuple[str, str], Iterator[Row | BadRow]]  # language and split, and the rows


def wikilingua_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read the zip or tar archives, their unpacked folders, or the hub's Parquet files of WikiLingua."""
    yield from _read(place_of(source), wanted or Selection())


def clean_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read WikiLingua-0 without HTML: tags out of input and target, entities as their characters."""
    for row in _read(place_of(source), wanted or Selection()):
        if isinstance(row, Row):
            texts = {side: without_html(row.values[side]) for side in ("input", "target")}
            row = Row(row.file, row.number, row.values | texts)
        yield row


def without_html(text: str) -> str:
    """Return a text without the tags that are warned of, its entities as characters.

    >>> without_html("Lọc gạo &amp; <b>vo</b> kỹ.<br/>Để ráo; 3 < 5.")
    'Lọc gạo & vo kỹ. Để ráo; 3 < 5.'
    """
    without = re.sub(r"<(?:br|p|li)\b[^<>]*>", " ", text)
    return " ".join(html.unescape(HTML_TAG.sub("", without)).split())


def order_in_tfds(number: int, split: str) -> int:
    """Return the place of a line (from 0) among those of its split in TensorFlow Datasets: a hash.

    The order of examples there is that of MD5(split's name + key), and GEM's keys are the lines' numbers.
    """
    return int(hashlib.md5(f"{split}{number}".encode(), usedforsecurity=False).hexdigest(), 16)


def _read(folder: Path, wanted: Selection) -> Iterator[Row | BadRow]:
    WIKILINGUA.refuse_missing(folder)
    seen: set[tuple[str, str]] = set()
    for key, rows in _parts(folder, wanted):
        if key in seen:
            raise InputError(
                f"{folder}: holds {' '.join(key)} more than once, packed and unpacked or from two sites;"
                " keep one"
            )
        seen.add(key)
        yield from rows
    if not seen:
        raise MissingError(
            f"{folder}: nothing of WikiLingua in {_named(wanted)}; {WIKILINGUA.remedy(folder)}"
        )


def _parts(folder: Path, wanted: Selection) -> Iterator[Part]:
    """Yield each language and split with its rows, archive by archive, so that one is held at a time."""
    for path in sorted(folder.iterdir()):
        if is_archive(path) and _may_hold(path, wanted):
            members = read_members(path, lambda name: _is_wanted(name, wanted))
            yield from _pairs(((f"{path}/{name}", data) for name, data in members), path)
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        lines = [path for path in sorted(place.iterdir()) if _is_wanted(path.as_posix(), wanted)]
        yield from _pairs(((str(path), path.read_bytes()) for path in lines), folder)
    yield from _parquet(folder, wanted)


def _named(wanted: Selection) -> str:
    languages = ", ".join(sorted(wanted.languages or ())) or "any language"
    return f"{languages}, {wanted.split or 'any split'}"


def _language_of(folder: str) -> str | None:
    name = folder.lower().removeprefix("wiki_lingua_")
    for part in (name, *name.split("_")):
        if part in _FOLDERS:
            return _FOLDERS[part]
    return None


def _is_wanted(name: str, wanted: Selection) -> bool:
    match = _MEMBER.search(name)
    if match is None:
        return False
    folder, split, _, code = match.groups()
    language = _language_of(folder)
    if language is None or code not in (language, "en"):
        return False
    is_of_split = wanted.split in (None, FILES[split])
    return is_of_split and (wanted.languages is None or language in wanted.languages)


def _may_hold(path: Path, wanted: Selection) -> bool:
    """Tell whether an archive may hold a wanted language: one that is named for another does not."""
    language = _language_of(path.name.partition(".")[0])
    return language is None or wanted.languages is None or language in wanted.languages


def _pairs(members: Iterator[Member], place: Path) -> list[Part]:
    """Return each language and split with the rows that its files of lines make."""
    found: dict[tuple[str, str], Sides] = {}
    for name, data in members:
        match = _MEMBER.search(name)
        assert match is not None
        folder, split, side, code = match.groups()
        language = _language_of(folder)
        sides = found.setdefault((str(language), split), {})
        if code == language:
            sides[side] = name, data
        elif side == "src":
            sides["en"] = name, data
    for (language, split), sides in found.items():
        for side in ("src", "tgt"):
            if side not in sides:
                raise InputError(
                    f"{place}: {language} lacks {split}.{side}.{language} beside its other files;"
                    " download it again"
                )
    return [
        ((language, FILES[split]), _rows(sides, language, split))
        for (language, split), sides in found.items()
    ]


def _rows(sides: Sides, language: str, split: str) -> Iterator[Row | BadRow]:
    """Yield the lines of one language and split, in TFDS's order unless it is for training."""
    texts = {side: [*text_lines(io.BytesIO(data), name)] for side, (name, data) in sides.items()}
    counts = {side: len(lines) for side, lines in texts.items()}
    if len(set(counts.values())) > 1:
        names = ", ".join(f"{sides[side][0]} has {count:,}" for side, count in counts.items())
        raise InputError(f"lines pair by number, but {names}; download the archive again")
    order: Sequence[int] = range(counts["src"])
    if split != "train":
        order = sorted(order, key=lambda number: order_in_tfds(number, FILES[split]))
    english = texts.get("en", texts["src"] if language == SOURCE else [""] * counts["src"])
    for number in order:
        lines = texts["src"][number], texts["tgt"][number], english[number]
        bad = next((line for line in lines if isinstance(line, BadRow)), None)
        if bad is not None:
            yield replace(bad, language=language, split=FILES[split])
            continue
        article, summary, original = (str(line).strip() for line in lines)
        name = f"wiki_lingua_{NAMES[language]}_{language}-{split}-{number}"
        values = _values(name, language, article, summary, split=FILES[split], document=original)
        yield Row(sides["src"][0], number + 1, values)


def _values(
    name: str, language: str, article: str, summary: str, *, split: str, document: str
) -> dict[str, Any]:
    """Return the fields of a row; translations of one English text are one document."""
    digest = hashlib.sha256(document.encode()).hexdigest()[:16] if document else ""
    return {
        "id": name, "language": language, "input": article, "target": summary, "split": split,
        "document": digest and f"wikihow/{digest}", "source": WIKILINGUA.repository,
        "licence": WIKILINGUA.licence,
    }  # fmt: skip


def _parquet(folder: Path, wanted: Selection) -> list[Part]:
    """Return each language and split of the hub's Parquet files, `<language>/<split>/0000.parquet`."""
    files: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        inner = path.relative_to(folder)
        language = _language_of(inner.parts[0]) if len(inner.parts) > 1 else None
        split = _SPLIT_NAME.search(inner.as_posix())
        if language is None or split is None:
            continue  # a pair of languages, or GEM's samples of a split
        of_language = wanted.languages is None or language in wanted.languages
        if of_language and wanted.split in (None, split[1]):
            if "partial-" in inner.as_posix():
                raise InputError(
                    f"{path}: a part of {language} {split[1]}, the hub did not convert all of it; take"
                    " GEM's archives instead"
                )
            files.setdefault((language, split[1]), []).append(path)
    return [(key, _parquet_part(paths, *key)) for key, paths in files.items()]


def _parquet_part(paths: list[Path], language: str, split: str) -> Iterator[Row | BadRow]:
    rows = [row for path in paths for row in _parquet_file(path, language, split)]
    places = {id(row): _GEM_ID.fullmatch(row.values["id"]) for row in rows if isinstance(row, Row)}
    if split != "train" and all(places.values()):  # GEM 1.1's own ids: TFDS's order can be had
        rows.sort(key=lambda row: order_in_tfds(_number(places.get(id(row))), split))
    yield from rows


def _number(match: re.Match[str] | None) -> int:
    return int(match[1]) if match else -1


def _parquet_file(path: Path, language: str, split: str) -> Iterator[Row | BadRow]:
    """Yield rows of GEM 1.1's form (`source_aligned`, `target_aligned`) or of its later one."""
    for row in parquet_rows(path):
        if isinstance(row, BadRow):
            yield replace(row, language=language, split=split)
            continue
        article, summary, original, wrong = _texts(row.values, language)
        name = row.values.get("gem_id")
        if wrong or not isinstance(name, str):
            reason = wrong or "expected an id in `gem_id`; download the file again"
            yield BadRow(row.file, row.number, reason, language, split)
            continue
        values = _values(name, language, article, summary, split=split, document=original)
        yield Row(row.file, row.number, values)


def _texts(values: dict[str, Any], language: str) -> tuple[str, str, str, str]:
    """Return article, summary and the English article, or as the last what is wrong with a row."""
    pair = [values.get("source_aligned"), values.get("target_aligned")]
    if all(isinstance(texts, dict) for texts in pair):
        article, summary = (str((texts or {}).get(language) or "").strip() for texts in pair)
        return article, summary, str((pair[0] or {}).get(SOURCE) or "").strip(), ""
    found = values.get("source_language"), values.get("target_language")
    if found != (language, language):
        return "", "", "", (
            f"expected article and summary in {language!r}, got {found[0]!r} and {found[1]!r}: GEM's own"
            f" pairs are summarized in English; take the files of {language}/"
        )  # fmt: skip
    article, summary = (str(values.get(side) or "").strip() for side in ("source", "target"))
    return article, summary, article if language == SOURCE else "", ""
