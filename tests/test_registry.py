import pytest

from xlgen.errors import InputError
from xlgen.registry import Table, near_names
from xlgen.sources import SOURCES


def make_table():
    return Table("kind", {"path": "pathlib:Path", "none": "no.such.module:thing"})


def test_entries_load_on_first_use():
    table = make_table()
    assert list(table) == ["path", "none"] and len(table) == 2
    assert "none" in table and "other" not in table
    from pathlib import Path

    assert table["path"] is Path
    with pytest.raises(ModuleNotFoundError):
        table["none"]


def test_unknown_names_list_near_ones():
    with pytest.raises(InputError, match=r"unknown kind 'paht': did you mean path\?"):
        make_table()["paht"]
    with pytest.raises(LookupError, match="unknown kind 'zzz': known: none, path"):
        make_table()["zzz"]
    assert make_table().get("path", None) is not None


def test_users_add_entries_but_replace_none():
    table = make_table()
    table.add("join", "os.path:join")
    assert table["join"]("a", "b") == "a/b"
    with pytest.raises(ValueError, match="kind 'path' exists already: pathlib:Path"):
        table.add("path", "os:path")
    assert "join" not in make_table()


@pytest.mark.parametrize(
    "name, names, clause",
    [
        ("tets", ["test", "train"], "did you mean test?"),
        ("x", ["b", "a"], "known: a, b"),
        ("x", [], "known: "),
        ("", ["a"], "known: a"),
    ],
)
def test_near_names(name, names, clause):
    assert near_names(name, names) == clause


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_loads(name):
    assert callable(SOURCES[name])
