"""XL-Sum in its distributed form: archives of one or all languages, or their files."""

import json

import pytest
from real_formats import article, summary, write_tar

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.sources.published import XLSUM
from xlgen.sources.readers import read_examples

NAMES = {
    "th": "thai",
    "ar": "arabic",
    "hi": "hindi",
    "zh": "chinese_simplified",
    "vi": "vietnamese",
}
SPLITS = ("train", "val", "test")


def files(*codes):
    """Return `<language>_<split>.jsonl` as XL-Sum 2.0 has them."""
    found = {}
    for code in codes:
        for base, split in enumerate(SPLITS):
            records = [
                {
                    "id": f"{code}-{split}-{n}", "url": f"https://www.bbc.com/{code}/{n}",
                    "title": summary(code, 9), "summary": summary(code, 10 * base + n),
                    "text": article(code, 10 * base + n),
                }
                for n in range(3)
            ]  # fmt: skip
            lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            found[f"{NAMES.get(code, code)}_{split}.jsonl"] = lines.encode()
    return found


def test_text_is_the_input_and_the_summary_the_target_however_it_is_packed(tmp_path):
    of_all = {f"XLSum_complete_v2.0/{n}": d for n, d in files(*NAMES).items()}
    of_all["XLSum_complete_v2.0/amharic_val.jsonl"] = b"of none of the eighteen languages\n"
    write_tar(tmp_path / "all" / "XLSum_complete_v2.0.tar.bz2", of_all)
    for code, name in NAMES.items():
        write_tar(tmp_path / "each" / "data" / f"{name}_XLSum_v2.0.tar.bz2", files(code))
    (tmp_path / "plain").mkdir()
    for name, data in files(*NAMES).items():
        (tmp_path / "plain" / name).write_bytes(data)
    for place in ("all", "each", "plain"):
        found = read_examples(f"xlsum:{tmp_path / place}", split="validation")
        assert {(e.language, e.id, e.input, e.target) for e in found} == {
            (code, f"{code}-val-{n}", article(code, 10 + n), summary(code, 10 + n))
            for code in NAMES
            for n in range(3)
        }


def test_only_archives_of_the_languages_asked_for_are_opened(tmp_path):
    write_tar(tmp_path / "thai_XLSum_v2.0.tar.bz2", files("th"))
    (tmp_path / "arabic_XLSum_v2.0.tar.bz2").write_bytes(b"not an archive")
    found = read_examples(f"xlsum:{tmp_path}", split="test", languages=["th"])
    assert len(found) == 3
    with pytest.raises(InputError, match=r"arabic_XLSum_v2\.0\.tar\.bz2: not a whole archive"):
        read_examples(f"xlsum:{tmp_path}", split="test")


def test_a_bad_record_is_counted_and_named(tmp_path, caplog):
    data = files("th")["thai_val.jsonl"].replace(b'"summary"', b'"summery"', 1)
    (tmp_path / "thai_val.jsonl").write_bytes(data)
    assert len(read_examples(f"xlsum:{tmp_path}", split="validation")) == 2
    assert (
        f"1 of 3 records left out; {tmp_path}/thai_val.jsonl:1: field 'target' is empty"
        in caplog.text
    )


def test_a_file_that_stands_there_twice_is_refused(tmp_path):
    write_tar(tmp_path / "thai_XLSum_v2.0.tar.bz2", files("th"))
    for name, content in files("th").items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(
        InputError, match=r"thai_val\.jsonl: stands in .*tar\.bz2/thai_val\.jsonl too"
    ):
        read_examples(f"xlsum:{tmp_path}", split="validation")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"no file of XL-Sum .*csebuetnlp/xl-sum.*fetch xlsum"):
        read_examples(f"xlsum:{tmp_path}", split="validation")


def test_the_benchmark_has_the_languages_of_the_published_table():
    assert set(BENCHMARKS["xlsum"].languages) == set(XLSUM.sizes)
    assert not {"cs", "de", "it", "nl"} & set(XLSUM.sizes)
