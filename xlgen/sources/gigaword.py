"""Gigaword: first sentences of English news and their headlines (Graff et al. 2003; Rush et al. 2015).

Lines that pair by number, in the two forms they are passed on in: `org_data/train.src.txt` with
`train.tgt.txt`, and `sumdata/train/train.article.txt` with `train.title.txt`; or the hub's Parquet files.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from xlgen.errors import InputError, MissingError
from xlgen.sources.published import GIGAWORD, SPLITS, place_of
from xlgen.sources.rows import BadRow, Row, Selection, open_bytes, parquet_rows, text_lines

# Of each split, input and target files by form; what is named first is taken.
FORMS = (
    ("org_data", {
        "train": ("train.src.txt", "train.tgt.txt"),
        "validation": ("dev.src.txt", "dev.tgt.txt"),
        "test": ("test.src.txt", "test.tgt.txt"),
    }),
    ("sumdata", {
        "train": ("train/train.article.txt", "train/train.title.txt"),
        "validation": ("train/valid.article.filter.txt", "train/valid.title.filter.txt"),
        "test": ("Giga/input.txt", "Giga/task1_ref0.txt"),
    }),
)  # fmt: skip


def gigaword_rows(source: str | Path, wanted: Selection | None = None) -> Iterator[Row | BadRow]:
    """Read sentences as inputs and headlines as targets; `<unk>` is UNK, as TensorFlow Datasets has it."""
    wanted, folder = wanted or Selection(), place_of(source)
    GIGAWORD.refuse_missing(folder)
    found = False
    for split in SPLITS:
        if wanted.split in (None, split):
            for row in _split(folder, split):
                found = True
                yield row
    if not found:
        raise MissingError(
            f"{folder}: no file of Gigaword's {wanted.split or 'splits'}; {GIGAWORD.remedy(folder)}"
        )


def _split(folder: Path, split: str) -> Iterator[Row | BadRow]:
    for form, files in FORMS:
        for base in (folder / form, folder):
            pair = [_existing(base / name) for name in files[split]]
            if pair[0] and pair[1]:
                yield from _lines(pair[0], pair[1], split)
                return
            missing = [base / name for name, path in zip(files[split], pair) if path is None]
            if len(missing) == 1:
                raise InputError(f"{missing[0]}: missing beside its other half; download it again")
    pattern = re.compile(rf"(?<![a-z_]){split}(?![a-z_])")
    for path in sorted(folder.rglob("*.parquet")):
        if pattern.search(path.relative_to(folder).as_posix()):
            for row in parquet_rows(path):
                if isinstance(row, BadRow):
                    row = replace(row, language="en", split=split)
                else:
                    texts = [row.values.get(name) for name in ("document", "summary")]
                    name = f"{split}-{path.stem}-{row.number}"
                    row = _row(str(path), row.number, name, [*map(_known, texts)], split)
                yield row


def _existing(path: Path) -> Path | None:
    return next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)


def _lines(articles: Path, titles: Path, split: str) -> Iterator[Row | BadRow]:
    with open_bytes(articles) as inputs, open_bytes(titles) as targets:
        pairs = zip_longest(text_lines(inputs, str(articles)), text_lines(targets, str(titles)))
        for number, pair in enumerate(pairs, start=1):
            if None in pair:
                short = (articles, titles)[pair.index(None)]
                raise InputError(
                    f"{short}: ends before line {number:,}, its other half goes on; lines pair by"
                    " number, so download both again"
                )
            bad = next((line for line in pair if isinstance(line, BadRow)), None)
            texts = [_known(line) for line in pair]
            bad = bad and replace(bad, language="en", split=split)
            yield bad or _row(str(articles), number, f"{split}-{number}", texts, split)


def _known(text: object) -> object:
    return text.strip().replace("<unk>", "UNK") if isinstance(text, str) else text


def _row(file: str, number: int, name: str, texts: list[object], split: str) -> Row:
    values = {
        "id": f"gigaword-{name}", "language": "en", "input": texts[0], "target": texts[1],
        "split": split, "source": "Gigaword", "licence": GIGAWORD.licence,
    }  # fmt: skip
    return Row(file, number, values)
