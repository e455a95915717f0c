"""Models by their address: the same files as from the folder there, and no more asked for than they need."""

import json
import shutil
from dataclasses import replace

import msgpack
import pytest
import t5x_files
import torch
from safetensors.torch import load_file, save_file
from served import serving
from t5x_files import t5x_tree, write_t5x
from typer.testing import CliRunner

from xlgen import download
from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.model.convert import convert
from xlgen.model.hugging_face import hugging_face_name
from xlgen.model.load import random_model, save_model
from xlgen.model.t5 import T5Config

HEAD = "t5x/target.decoder.logits_dense.kernel"
SHAPE = T5Config(
    vocabulary=128, width=16, heads=4, head_width=4, feed_forward=24, encoder_layers=3, decoder_layers=2
)  # fmt: skip


def state_of(vocabulary=128):
    """Return a random model by Hugging Face's names, as their own folders have it."""
    model = random_model(replace(SHAPE, vocabulary=vocabulary), seed=3)
    named = model.named_parameters()
    return {hugging_face_name(name): tensor.detach().clone() for name, tensor in named}


def write_with_states(folder, arrays, **options):
    """Write a checkpoint as of training: the optimizer's moments lie in zarr folders beside the weights."""
    write_t5x(folder, arrays, **options)
    tree = msgpack.unpackb((folder / "checkpoint").read_bytes())
    states = tree["optimizer"]["state"]["param_states"] = {}
    for path in list(folder.glob("target.*")):
        name = f"state.param_states.{path.name.removeprefix('target.')}.v"
        shutil.copytree(path, folder / name)
        states[name] = {"driver": "zarr", "kvstore": {"driver": "gfile", "path": name}}
    (folder / "checkpoint").write_bytes(msgpack.packb(tree))
    return folder


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))
    (tmp_path / "far").mkdir()
    with serving(tmp_path / "far") as server:
        yield server


@pytest.fixture
def served(server, tmp_path):
    """Return a server with a checkpoint, and what converts it."""
    write_with_states(tmp_path / "far" / "t5x", t5x_tree(state_of()))

    def converted(name="t5x", **options):
        out = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        convert(f"{server.address}/{name}", out, cache=tmp_path / "cache", **options)
        return out

    server.converted = converted
    return server


