"""Fetching: the right files are asked for; without the hub, one line says what to do instead."""

import sys

import pytest

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.sources.fetch import fetch, patterns_of
from xlgen.sources.published import FETCHED, PUBLISHED

huggingface_hub = pytest.importorskip("huggingface_hub")


def test_the_files_of_a_language_are_asked_for_at_the_hub(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda repo, **rest: asked.update(rest, repo=repo)
    )
    assert fetch("wikilingua0", languages=["th", "hi"]) == tmp_path / "wikilingua0"
    assert asked == {
        "repo": "GEM/wiki_lingua", "repo_type": "dataset", "revision": "refs/convert/parquet",
        "allow_patterns": ["th/*", "hi/*"], "local_dir": tmp_path / "wikilingua0",
    }  # fmt: skip
    fetch("mc4", languages=["vi"])
    assert asked["allow_patterns"] == ["multilingual/c4-vi.tfrecord-0000[0-3]-of-*.json.gz"]
    fetch("mc4", languages=["sw", "he", "zh_latn"])  # of all 107; Hebrew is mC4's iw
    assert asked["allow_patterns"] == [
        f"multilingual/c4-{name}.tfrecord-0000[0-3]-of-*.json.gz"
        for name in ("sw", "iw", "zh-Latn")
    ]
    fetch("mc4")
    assert len(asked["allow_patterns"]) == len(LANGUAGES) == 18
    fetch("mt5-pieces")
    assert (asked["repo"], asked["repo_type"]) == ("google/mt5-small", "model")
    assert asked["allow_patterns"] == ["spiece.model"]


@pytest.mark.parametrize("name", FETCHED)
def test_without_network_one_line_says_what_to_put_where(monkeypatch, tmp_path, name):
    def unreachable(*arguments, **options):
        raise ConnectionError("[Errno -2] Name or service not known\nCheck your network")

    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(InputError) as caught:
        fetch(name)
    message = str(caught.value)
    reason = "cannot reach the hub ([Errno -2] Name or service not known Check"
    assert (reason if FETCHED[name].repository else "are not on the hub") in message
    assert FETCHED[name].files in message
    assert message.endswith(f"put it into {tmp_path / name}")
    assert "\n" not in message


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="or `pip install huggingface_hub`"):
        fetch("xlsum")


def test_unknown_names_list_near_ones():
    with pytest.raises(InputError, match="did you mean xlsum"):
        fetch("xlsun")
    with pytest.raises(InputError, match="xlsum has no language 'cs'"):
        patterns_of(PUBLISHED["xlsum"], ["cs"])
    with pytest.raises(InputError, match="unknown language code 'iww': did you mean iw"):
        patterns_of(PUBLISHED["mc4"], ["iww"])
