"""Small files in exactly the forms that data sets are distributed in, of Article 1 in many languages."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from udhr import ARTICLE_1

from xlgen.sources.published import NAMES

CODES = ("en", "th", "ar", "hi", "zh", "vi")
GEM_SPLITS = {"train": 6, "val": 5, "test": 4}  # lines of each in the files below


def article(code: str, number: int) -> str:
    return f"{number}. {ARTICLE_1[code]}"


def summary(code: str, number: int) -> str:
    return f"{ARTICLE_1[code][:24].strip()} ({number})"


def gem_files(code: str, **changed: str) -> dict[str, str]:
    """Return the files of a language's folder in GEM's archive; `train_src_th="..."` replaces one."""
    files = {}
    for split, count in GEM_SPLITS.items():
        base = 100 * list(GEM_SPLITS).index(split)
        for side in dict.fromkeys((code, "en")):
            for name, make in (("src", article), ("tgt", summary)):
                lines = "".join(f"{make(side, base + n)}\n" for n in range(count))
                files[f"{split}.{name}.{side}"] = changed.get(f"{split}_{name}_{side}", lines)
    return files


def write_gem_zip(folder: Path, code: str, **changed: str) -> Path:
    """Write `<language>.zip` as TensorFlow Datasets downloads it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{NAMES[code]}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in gem_files(code, **changed).items():
            archive.writestr(f"{NAMES[code]}/{name}", text)
    return path


def write_gem_tar(path: Path, codes: Iterable[str]) -> Path:
    files = {
        f"wikilingua_cleaned/{NAMES[code]}/{name}": text.encode()
        for code in codes
        for name, text in gem_files(code).items()
    }
    return write_tar(path, files)


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:" + path.suffix.removeprefix(".")) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_parquet(path: Path, records: list[dict[str, Any]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)
    return path


def write_mc4(
    folder: Path, code: str, texts: Iterable[str], *, shard: int = 0, of: int = 512
) -> Path:
    """Write a shard of the hub's allenai/c4, with the keys in its order."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"c4-{code}.tfrecord-{shard:05d}-of-{of:05d}.json.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="\n") as file:
        for n, text in enumerate(texts):
            record = {
                "text": text,
                "timestamp": "2017-11-21T19:44:37Z",
                "url": f"https://example.org/{code}/{n}",
            }
            file.write(json.dumps(record) + "\n")
    return path
