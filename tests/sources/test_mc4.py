"""mC4's shards: records by one number over all files, filtered by CLD3; damage is named."""

import gzip

import pytest
from real_formats import write_mc4
from udhr import ARTICLE_1, HARD

from xlgen.errors import InputError
from xlgen.sources.mc4 import Filter, WebText, shards_of, web_text
from xlgen.sources.rows import BadRow

ALL = Filter(threshold=0.0)


@pytest.fixture
def folder(tmp_path):
    for shard in range(3):
        write_mc4(tmp_path, "th", [f"{ARTICLE_1['th']} {shard}-{n}" for n in range(4)], shard=shard)
    return tmp_path


def test_records_are_numbered_over_all_shards(folder):
    every = list(web_text(folder, "th", filter=ALL).documents())
    assert every == [f"{ARTICLE_1['th']} {shard}-{n}" for shard in range(3) for n in range(4)]
    for start in range(14):
        assert list(web_text(folder, "th", filter=ALL).documents(start)) == every[start:]


@pytest.mark.parametrize("code", HARD)
def test_the_filter_keeps_a_language_and_leaves_out_others(tmp_path, code):
    texts = [
        ARTICLE_1[code],
        ARTICLE_1["de" if code != "de" else "fr"],
        "",
        " \n",
        " ".join(map(str, range(99))),
    ]
    write_mc4(tmp_path, code, texts)
    found = list(web_text(tmp_path, code, filter=Filter()).documents())
    assert found == [texts[0], None, None, None, None]
    kept = [text for text in web_text(tmp_path, code, filter=ALL).documents() if text is not None]
    assert kept == [texts[0], texts[1], texts[4]]


def test_the_threshold_is_a_setting():
    mixed = f"{ARTICLE_1['vi']} {ARTICLE_1['id']}"  # CLD3: Vietnamese, probability 0.93
    assert Filter(threshold=0.7).keeps(mixed, "vi")  # mC4's own
    assert not Filter().keeps(mixed, "vi")
    assert not Filter(threshold=0.7).keeps(mixed, "id")
    assert not Filter().keeps(ARTICLE_1["vi"][:50], "vi")  # less than CLD3 is asked to judge
    assert Filter(shortest=0).keeps(ARTICLE_1["vi"][:50], "vi")
    with pytest.raises(InputError, match="expected a probability, 0 to 1, got 95"):
        Filter(threshold=95)


def test_shards_are_found_by_language_and_validation_is_passed_over(tmp_path):
    write_mc4(tmp_path / "multilingual", "th", ["x"], of=64)
    write_mc4(tmp_path / "multilingual", "zh-Latn", ["x"], of=64)
    write_mc4(tmp_path / "multilingual", "th-validation", ["x"], of=1)
    assert {code: len(paths) for code, paths in shards_of(tmp_path).items()} == {
        "th": 1,
        "zh-Latn": 1,
    }
    with pytest.raises(
        InputError, match=r"no c4-vi\.tfrecord-\*\.json\.gz, known: th, zh-Latn; put"
    ):
        web_text(tmp_path, "vi", filter=ALL)
    with pytest.raises(InputError, match=r"missing: no such folder, where mc4 should lie; put c4-"):
        web_text(tmp_path / "missing", "vi", filter=ALL)


def test_a_bad_record_is_told_by_file_and_line_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "c4-th.tfrecord-00000-of-00512.json.gz"
    lines = [
        b'{"text": "a"}',
        b'{"txt": "b"}',
        b"{",
        b'{"text": 3}',
        b'{"text": "\\ud800"}',
        b'{"text": "c"}',
    ]
    with gzip.open(path, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    found = list(WebText("th", (path,), ALL).documents())
    assert [text for text in found if isinstance(text, str)] == ["a", "c"]
    bad = [str(row) for row in found if isinstance(row, BadRow)]
    assert [row.partition(": ")[0] for row in bad] == [f"{path}:{line}" for line in (2, 3, 4, 5)]
    later = WebText("th", (path,), ALL).documents(2)
    assert [str(row) for row in later if isinstance(row, BadRow)] == bad[1:]  # lines count on
    assert 'expected a record with a "text", got txt' in bad[0]
    assert "surrogate" in bad[3]


def test_a_truncated_shard_is_named(folder):
    path = folder / "c4-th.tfrecord-00001-of-00512.json.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"c4-th\.tfrecord-00001.*truncated compressed file"):
        list(web_text(folder, "th", filter=ALL).documents())
