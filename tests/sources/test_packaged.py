import gzip
import hashlib
import json
import lzma
from importlib.resources import files

import pytest

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.sources import SOURCES, packaged
from xlgen.sources.packaged import folder_rows, packaged_rows, read_packaged
from xlgen.sources.readers import SUFFIXES, read_examples
from xlgen.sources.rows import Selection

NAMES = [name for name in SOURCES if name not in SUFFIXES.values()]
BUILT = [name for name in NAMES if (files("xlgen") / "assets" / name / "manifest.json").is_file()]

# Universal Declaration of Human Rights, article 3 (United Nations, public domain).
TEXTS = {
    "en": "Everyone has the right to life.",
    "th": "บุคคลมีสิทธิในการดำเนินชีวิต",
    "zh": "人人有权享有生命",
}


def records(split, *languages):
    return [
        {
            "id": f"{split}-3",
            "language": code,
            "input": TEXTS[code],
            "target": code,
            "document": split,
        }
        for code in languages
    ]


def pack(folder, parts):
    """Write `{file name: records}` in the packaged layout."""
    entries = {}
    for name, content in parts.items():
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in content)
        data = (lzma if name.endswith(".xz") else gzip).compress(text.encode())
        (folder / name).write_bytes(data)
        entries[name] = {"sha256": hashlib.sha256(data).hexdigest(), "records": len(content)}
    (folder / "manifest.json").write_text(json.dumps({"files": entries}))


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A small `howto0` in place of the packaged one."""
    folder = tmp_path / "assets" / "howto0"
    folder.mkdir(parents=True)
    pack(
        folder,
        {
            "train.en.jsonl.xz": records("train", "en"),
            "train.th.jsonl.gz": records("train", "th"),
            "validation.jsonl.xz": records("validation", "en", "th", "zh"),
            "test.jsonl.xz": records("test", "en", "zh"),
        },
    )
    monkeypatch.setattr(packaged.importlib.resources, "files", lambda package: tmp_path)
    return folder


def test_splits_and_languages(assets):
    def found(split, languages=None):
        return [
            (e.document, e.language) for e in read_packaged("howto0", split, languages=languages)
        ]

    assert found("train") == [("train", "en"), ("train", "th")]
    assert found("train", ["th"]) == [("train", "th")]
    assert found("test") == [("test", "en"), ("test", "zh")]
    assert found("validation", ["zh-CN", "en"]) == [("validation", "en"), ("validation", "zh")]
    assert read_examples("howto0", split="test")[1] == Example(
        "test-3", "zh", TEXTS["zh"], "zh", document="test"
    )


def test_only_the_wanted_files_are_opened(assets):
    (assets / "train.en.jsonl.xz").unlink()
    assert len(read_packaged("howto0", "train", languages=["th"])) == 1
    with pytest.raises(InputError, match=r"howto0/train.en.jsonl.xz: cannot read it"):
        read_packaged("howto0", "train")


@pytest.mark.parametrize("split", [None, "tests", "train.en"])
def test_the_split_has_to_be_one_of_it(assets, split):
    with pytest.raises(InputError, match=f"howto0: expected a split, got {split!r}: "):
        read_examples("howto0", split=split)


def test_damage_is_found(assets):
    path = assets / "test.jsonl.xz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"howto0/test.jsonl.xz: damaged: expected SHA-256"):
        read_packaged("howto0", "test")
    assert read_packaged("howto0", "validation")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a.jsonl.xz": 1}}', '{"files": []}'])
def test_a_wrong_manifest_is_refused(assets, text):
    (assets / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"howto0/manifest.json: expected sums"):
        read_packaged("howto0", "test")


def test_a_data_set_that_is_not_installed(assets):
    with pytest.raises(InputError, match=r"howto0-short: not installed, No such file.*data build"):
        read_packaged("howto0-short", "test")


def test_messages_name_file_and_line(assets):
    pack(assets, {"test.jsonl.xz": [*records("test", "en"), {"id": "1"}]})
    with pytest.raises(InputError, match=r"^howto0/test.jsonl.xz:2: no field 'language'"):
        read_packaged("howto0", "test")
    rows = list(folder_rows(assets, Selection("test"), name="mine"))
    assert [(row.file, row.number) for row in rows] == [("mine/test.jsonl.xz", n) for n in (1, 2)]


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_what_ships_is_whole(name, split):
    """Every record passes the checks of users' data and has its page, source and licence."""
    rows = sum(1 for _ in packaged_rows(name, Selection(split)))
    examples = read_packaged(name, split)
    assert len(examples) == rows > 0
    assert all(e.document and e.source and e.licence for e in examples)
