"""Build a data set and write it: compressed JSONL, attribution, statistics, checksums.

The same packages give the same bytes. Every file appears by rename, the manifest last: a folder with
a manifest is whole, and building into it again only checks it.
"""

import json
import lzma
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xlgen.errors import InputError
from xlgen.progress import progress
from xlgen.sources import BUILDERS
from xlgen.sources.debian import Archive, sha256_of
from xlgen.sources.howto import DataSet, make_howto, make_short
from xlgen.sources.pages import Source
from xlgen.sources.parallel import make_parallel

ATTRIBUTION = """\
# Where the text of {name} comes from

Built by `xlgen data build {name}` from the Debian packages below; each record names its package
(`source`) and its licence (`licence`). Changes made: paragraphs and headings were taken out of the
pages' markup, joined into articles and summaries, and left out where they were not translated.
Texts under CC BY-SA may be passed on only under the same licence. The full terms stand in
`/usr/share/doc/PACKAGE/copyright` of each package.

| package | version | licence | copyright |
|---|---|---|---|
"""


def build(name: str, *, cache: Path, out: Path) -> dict[str, Any]:
    """Build a data set into the folder `out` and return its statistics.

    Downloads stay in `cache`, so a run that was cut off continues. A folder that is already whole is
    left as it is; delete it to build anew.
    """
    builder: Callable[..., dict[str, Any]] = BUILDERS[name]
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: expected a folder to write {name} to")
    if (out / "manifest.json").exists():
        damaged = damaged_files(out)
        if not damaged:
            return _read_json(out / "statistics.json")
        raise InputError(f"{out / damaged[0]} is damaged or missing; delete {out} and build again")
    return builder(cache=cache, out=out)


def build_howto(*, cache: Path, out: Path) -> dict[str, Any]:
    """Build `howto0`; fetches about 800 MB of packages."""
    return write_data_set(make_howto(Archive(cache)), out)


def build_short(*, cache: Path, out: Path) -> dict[str, Any]:
    """Build `howto0-short`; fetches about 260 MB of packages."""
    return write_data_set(make_short(Archive(cache)), out)


def build_parallel(*, cache: Path, out: Path) -> dict[str, Any]:
    """Build `parallel`, English with each language of the help pages; fetches what `howto0` does."""
    made = make_parallel(Archive(cache))
    files = {f"{name}.jsonl.xz": records for name, records in made.records.items()}
    return write_files(
        files, out, name="parallel", sources=made.sources, statistics=made.statistics
    )


def write_data_set(data: DataSet, out: Path) -> dict[str, Any]:
    """Write a data set's files to the folder and return its statistics.

    `train.<language>.jsonl.xz` holds one language, `validation` and `test` hold all.
    """
    files: dict[str, list[dict[str, str]]] = {}
    for record in data.records["train"]:
        files.setdefault(f"train.{record['language']}.jsonl.xz", []).append(record)
    files["validation.jsonl.xz"] = data.records["validation"]
    files["test.jsonl.xz"] = data.records["test"]
    return write_files(files, out, name=data.name, sources=data.sources, statistics=data.statistics)


def write_files(
    files: Mapping[str, Sequence[dict[str, str]]],
    out: Path,
    *,
    name: str,
    sources: Sequence[Source],
    statistics: dict[str, Any],
) -> dict[str, Any]:
    """Write records by file name, and what goes with them, the manifest last; return the statistics."""
    out.mkdir(parents=True, exist_ok=True)
    for file, records in progress(sorted(files.items()), "Compressing"):
        _write(out / file, compressed_lines(records))
    _write(out / "ATTRIBUTION.md", attribution(name, sources).encode())
    _write(out / "statistics.json", _json_bytes(statistics))
    written = [*sorted(files), "ATTRIBUTION.md", "statistics.json"]
    manifest = {
        "name": name,
        "files": {
            file: {"sha256": sha256_of(out / file), "bytes": (out / file).stat().st_size}
            for file in written
        },
        "packages": {source.package: source.version for source in sources},
    }
    _write(out / "manifest.json", _json_bytes(manifest))
    return statistics


def compressed_lines(records: Sequence[dict[str, str]]) -> bytes:
    """Return records as JSON lines with sorted keys, compressed to the same bytes every time."""
    lines = (json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n" for record in records)
    return lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)


def damaged_files(folder: Path) -> list[str]:
    """Return the files that are missing or differ from the folder's manifest."""
    files = _read_json(folder / "manifest.json")["files"]
    return [
        name
        for name, entry in sorted(files.items())
        if not (folder / name).exists() or sha256_of(folder / name) != entry["sha256"]
    ]


def attribution(name: str, sources: Sequence[Source]) -> str:
    """Return the attribution that goes with the data, one line per package."""
    lines = (
        f"| {x.package} | {x.version} | {x.licence} | {x.holders.replace('|', '/')[:600]} |\n"
        for x in sources
    )
    return ATTRIBUTION.format(name=name) + "".join(lines)


def statistics_table(statistics: dict[str, Any]) -> str:
    """Return the table of docs/data.md for a data set, from its statistics."""
    lines = [
        "| language | train | validation | test | held-out documents | headings / descriptions "
        "| article | summary | left out | untranslated |",
        "|---" * 10 + "|",
    ]
    for code, row in statistics["languages"].items():
        kinds = f"{row['kinds'].get('headings', 0):,} / {row['kinds'].get('description', 0):,}"
        share = row.get("untranslated_share")
        cells = [
            *(f"{row[key]:,}" for key in ("train", "validation", "test", "held_out_documents")),
            kinds,
            f"{row['article_characters']:,}",
            f"{row['summary_characters']:,}",
            f"{row['left_out_share']:.1%}",
            "–" if share is None else f"{share:.0%}",
        ]
        lines.append(f"| {code} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def licence_table(statistics: dict[str, Any]) -> str:
    """Return how many records of all languages are under each licence, most first."""
    totals: dict[str, int] = {}
    for row in statistics["languages"].values():
        for licence, count in row["licences"].items():
            totals[licence] = totals.get(licence, 0) + count
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return "| licence | records |\n|---|---|\n" + "".join(f"| {x} | {n:,} |\n" for x, n in ordered)


def write_tables(document: Path, folders: Sequence[Path]) -> None:
    """Put the tables of built data sets into a document, between its markers.

    A data set's tables stand between `<!-- statistics NAME -->` and `<!-- end NAME -->`.
    """
    text = document.read_text("utf-8")
    for folder in folders:
        statistics = _read_json(folder / "statistics.json")
        first, last = f"<!-- statistics {folder.name} -->\n", f"<!-- end {folder.name} -->"
        if text.count(first) != 1 or text.count(last) != 1:
            raise InputError(
                f"{document} has no place for tables: expected {first.strip()} … {last}"
            )
        before, rest = text.split(first)
        tables = f"\n{statistics_table(statistics)}\n{licence_table(statistics)}\n"
        text = before + first + tables + rest[rest.index(last) :]
    _write(document, text.encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file by rename, so that it is whole or not there."""
    temporary = path.with_name(f".{path.name}.incoming")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {path}: {error.strerror}; free some space and run again"
        ) from error


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False) + "\n").encode()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); delete its folder and build again"
        ) from None
    return value
