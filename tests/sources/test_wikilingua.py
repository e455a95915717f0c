"""WikiLingua-0 from GEM's own files: pairs of one language, in TFDS's order; nothing is lost unseen."""

import logging
import zipfile

import pytest
from real_formats import (
    CODES,
    GEM_SPLITS,
    article,
    gem_files,
    summary,
    write_gem_tar,
    write_gem_zip,
    write_parquet,
)

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.run import Data
from xlgen.sources.readers import read_examples, read_with_notes
from xlgen.sources.wikilingua import order_in_tfds, without_html

# The places in TensorFlow Datasets 4.9.10: `hashing.Hasher("validation").hash_key(n)` for n = 0 to 7,
# which `shuffle.Shuffler` sorts by.
VALIDATION_ORDER = [3, 0, 7, 4, 2, 5, 1, 6]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    for code in CODES:
        write_gem_zip(tmp_path / "wikilingua0", code)
    return tmp_path / "wikilingua0"


def read(split="validation", **options):
    return read_examples("wikilingua0", split=split, **options)


def by_language(examples):
    return {code: [e for e in examples if e.language == code] for code in CODES}


def test_article_and_summary_are_of_one_language_and_never_the_english_one(folder):
    for split, count in (("train", 6), ("validation", 5), ("test", 4)):
        examples = read(split)
        assert len(examples) == count * len(CODES)
        base = {"train": 0, "validation": 100, "test": 200}[split]
        for code in CODES:
            pairs = {(e.input, e.target) for e in examples if e.language == code}
            expected = {(article(code, base + n), summary(code, base + n)) for n in range(count)}
            assert pairs == expected


def test_validation_comes_in_the_order_of_tensorflow_datasets(folder):
    assert sorted(range(8), key=lambda n: order_in_tfds(n, "validation")) == VALIDATION_ORDER
    ids = [example.id for example in read(languages=["th"])]
    expected = [n for n in VALIDATION_ORDER if n < GEM_SPLITS["val"]]
    assert ids == [f"wiki_lingua_thai_th-val-{n}" for n in expected]
    assert [e.id for e in read("train", languages=["th"])] == [
        f"wiki_lingua_thai_th-train-{n}" for n in range(6)
    ]


def test_the_first_of_a_limit_are_those_of_the_papers_code(folder):
    watched = Data("wikilingua0", split="validation", limit=2).examples()
    scored = BENCHMARKS["wikilingua0"].examples("validation", languages=["th", "hi"], limit=2)
    first = [n for n in VALIDATION_ORDER if n < GEM_SPLITS["val"]][:2]
    for code, name in (("th", "thai"), ("hi", "hindi")):
        expected = [f"wiki_lingua_{name}_{code}-val-{n}" for n in first]
        assert [e.id for e in watched if e.language == code] == expected
        assert [e.id for e in scored[code]] == expected


def test_translations_of_one_article_are_one_document(folder):
    documents = {e.id.rpartition("-")[2]: e.document for e in read(languages=["en"])}
    for code in CODES:
        assert {e.id.rpartition("-")[2]: e.document for e in read(languages=[code])} == documents
    assert len(set(documents.values())) == GEM_SPLITS["val"]
    assert all(name.startswith("wikihow/") for name in documents.values())


def test_archives_folders_and_parquet_give_the_same(folder, tmp_path):
    expected = read()
    unpacked = tmp_path / "unpacked"
    for code in CODES:
        place = unpacked / {"en": "english", "zh": "chinese"}.get(code, code)
        place.mkdir(parents=True)
        for name, text in gem_files(code).items():
            (place / name).write_text(text, "utf-8")
    write_gem_tar(tmp_path / "packed" / "wikilingua_cleaned.tar.gz", CODES)
    for code in CODES:
        records = [
            {
                "gem_id": e.id, "gem_parent_id": e.id, "source_language": code,
                "target_language": code, "source": e.input, "target": e.target, "references": [e.target],
            }
            for e in sorted(expected, key=lambda e: e.id) if e.language == code
        ]  # fmt: skip
        write_parquet(tmp_path / "hub" / code / "validation" / "0000.parquet", records)
        samples = tmp_path / "hub" / code / "sampled_validation" / "0000.parquet"
        write_parquet(samples, records[:1])
    for place in ("unpacked", "packed"):
        found = read_examples(f"wikilingua0:{tmp_path / place}", split="validation")
        assert by_language(found) == by_language(expected)
    hub = read_examples(f"wikilingua0:{tmp_path / 'hub'}", split="validation")
    for code in CODES:
        ours, theirs = (by_language(found)[code] for found in (hub, expected))
        assert [(e.id, e.input, e.target) for e in ours] == [
            (e.id, e.input, e.target) for e in theirs
        ]


