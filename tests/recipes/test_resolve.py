"""Which folder `xlgen train` writes where none is named."""

import json

import pytest

from xlgen.cli.runs import train
from xlgen.config import to_json
from xlgen.errors import InputError
from xlgen.recipes import RECIPES, RUNS


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Return the list of folders that runs are started in; none is really run."""
    folders = []
    monkeypatch.chdir(tmp_path)
    for kind in RUNS:
        monkeypatch.setattr(RUNS[kind], "run", lambda self, folder: folders.append(str(folder)))
    return folders


def test_every_recipe_has_a_folder_of_its_own(written):
    for name in RECIPES:
        train(name)
    assert written == [f"runs/{name}" for name in RECIPES]


@pytest.mark.parametrize("stored", ["old/config.json", "old", "settings.json"])
def test_a_stored_configuration_needs_a_folder(written, tmp_path, stored):
    (tmp_path / "old").mkdir()
    for name in ("old/config.json", "settings.json"):
        (tmp_path / name).write_text(json.dumps(to_json(RECIPES["demo.prompt"]())))
    with pytest.raises(InputError, match=r"name the run folder with --out"):
        train(stored)
    train(stored, out=tmp_path / "new")
    assert written == [str(tmp_path / "new")]
