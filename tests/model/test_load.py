"""Model folders that are wrong: each is refused in one line that names the file and the remedy."""

import json

import pytest
import torch
from full_disk import file_size_limit
from safetensors.torch import load_file, save_file
from same_logits import assert_same_logits
from transformers import MT5Config, MT5ForConditionalGeneration

from xlgen.errors import InputError
from xlgen.model.load import load_model, save_model, tiny_model


@pytest.fixture
def folder(tmp_path):
    save_model(tiny_model(1, vocabulary=64, width=8), tmp_path, dtype=torch.float32)
    return tmp_path


def change_weights(folder, change):
    """Write other weights, as another program would: without our hash."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    forget_hash(folder)


def change_config(folder, **fields):
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(data | fields))


def forget_hash(folder):
    data = json.loads((folder / "config.json").read_text())
    del data["weights_sha256"]
    (folder / "config.json").write_text(json.dumps(data))


def write_index(folder, text):
    remove(folder, "model.safetensors")
    (folder / "model.safetensors.index.json").write_text(text)


def remove(folder, name):
    (folder / name).unlink()


def truncate(folder):
    forget_hash(folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


DAMAGE = {
    "no config": (lambda f: remove(f, "config.json"), "no config.json"),
    "config is not JSON": (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "got a list"),
    "config is no UTF-8": (lambda f: (f / "config.json").write_bytes(b'{"\xff"'), "not JSON"),
    "config nests": (lambda f: (f / "config.json").write_text("[" * 100_000), "not JSON"),
    "a size is text": (lambda f: change_config(f, d_model="8"), "d_model: expected a whole number"),
    "a size is negative": (lambda f: change_config(f, num_heads=-4), "num_heads: expected a whole"),
    "a size is true": (lambda f: change_config(f, d_ff=True), "d_ff: expected a whole number"),
    "a size is huge": (lambda f: change_config(f, num_layers=10**12), "num_layers: expected"),
    "a size is null": (lambda f: change_config(f, d_kv=None), "d_kv: expected a whole number"),
    "dropout is a list": (lambda f: change_config(f, dropout_rate=[0]), "dropout_rate: expected a"),
    "no attention heads": (lambda f: change_config(f, num_heads=0), "num_heads: expected"),
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
        lambda f: write_index(f, '{"weight_map": {"shared.weight": "../x.safetensors"}}'),
        "not a plain file name",
    ),
    "an index of nothing": (lambda f: write_index(f, "{}"), "expected a weight_map"),
    "an index that is a list": (lambda f: write_index(f, "[1]"), "got a list"),
    "an index of numbers": (lambda f: write_index(f, '{"weight_map": {"x": 1}}'), "a weight_map"),
    "an index of no shards": (lambda f: write_index(f, '{"weight_map": []}'), "a weight_map"),
    "an index of a missing shard": (
        lambda f: write_index(f, '{"weight_map": {"x": "a.safetensors"}}'),
        "a.safetensors: damaged or truncated",
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


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 0.99])
def test_a_flipped_bit_is_found(place, folder):
    weights = folder / "model.safetensors"
    flip(weights, int(place * 8 * weights.stat().st_size))
    with pytest.raises(InputError, match=r"model\.safetensors: damaged: its SHA-256"):
        load_model(folder)


def test_a_folder_that_transformers_wrote_loads_and_computes_the_same(tmp_path):
    config = MT5Config(
        vocab_size=96, d_model=16, d_kv=4, num_heads=4, d_ff=24, num_layers=2,
        num_decoder_layers=3, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    peer = MT5ForConditionalGeneration(config).eval()
    # transformers 5 ties the head of a new mT5; Google's mT5 has a head of its own
    peer.lm_head.weight = torch.nn.Parameter(torch.randn(96, 16))
    peer.save_pretrained(tmp_path)
    assert_same_logits(load_model(tmp_path), peer)


def test_our_folder_loads_after_transformers_has_changed_and_saved_it(folder):
    """transformers carries our keys over, so the hash it writes is of the weights before."""
    peer = MT5ForConditionalGeneration.from_pretrained(folder)
    with torch.no_grad():
        peer.lm_head.weight.mul_(2)
    peer.save_pretrained(folder)
    assert "weights_sha256" in json.loads((folder / "config.json").read_text())
    assert_same_logits(load_model(folder), peer.eval())


def test_a_full_disk_leaves_the_model_that_was_there(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with file_size_limit(20_000), pytest.raises(InputError, match="cannot write it"):
        save_model(tiny_model(2, vocabulary=64, width=32), folder, dtype=torch.float32)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
