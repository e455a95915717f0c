"""Publish a sweep: what its report and its continuation read, packed, without weights or articles."""

import json
import lzma
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlgen.errors import InputError
from xlgen.files import read_object, replacing, write_json, write_whole
from xlgen.studies.sweep import DONE

READ = ("config.json", "scores.json", "metrics.jsonl", "curve.jsonl", "translator.json")
PLACES = (".", "by-target", "by-english")  # of a job's folder


@dataclass(frozen=True)
class Published:
    """The folder that was written, and how many of the sweep's jobs are in it."""

    folder: Path
    jobs: int
    of: int

    def __str__(self) -> str:
        return f"{self.folder}: {self.jobs} of {self.of} jobs"


def publish(root: Path, out: Path) -> Published:
    """Write what `xlgen report` reads of a sweep's finished jobs into `out`; call again for more.

    Predictions lose their articles and are packed (`.jsonl.xz`), other jobs are named without the folder they
    lay in. A copy of `out` continues as the sweep itself would: weights that are needed again are made anew.
    """
    if out.resolve() == root.resolve():
        raise InputError(f"{out}: is the sweep itself; name another folder")
    index = read_object(root / "sweep.json", remedy="run `xlgen sweep` on it first")
    needed = {need for needs in index["jobs"].values() for need in needs}
    done = [name for name in index["jobs"] if (root / name / DONE).is_file()]
    for name in done:
        for source in _files(root / name):
            _copy(source, out / name / source.relative_to(root / name), root=root)
        facts = read_object(root / name / DONE, remedy="delete it, and the job is done again")
        write_json(out / name / DONE, facts | ({"light": True} if name in needed else {}))
    _copy(root / "sweep.json", out / "sweep.json", root=root)
    return Published(out, len(done), len(index["jobs"]))


def _files(place: Path) -> Iterator[Path]:
    for folder in (place / part for part in PLACES):
        yield from (path for name in READ if (path := folder / name).is_file())
        yield from sorted((folder / "predictions").glob("*.jsonl"))
        for packed in sorted((folder / "predictions").glob("*.jsonl.xz")):  # published before
            if not packed.with_suffix("").exists():
                yield packed


def _copy(source: Path, target: Path, *, root: Path) -> None:
    if source.suffix == ".xz":
        with replacing(target) as partial:
            shutil.copyfile(source, partial)
        return
    text = source.read_text("utf-8")
    if source.parent.name != "predictions":
        for place in (root.resolve(), root):  # jobs name others as the sweep was named
            text = text.replace(f"{place}/", "")
        write_whole(target, text)
        return
    lines = (json.loads(line) for line in text.split("\n") if line)
    kept = ({name: value for name, value in line.items() if name != "input"} for line in lines)
    packed = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept).encode()
    with replacing(target.with_name(f"{target.name}.xz")) as partial:
        partial.write_bytes(lzma.compress(packed, preset=9))
