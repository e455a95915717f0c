"""The data sets that ship with XLGen: compressed JSONL files beside a manifest of SHA-256 sums.

`<split>.jsonl.xz` holds all languages of a split, `<split>.<language>.jsonl.xz` one (.gz as well).
"""

import gzip
import hashlib
import importlib.resources
import io
import json
import lzma
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.registry import near_names
from xlgen.sources.rows import BadRow, Row, Selection, jsonl_rows_of

_ENDINGS = (".jsonl.xz", ".jsonl.gz")
_MEND = "install xlgen again, or build it with `xlgen data build`"


def read_packaged(
    name: str, split: str, *, languages: Sequence[str] | None = None
) -> list[Example]:
    """Read one split of a packaged data set, all languages or those given, in file order."""
    from xlgen.sources.readers import read_examples

    return read_examples(name, split=split, languages=languages)


def packaged_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Yield the rows of a packaged data set; the split has to be named."""
    folder = importlib.resources.files("xlgen") / "assets" / str(source)
    yield from folder_rows(folder, wanted or Selection(), name=str(source))


def folder_rows(folder: Traversable, wanted: Selection, *, name: str) -> Iterator[Row | BadRow]:
    """Yield the rows of a split in a folder of the packaged layout, every file verified first."""
    sums = _manifest(folder, name)
    splits = sorted({file.split(".")[0] for file in sums})
    if wanted.split not in splits:
        raise InputError(
            f"{name}: expected a split, got {wanted.split!r}: {near_names(str(wanted.split), splits)}"
        )
    for file, expected in sorted(sums.items()):
        split, *language = file.removesuffix(_ending(file)).split(".")
        skipped = language and wanted.languages is not None and language[0] not in wanted.languages
        if split == wanted.split and not skipped:
            yield from jsonl_rows_of(
                _open(folder / file, expected, f"{name}/{file}"), f"{name}/{file}"
            )


def _manifest(folder: Traversable, name: str) -> dict[str, str]:
    """Return the SHA-256 sum of each data file of the folder."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        sums = {file: str(entry["sha256"]) for file, entry in manifest["files"].items()}
    except OSError as error:
        raise InputError(
            f"{name}: not installed, {error.strerror}: manifest.json; {_MEND}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name}/manifest.json: expected sums of files ({error}); {_MEND}"
        ) from error
    return {file: sha256 for file, sha256 in sums.items() if _ending(file)}


def _ending(file: str) -> str:
    return next((ending for ending in _ENDINGS if file.endswith(ending)), "")


def _open(path: Traversable, expected: str, name: str) -> IO[bytes]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot read it ({error.strerror}); {_MEND}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise InputError(
            f"{name}: damaged: expected SHA-256 {expected[:12]}..., found {found[:12]}...; {_MEND}"
        )
    opener = lzma.open if name.endswith(".xz") else gzip.open
    return opener(io.BytesIO(data), "rb")  # type: ignore[return-value]
