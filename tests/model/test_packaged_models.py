"""The models in the package, and folders whose tokenizer is missing or another."""

import json
import shutil

import pytest
import torch

from xlgen.data.tokenizer import packaged_tokenizer
from xlgen.errors import InputError
from xlgen.model import MODELS
from xlgen.model.load import save_model, tiny_model
from xlgen.model.packaged import find_model, open_model, open_tokenizer

LARGEST = {"nano": 30_000_000, "pico": 4_000_000}  # bytes


@pytest.mark.parametrize("name", MODELS)
def test_packaged_model_opens_with_the_packaged_tokenizer(name):
    model, tokenizer = open_model(name)
    assert tokenizer.sha256 == packaged_tokenizer().sha256
    assert model.config.vocabulary >= tokenizer.size
    weights = find_model(name) / "model.safetensors"
    assert weights.stat().st_size < LARGEST[name]
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_packaged_model_has_a_card(name):
    card = (find_model(name) / "README.md").read_text("utf-8")
    for fact in ("Steps:", "Training loss", "Command: `xlgen train", "Corpus:", "| th |"):
        assert fact in card, fact


def test_unknown_name_is_refused_with_near_names():
    with pytest.raises(InputError, match="did you mean nano"):
        find_model("nanno")


@pytest.fixture
def folder(tmp_path):
    save_model(tiny_model(1), tmp_path, dtype=torch.float32)
    return tmp_path


def test_folder_without_its_tokenizer_is_refused(folder):
    with pytest.raises(InputError, match=r"no spiece\.model"):
        open_tokenizer(folder)


def test_folder_bound_to_another_tokenizer_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tokenizer_sha256": "0" * 64}))
    with pytest.raises(InputError, match="made with tokenizer 00000000"):
        open_tokenizer(folder)


def test_folders_own_tokenizer_comes_first(folder, small_tokenizer):
    shutil.copy(small_tokenizer.path, folder / "spiece.model")
    model, tokenizer = open_model(str(folder))
    assert tokenizer.sha256 == small_tokenizer.sha256
    assert model.config.vocabulary == 512
