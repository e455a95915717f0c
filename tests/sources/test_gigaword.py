"""Gigaword in the forms it is passed on in: lines that pair by number; `<unk>` becomes UNK."""

import gzip

import pytest
from real_formats import write_parquet

from xlgen.errors import InputError
from xlgen.sources.gigaword import FORMS
from xlgen.sources.readers import read_examples

# In Gigaword's own form: lower-cased, digits as #, rare words as <unk>; text of UDHR's first articles.
INPUTS = [
    "all human beings are born free and <unk> in dignity .",
    "everyone has the right to life .",
]
TITLES = ["born free and <unk>", "right to life"]


def write(folder, form, split, *, inputs=INPUTS, titles=TITLES):
    names = dict(FORMS)[form][split]
    for name, lines in zip(names, (inputs, titles)):
        path = folder / form / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder / form / names[0], folder / form / names[1]


@pytest.mark.parametrize("form", ["org_data", "sumdata"])
def test_lines_pair_by_number_in_both_forms(tmp_path, form):
    for split in ("train", "validation", "test"):
        write(tmp_path, form, split)
    for split in ("train", "validation", "test"):
        found = read_examples(f"gigaword:{tmp_path}", split=split)
        assert [(e.input, e.target) for e in found] == [
            ("all human beings are born free and UNK in dignity .", "born free and UNK"),
            (INPUTS[1], TITLES[1]),
        ]
        assert {(e.language, e.id.split("-")[1]) for e in found} == {("en", split)}
    assert len(read_examples(f"gigaword:{tmp_path / form}", split="train")) == 2


def test_gzipped_and_parquet_files_give_the_same(tmp_path):
    paths = write(tmp_path / "plain", "org_data", "train")
    expected = read_examples(f"gigaword:{tmp_path / 'plain'}", split="train")
    for path in paths:
        (tmp_path / "zipped").mkdir(exist_ok=True)
        (tmp_path / "zipped" / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_examples(f"gigaword:{tmp_path / 'zipped'}", split="train") == expected
    records = [{"document": text, "summary": title} for text, title in zip(INPUTS, TITLES)]
    write_parquet(tmp_path / "hub" / "default" / "train" / "0000.parquet", records)
    hub = read_examples(f"gigaword:{tmp_path / 'hub'}", split="train")
    assert [(e.input, e.target) for e in hub] == [(e.input, e.target) for e in expected]


def test_halves_of_unequal_length_and_a_missing_half_are_refused(tmp_path):
    _, titles = write(tmp_path, "org_data", "train", titles=TITLES[:1])
    with pytest.raises(InputError, match=r"train\.tgt\.txt: ends before line 2"):
        read_examples(f"gigaword:{tmp_path}", split="train")
    titles.unlink()
    with pytest.raises(InputError, match=r"train\.tgt\.txt: missing beside its other half"):
        read_examples(f"gigaword:{tmp_path}", split="train")


def test_an_empty_headline_is_counted_and_named(tmp_path, caplog):
    write(tmp_path, "org_data", "train", titles=["", "right to life"])
    assert len(read_examples(f"gigaword:{tmp_path}", split="train")) == 1
    assert "1 of 2 records left out" in caplog.text
    assert "train.src.txt:1: field 'target' is empty" in caplog.text


def test_truncated_gzip_is_named_with_its_line(tmp_path):
    paths = write(tmp_path / "plain", "org_data", "train", inputs=INPUTS * 500, titles=TITLES * 500)
    for path in paths:
        packed = gzip.compress(path.read_bytes())
        (tmp_path / f"{path.name}.gz").write_bytes(packed[:-30] if "src" in path.name else packed)
    with pytest.raises(InputError, match=r"train\.src\.txt\.gz: damaged or truncated"):
        read_examples(f"gigaword:{tmp_path}", split="train")


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"gigaword: no such folder.*sent-summary"):
        read_examples("gigaword", split="train")
    (tmp_path / "gigaword").mkdir()
    with pytest.raises(InputError, match="no file of Gigaword's train"):
        read_examples("gigaword", split="train")