def assert_same_files(one, two):
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def needed(folder):
    """Return the names of the files of the weights, the server's way."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {str(path.relative_to(folder.parent)) for path in files}
    return {name for name in names if "/state." not in name}


@pytest.mark.parametrize(
    ("stacked", "chunk", "compressor", "dtype"),
    [
        (False, 13, "gzip", torch.float32), (True, 5, "gzip", torch.float32),
        (False, 1000, None, torch.bfloat16), (False, 9, None, torch.float32),
    ],
)  # fmt: skip
def test_a_checkpoint_from_an_address_is_that_of_its_folder_bit_by_bit(
    stacked, chunk, compressor, dtype, server, tmp_path
):
    state = {name: tensor.to(dtype) for name, tensor in state_of().items()}
    arrays = t5x_tree(state, stacked=stacked)
    far = write_with_states(tmp_path / "far" / "t5x", arrays, chunk=chunk, compressor=compressor)
    convert(str(far), tmp_path / "expected")
    cache = tmp_path / "cache"
    convert(f"{server.address}/t5x/", tmp_path / "out", cache=cache)
    assert_same_files(tmp_path / "out", tmp_path / "expected")
    assert sorted(server.names()) == sorted(needed(far))  # each once, and no state of the optimizer
    asked = len(server.asked)
    convert(f"{server.address}/t5x", tmp_path / "again", cache=cache)
    convert(str(cache / f"localhost_{server.server_port}" / "t5x"), tmp_path / "third")
    assert_same_files(tmp_path / "again", tmp_path / "expected")
    assert_same_files(tmp_path / "third", tmp_path / "expected")
    assert len(server.asked) == asked


def test_chunks_in_folders_of_their_own_are_found(served, tmp_path):
    far = tmp_path / "far" / "t5x"
    for path in list(far.glob("target.*/*.*")):
        if path.name == ".zarray":
            path.write_text(json.dumps(json.loads(path.read_text()) | {"dimension_separator": "/"}))
        else:
            new = path.parent / path.name.replace(".", "/")
            new.parent.mkdir(exist_ok=True)
            path.rename(new)
    convert(str(far), tmp_path / "expected")
    assert_same_files(served.converted(), tmp_path / "expected")
    assert f"{HEAD}/1/9" in served.names()


def test_arrays_in_the_msgpack_file_itself_take_one_request(server, tmp_path, monkeypatch):
    monkeypatch.setattr(t5x_files, "INLINE_BELOW", 10**9)
    far = write_t5x(tmp_path / "far" / "t5x", t5x_tree(state_of()))
    convert(str(far), tmp_path / "expected")
    server.cuts["t5x/checkpoint"] = [9_999]
    convert(f"{server.address}/t5x", tmp_path / "out", cache=tmp_path / "cache")
    assert_same_files(tmp_path / "out", tmp_path / "expected")
    assert server.asked[1][:2] == ("t5x/checkpoint", 9_999)
    assert server.sent("t5x/checkpoint") == (far / "checkpoint").stat().st_size
    assert set(server.names()) == {"t5x/checkpoint"}


def test_an_interrupted_command_goes_on_and_no_byte_is_sent_twice(served, tmp_path):
    far = tmp_path / "far" / "t5x"
    convert(str(far), tmp_path / "expected")
    served.cuts[f"{HEAD}/0.3"] = [100, 0, 0, 0]
    with pytest.raises(InputError, match=r"0\.3: cannot fetch it \(cut after 100 of"):
        served.converted()
    assert not list(tmp_path.glob("*out-*")) and not list(tmp_path.glob(".*"))
    assert_same_files(served.converted(), tmp_path / "expected")
    sizes = {name: (far.parent / name).stat().st_size for name in needed(far)}
    assert served.sent(f"{HEAD}/0.3") == sizes[f"{HEAD}/0.3"]
    twice = [name for name in sizes if served.sent(name) != sizes[name]]
    assert len(twice) <= download.AT_ONCE  # those that were on their way
    assert not list(tmp_path.rglob("*.part"))


def test_a_server_without_ranges_is_enough(served, tmp_path):
    convert(str(tmp_path / "far" / "t5x"), tmp_path / "expected")
    served.ranges = False
    served.cuts[f"{HEAD}/0.3"] = [100]
    assert_same_files(served.converted(), tmp_path / "expected")


def test_a_bucket_is_read_over_https(served, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "BUCKETS", f"{served.address}/")
    convert(str(tmp_path / "far" / "t5x"), tmp_path / "expected")
    convert("gs://t5x", tmp_path / "out", cache=tmp_path / "cache")
    assert_same_files(tmp_path / "out", tmp_path / "expected")


def change_tree(far, change):
    tree = msgpack.unpackb((far / "checkpoint").read_bytes())
    change(tree["optimizer"]["target"])
    (far / "checkpoint").write_bytes(msgpack.packb(tree))


def change_array(far, **fields):
    path = far.parent / HEAD / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def remove(path):
    path.unlink()


PLACE = {"driver": "zarr", "kvstore": {"driver": "gfile", "path": "../../etc"}}
# name -> (what is done to the checkpoint, what the message says, the last file asked for)
REFUSED = {
    "a web page": (
        lambda far: (far / "checkpoint").write_text("<html>Not found</html>"),
        "ADDRESS/t5x/checkpoint: CACHE/t5x/checkpoint: not a T5X checkpoint's msgpack",
        "t5x/checkpoint",
    ),
    "nothing": (
        lambda far: shutil.rmtree(far),
        "ADDRESS/t5x/checkpoint: not there (404 Not Found); expected the msgpack file of a T5X checkpoint, "
        "or config.json, which is not there either",
        "t5x/config.json",
    ),
    "a path trick": (
        lambda far: change_tree(far, lambda target: target.update({"../../x": PLACE})),
        "'../../x' is no array's name",
        "t5x/checkpoint",
    ),
    "an absolute path": (
        lambda far: change_tree(far, lambda target: target.update({"/etc/x": PLACE})),
        "'/etc/x' is no array's name",
        "t5x/checkpoint",
    ),
    "no .zarray": (
        lambda far: remove(far.parent / HEAD / ".zarray"),
        f"ADDRESS/{HEAD}/.zarray: not there (404 Not Found); expected the shape of an array",
        ".zarray",
    ),
    "a long .zarray": (
        lambda far: (far.parent / HEAD / ".zarray").write_bytes(b" " * 70_000),
        f"ADDRESS/{HEAD}/.zarray: has 70,000 bytes; expected the shape of an array",
        ".zarray",
    ),
    "another version": (
        lambda far: change_array(far, zarr_format=3),
        f"ADDRESS/{HEAD}/.zarray: CACHE/{HEAD}/.zarray: zarr_format: expected 2, got '3'",
        ".zarray",
    ),
    "very many chunks": (
        lambda far: change_array(far, shape=[2**18, 2**18], chunks=[1, 1]),
        "chunks are too many to be true",
        ".zarray",
    ),
    "another model": (
        lambda far: change_tree(far, lambda target: target["decoder"].pop("decoder_norm")),
        "missing tensor 'decoder/decoder_norm/scale'",
        ".zarray",
    ),
    "a chunk too long": (
        lambda far: (far.parent / HEAD / "0.0").write_bytes(bytes(9_000)),
        f"ADDRESS/{HEAD}/0.0: has 9,000 bytes; expected a chunk of an array, of at most",
        "",
    ),
    "no chunk": (
        lambda far: remove(far.parent / HEAD / "0.0"),
        f"ADDRESS/{HEAD}/0.0: not there (404 Not Found); expected a chunk of an array",
        "",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_checkpoint_is_refused_before_more_is_asked_for(kind, served, tmp_path):
    damage, message, last = REFUSED[kind]
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "far" / "t5x", whole)
    damage(tmp_path / "far" / "t5x")
    with pytest.raises(InputError) as refusal:
        served.converted()
    cache = tmp_path / "cache" / f"localhost_{served.server_port}"
    message = message.replace("ADDRESS", served.address).replace("CACHE", str(cache))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert all(name.endswith((last, "t5x/checkpoint")) for name in served.names())
    assert {path.name for path in tmp_path.iterdir()} == {"far", "whole", "cache"}
    if kind in ("a web page", "nothing", "no .zarray", "another version", "no chunk"):
        shutil.rmtree(tmp_path / "far" / "t5x", ignore_errors=True)
        whole.rename(tmp_path / "far" / "t5x")
        served.converted()  # what was bad is not kept


def test_a_damaged_chunk_is_named_with_how_to_fetch_it_anew(served, tmp_path):
    far = tmp_path / "far"
    data = (far / HEAD / "0.0").read_bytes()
    (far / HEAD / "0.0").write_bytes(data[:40] + bytes(4) + data[44:])
    with pytest.raises(InputError) as refusal:
        served.converted()
    assert f"it came from {served.address}/t5x: remove it to fetch it anew" in str(refusal.value)
    cached = tmp_path / "cache" / f"localhost_{served.server_port}" / HEAD / "0.0"
    assert str(refusal.value).startswith(str(cached))
    (far / HEAD / "0.0").write_bytes(data)
    cached.unlink()
    served.converted()


def test_a_folder_that_is_there_is_refused_before_anything_is_asked_for(served, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        convert(f"{served.address}/t5x", tmp_path / "out", cache=tmp_path / "cache")
    with pytest.raises(InputError, match="http is taken of localhost only"):
        convert("http://models.example/t5x", tmp_path / "new", cache=tmp_path / "cache")
    assert not served.asked


@pytest.mark.parametrize("shards", ["one file", "shards"])
def test_a_hugging_face_folder_is_fetched_too(shards, server, tmp_path, spiece):
    far = tmp_path / "far" / "theirs"
    save_model(random_model(SHAPE, seed=3), far, dtype=torch.float32)
    config = json.loads((far / "config.json").read_text()) | {"vocab_size": spiece.size}
    state = {k: v.contiguous() for k, v in state_of(spiece.size).items()}
    config.pop("weights_sha256")
    (far / "config.json").write_text(json.dumps(config))
    shutil.copy(spiece.path, far / "spiece.model")
    save_file(state, far / "model.safetensors")
    if shards == "shards":
        (far / "model.safetensors").unlink()
        names = sorted(state)
        files = {"a.safetensors": names[:9], "b.safetensors": names[9:]}
        for file, held in files.items():
            save_file({name: state[name] for name in held}, far / file)
        index = {"weight_map": {name: file for file, held in files.items() for name in held}}
        (far / "model.safetensors.index.json").write_text(json.dumps(index))
    convert(str(far), tmp_path / "expected")
    source, cache = f"{server.address}/theirs", tmp_path / "cache"
    convert(source, tmp_path / "out", cache=cache)
    assert_same_files(tmp_path / "out", tmp_path / "expected")
    assert set(load_file(tmp_path / "out" / "model.safetensors")) == set(state)
    assert (tmp_path / "out" / "spiece.model").is_file()


def test_a_hugging_face_folder_of_pickles_or_tricks_is_refused(server, tmp_path):
    far = tmp_path / "far" / "theirs"
    save_model(random_model(SHAPE, seed=3), far)
    (far / "model.safetensors").rename(far / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pickles \(\*\.bin\) are never opened"):
        convert(f"{server.address}/theirs", tmp_path / "out", cache=tmp_path / "cache")
    index = {"weight_map": {"shared.weight": "../x.safetensors"}}
    (far / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"'\.\./x\.safetensors' is not a plain file name"):
        convert(f"{server.address}/theirs", tmp_path / "out", cache=tmp_path / "cache")
    assert not any("pytorch_model" in name or "x.safetensors" in name for name in server.names())
    (far / "config.json").write_text('{"model_type": "bert"}')
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(InputError, match=r"config\.json: expected an mT5"):
        convert(f"{server.address}/theirs", tmp_path / "out", cache=tmp_path / "cache")
    assert server.names()[-1] == "theirs/config.json"


def test_the_command_takes_addresses_of_the_model_and_its_vocabulary(server, tmp_path, spiece):
    write_t5x(tmp_path / "far" / "t5x", t5x_tree(state_of(spiece.size)))
    (tmp_path / "far" / "vocabs").mkdir()
    shutil.copy(spiece.path, tmp_path / "far" / "vocabs" / "sentencepiece.model")
    options = ["--spm", f"{server.address}/vocabs/sentencepiece.model", "--json"]
    options += ["--cache", str(tmp_path / "cache")]
    done = CliRunner().invoke(
        app, ["convert", f"{server.address}/t5x", str(tmp_path / "out"), *options]
    )
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["tokenizer"] == "spiece.model"
    assert (tmp_path / "out" / "spiece.model").read_bytes() == spiece.path.read_bytes()
    convert(str(tmp_path / "far" / "t5x"), tmp_path / "expected", spm=spiece.path)
    assert_same_files(tmp_path / "out", tmp_path / "expected")