def test_gems_first_form_in_parquet_is_read_by_the_language_asked_for(tmp_path):
    records = [
        {
            "gem_id": f"wiki_lingua_thai_th-val-{n}", "gem_parent_id": "",
            "source_aligned": {"th": article("th", n), "en": article("en", n)},
            "target_aligned": {"th": summary("th", n), "en": summary("en", n)},
            "source": article("th", n), "target": summary("en", n), "references": [summary("en", n)],
        }
        for n in range(3)
    ]  # fmt: skip
    write_parquet(tmp_path / "wiki_lingua_thai_th" / "gem-validation.parquet", records)
    found = read_examples(f"wikilingua0:{tmp_path}", split="validation")
    assert {(e.input, e.target) for e in found} == {
        (article("th", n), summary("th", n)) for n in range(3)
    }


def test_pairs_with_english_are_refused_row_by_row(tmp_path):
    record = {
        "gem_id": "x-1", "source_language": "th", "target_language": "en",
        "source": article("th", 1), "target": summary("en", 1),
    }  # fmt: skip
    path = write_parquet(tmp_path / "th" / "validation" / "0000.parquet", [record])
    with pytest.raises(
        InputError, match=f"none of 1 records.*{path}:1: expected .*'th', got 'th' and 'en'"
    ):
        read_examples(f"wikilingua0:{tmp_path}", split="validation")


def test_half_a_conversion_is_refused(tmp_path):
    write_parquet(tmp_path / "en" / "partial-train" / "0000.parquet", [{"gem_id": "x"}])
    with pytest.raises(InputError, match="a part of en train, the hub did not convert all of it"):
        read_examples(f"wikilingua0:{tmp_path}", split="train")


def test_an_empty_line_is_counted_and_named(folder, caplog):
    lines = gem_files("th")["val.tgt.th"].split("\n")
    lines[2] = " "
    path = write_gem_zip(folder, "th", val_tgt_th="\n".join(lines))
    with caplog.at_level(logging.WARNING):
        examples = read(languages=["th"])
    assert len(examples) == GEM_SPLITS["val"] - 1
    warning = caplog.text
    assert "1 of 5 records left out" in warning
    assert f"{path}/thai/val.src.th:3: field 'target' is empty" in warning


def test_html_is_told_of_and_taken_out_only_when_asked(folder, caplog):
    article_th = gem_files("th")["val.src.th"]
    write_gem_zip(folder, "th", val_src_th=article_th.replace("1", "<br/>1 &amp; ", 1))
    with caplog.at_level(logging.WARNING):
        kept = read(languages=["th"])
    assert "HTML tags or entities, kept as they are, 1 times" in caplog.text
    assert sum("<br/>1 &amp; " in e.input for e in kept) == 1
    clean = read_examples("wikilingua0-clean", split="validation", languages=["th"])
    assert [e.id for e in clean] == [e.id for e in kept]
    assert [e.input for e in clean] == [without_html(e.input) for e in kept]
    assert not any("<br" in e.input or "&amp;" in e.input for e in clean)


@pytest.mark.parametrize(
    ("text", "clean"),
    [("", ""), ("ثلاثة < خمسة", "ثلاثة < خمسة"), ("<b>ล้าง</b>มือ", "ล้างมือ"), ("洗<br>手", "洗 手")],
)
def test_only_tags_and_entities_go(text, clean):
    assert without_html(text) == clean


def test_halves_that_do_not_pair_are_refused(folder):
    write_gem_zip(folder, "th", val_tgt_th="one line\n")
    with pytest.raises(
        InputError, match=r"pair by number, but .*val\.src\.th has 5, .*tgt\.th has 1"
    ):
        read(languages=["th"])
    path = write_gem_zip(folder, "vi")
    path.unlink()
    (folder / "vietnamese").mkdir()
    (folder / "vietnamese" / "val.src.vi").write_text("x\n", "utf-8")
    with pytest.raises(InputError, match=r"vi lacks val\.tgt\.vi"):
        read(languages=["vi"])


def test_a_line_that_is_no_utf_8_is_counted_by_its_number(folder, caplog):
    path = folder / "thai.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in gem_files("th").items():
            data = text.encode()
            if name == "val.src.th":
                data = data.replace(b"103", b"\xff03")
            archive.writestr(f"thai/{name}", data)
    reading = read_with_notes("wikilingua0", split="validation", languages=["th"], on_bad="skip")
    assert reading.notes.rejected == 1
    assert "thai/val.src.th:4: expected UTF-8, got 0xFF" in reading.notes.rejections[0]


def test_the_same_language_from_two_places_is_refused(folder):
    (folder / "thai").mkdir()
    for name, text in gem_files("th").items():
        (folder / "thai" / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match="holds th validation more than once"):
        read(languages=["th"])


def test_what_to_download_is_said_where_files_are_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    with pytest.raises(InputError) as caught:
        read()
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'wikilingua0'}: no such folder")
    for said in (
        "gem_wikilingua_full/",
        "xlgen data fetch wikilingua0",
        "XLGEN_DATA",
        "CC-BY-NC-SA",
    ):
        assert said in message
    assert "\n" not in message
    write_gem_zip(tmp_path / "wikilingua0", "th")
    with pytest.raises(InputError, match="nothing of WikiLingua in ar, validation"):
        read(languages=["ar"])
