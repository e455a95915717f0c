"""Say what of a data set is not here, before a run needs it."""

from collections.abc import Collection
from pathlib import Path

from xlgen.errors import InputError
from xlgen.sources import SOURCES
from xlgen.sources.official import OfficialFiles
from xlgen.sources.published import place_of, publication
from xlgen.sources.readers import find_source
from xlgen.sources.rows import BadRow, Selection


def why_missing(source: str | Path, *, split: str, languages: Collection[str]) -> str:
    """Return why a split of a published data set cannot be read in some languages; "" if it can."""
    try:
        left = _unseen(source, Selection(split, frozenset(languages)))
    except InputError as error:
        return str(error)
    if not left:
        return ""
    folder = place_of(source)
    return f"{folder}: no {split} in {', '.join(left)}; {publication(source).remedy(folder)}"


def _unseen(name: str | Path, wanted: Selection) -> list[str]:
    """Return the languages that have no record: files are looked for, or read until each has one."""
    source = SOURCES[find_source(name)]
    if isinstance(source, OfficialFiles):
        source.paths(name, wanted)
        return []
    left = set(wanted.languages or ())
    rows = source(name, wanted)
    while left and (row := next(rows, None)) is not None:
        left.discard(row.language if isinstance(row, BadRow) else row.values["language"])
    return sorted(left)
