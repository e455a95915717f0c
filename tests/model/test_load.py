"""Model folders that are wrong: each is refused in one line that names the file and the remedy."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from xlgen.errors import InputError
from xlgen.model.load import load_model, save_model, tiny_model


@pytest.fixture
def folder(tmp_path):
    save_model(tiny_model(1, vocabulary=64, width=8), tmp_path, dtype=torch.float32)
    return tmp_path


def change_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def change_config(folder, **fields):
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(data | fields))


def remove(folder, name):
    (folder / name).unlink()


def truncate(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


DAMAGE = {
    "no config": (lambda f: remove(f, "config.json"), "no config.json"),
    "config is not JSON": (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    "another architecture": (lambda f: change_config(f, model_type="bert"), "expected an mT5"),
    "T5 1.0": (lambda f: change_config(f, feed_forward_proj="relu"), "expected an mT5"),
    "no weights": (lambda f: remove(f, "model.safetensors"), "no model.safetensors"),
    "pickle only": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        "pickle weights only",
    ),
    "truncated": (truncate, "damaged or truncated"),
    "tied head": (
        lambda f: change_weights(f, lambda t: t.pop("lm_head.weight")),
        "missing tensor 'lm_head.weight' (a tied head?",
    ),
    "a strange tensor": (
        lambda f: change_weights(f, lambda t: t.update(extra=torch.ones(1))),
        "'extra' does not belong",
    ),
    "another shape": (
        lambda f: change_weights(f, lambda t: t.update({"shared.weight": torch.ones(64, 9)})),
        "is [64, 9], config.json says [64, 8]",
    ),
    "NaN": (
        lambda f: change_weights(f, lambda t: t["lm_head.weight"].fill_(float("nan"))),
        "NaN or infinity",
    ),
    "a shard outside the folder": (
        lambda f: (
            remove(f, "model.safetensors"),
            (f / "model.safetensors.index.json").write_text(
                '{"weight_map": {"shared.weight": "../x.safetensors"}}'
            ),
        ),
        "not a plain file name",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_folder_is_refused(kind, folder):
    damage, message = DAMAGE[kind]
    damage(folder)
    with pytest.raises(InputError) as refusal:
        load_model(folder)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_sharded_folder_loads_like_one_file(folder):
    whole = load_model(folder)
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, held in shards.items():
        save_file({name: tensors[name] for name in held}, folder / file)
    weight_map = {name: file for file, held in shards.items() for name in held}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "model.safetensors").unlink()
    for name, parameter in load_model(folder).named_parameters():
        assert torch.equal(parameter, whole.get_parameter(name))
