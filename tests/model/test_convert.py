"""Models between layouts: to the same bits, to transformers' logits, and every damage by its name."""

import json
import shutil
import time
import weakref
from functools import partial

import msgpack
import pytest
import sentencepiece
import torch
from full_disk import file_size_limit
from safetensors.torch import load_file, save_file
from same_logits import assert_same_logits
from t5x_files import t5x_tree, write_t5x
from transformers import (
    AutoTokenizer,
    ByT5Tokenizer,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)
from typer.testing import CliRunner

from xlgen.cli import app
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.inventory import describe
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.convert import convert
from xlgen.model.hugging_face import read_model_config
from xlgen.model.load import load_model, save_model, tiny_model
from xlgen.model.packaged import open_model, open_tokenizer
from xlgen.model.stored import StoredTensor, open_stored, write_tensors
from xlgen.run import open_run
from xlgen.sources.readers import read_examples

SHAPE = {
    "vocab_size": 128, "d_model": 16, "d_kv": 4, "num_heads": 4, "d_ff": 24, "num_layers": 3,
    "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
}  # fmt: skip
PEERS = {
    "mt5": (MT5Config, MT5ForConditionalGeneration),
    "t5": (T5Config, T5ForConditionalGeneration),
    "umt5": (UMT5Config, UMT5ForConditionalGeneration),
}


def make_peer(family, **shape):
    """Return a random model of transformers with a head of its own, as all but T5 1.0 have."""
    config, kind = PEERS[family]
    torch.manual_seed(3)
    peer = kind(config(**SHAPE | shape)).eval()
    peer.lm_head.weight = torch.nn.Parameter(torch.randn(peer.lm_head.weight.shape))
    # transformers 5 says True, and scales umT5's logits then
    peer.config.tie_word_embeddings = False
    peer.config.decoder_start_token_id = 0
    return peer


def state_of(peer):
    state = {name: tensor.clone() for name, tensor in peer.state_dict().items()}
    return {name: tensor for name, tensor in state.items() if "embed_tokens" not in name}


def assert_same_tensors(folder, state):
    found = load_file(folder / "model.safetensors")
    assert set(found) == set(state)
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("family", ["mt5", "umt5"])
def test_a_t5x_checkpoint_has_the_logits_of_transformers(family, stacked, tmp_path):
    peer = make_peer(family)
    write_t5x(tmp_path / "t5x", t5x_tree(peer.state_dict(), stacked=stacked))
    told = convert(str(tmp_path / "t5x"), tmp_path / "out")
    assert_same_tensors(tmp_path / "out", state_of(peer))
    assert_same_logits(load_model(tmp_path / "out"), peer)
    assert told.parameters == sum(tensor.numel() for tensor in state_of(peer).values())
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == family


@pytest.mark.parametrize("compressor", ["gzip", None])
@pytest.mark.parametrize("chunk", [5, 16, 1000])
def test_t5x_chunks_of_any_size_and_bfloat16_give_the_same_bits(chunk, compressor, tmp_path):
    state = {name: tensor.bfloat16() for name, tensor in state_of(make_peer("mt5")).items()}
    write_t5x(tmp_path / "t5x", t5x_tree(state), chunk=chunk, compressor=compressor)
    assert convert(str(tmp_path / "t5x"), tmp_path / "out").dtype == "bfloat16"
    assert_same_tensors(tmp_path / "out", state)


@pytest.mark.parametrize("family", PEERS)
def test_folders_of_transformers_go_there_and_back_to_the_same_bits(family, tmp_path):
    peer = make_peer(family, num_layers=4, num_decoder_layers=1)  # ByT5's proportions
    peer.save_pretrained(tmp_path / "theirs", max_shard_size="8KB")
    assert len(list((tmp_path / "theirs").glob("*.safetensors"))) > 2
    convert(str(tmp_path / "theirs"), tmp_path / "ours")
    convert(str(tmp_path / "ours"), tmp_path / "back", to="hugging-face")
    assert_same_tensors(tmp_path / "ours", state_of(peer))
    assert_same_tensors(tmp_path / "back", state_of(peer))
    assert_same_logits(load_model(tmp_path / "ours"), peer)
    config = json.loads((tmp_path / "back" / "config.json").read_text())
    assert config["model_type"] == family
    assert not {"weights_sha256", "tokenizer_sha256"} & set(config)
    opened = PEERS[family][1].from_pretrained(tmp_path / "back").eval()
    assert torch.equal(opened.lm_head.weight, peer.lm_head.weight)
    opened.config.tie_word_embeddings = False
    assert_same_logits(load_model(tmp_path / "ours"), opened)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_file_is_that_of_safetensors_itself(dtype, tmp_path):
    save_model(tiny_model(1), tmp_path / "ours", dtype=dtype)
    tensors = load_file(tmp_path / "ours" / "model.safetensors")
    save_file(tensors, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    expected = (tmp_path / "theirs.safetensors").read_bytes()
    assert (tmp_path / "ours" / "model.safetensors").read_bytes() == expected
    convert(str(tmp_path / "ours"), tmp_path / "again")
    for name in ("model.safetensors", "config.json"):
        one, two = (tmp_path / folder / name for folder in ("ours", "again"))
        assert one.read_bytes() == two.read_bytes()


def test_dtype_and_what_a_checkpoint_does_not_say_can_be_given(tmp_path):
    peer = make_peer("mt5")
    write_t5x(tmp_path / "t5x", t5x_tree(peer.state_dict()))
    settings = ["dropout=0", "position_distance=64"]
    convert(str(tmp_path / "t5x"), tmp_path / "out", dtype=torch.bfloat16, settings=settings)
    config = read_model_config(tmp_path / "out")
    assert (config.dropout, config.position_distance, config.position_buckets) == (0, 64, 32)
    rounded = {name: tensor.bfloat16() for name, tensor in state_of(peer).items()}
    assert_same_tensors(tmp_path / "out", rounded)
    with pytest.raises(InputError, match="heads=2: the tensors say"):
        convert(str(tmp_path / "t5x"), tmp_path / "two", settings=["heads=2"])
    with pytest.raises(InputError, match="expected 0 <= dropout"):
        convert(str(tmp_path / "t5x"), tmp_path / "two", settings=["dropout=2"])


def test_the_packaged_model_becomes_a_folder_for_transformers(tmp_path, article_1):
    convert("pico", tmp_path / "theirs", to="hugging-face")
    model, tokenizer = open_model("pico")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "theirs")
    for text in [*article_1.values(), ""]:
        assert theirs(text).input_ids == [*tokenizer.encode(text), 1]
    peer = MT5ForConditionalGeneration.from_pretrained(tmp_path / "theirs")
    assert torch.equal(peer.lm_head.weight, model.head.weight)


@pytest.fixture
def without_bytes(tmp_path, article_1):
    """Return a SentencePiece model as T5's 32,000 pieces are: neither bytes nor sentinels."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(article_1.values()) * 3), model_prefix=str(tmp_path / "t5"),
        vocab_size=300, character_coverage=0.98, hard_vocab_limit=False, minloglevel=2,
        normalization_rule_name="nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    return Tokenizer(tmp_path / "t5.model")


def test_t5s_hundred_extra_ids_are_above_the_pieces_of_its_file(tmp_path, without_bytes, article_1):
    rows = without_bytes.size + 128  # as T5's 32,128 rows of 32,000 pieces and 100 sentinels
    write_t5x(tmp_path / "t5x", t5x_tree(make_peer("mt5", vocab_size=rows).state_dict()))
    convert(str(tmp_path / "t5x"), tmp_path / "out", spm=without_bytes.path)
    ours = open_tokenizer(tmp_path / "out")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert len(theirs) == ours.size == without_bytes.size + 100
    for k in (0, 1, 99):
        assert ours.sentinel(k) == theirs.convert_tokens_to_ids(f"<extra_id_{k}>")
    with pytest.raises(InputError, match="expected a sentinel <extra_id_100>"):
        ours.sentinel(100)
    for text in [*article_1.values(), ""]:
        tokens = ours.encode(text)
        assert [*tokens, 1] == theirs(text).input_ids
        assert ours.decode(tokens) == without_bytes.decode(tokens)
        spliced = [ours.sentinel(0), *tokens, ours.sentinel(99), ours.size]
        shown = " ".join(filter(None, ["<extra_id_0>", ours.decode(tokens), "<extra_id_99>"]))
        assert ours.decode(spliced).startswith(shown)
    assert not set(ours.text_ids) & {ours.sentinel(k) for k in range(100)}


def test_a_tuned_t5_keeps_its_extra_ids(tmp_path, without_bytes):
    rows = without_bytes.size + 128
    write_t5x(tmp_path / "t5x", t5x_tree(make_peer("mt5", vocab_size=rows).state_dict()))
    convert(str(tmp_path / "t5x"), tmp_path / "base", spm=without_bytes.path)
    model, tokenizer = open_model(str(tmp_path / "base"))
    tuned = ModelTuning().attach(model, tokenizer, seed=0)
    tuned.export(tmp_path / "tuned", base=str(tmp_path / "base"))
    kept = open_model(str(tmp_path / "tuned"))[1].sentinels
    assert kept == tokenizer.sentinels
    assert len(kept) == 100


def test_a_file_with_its_own_sentinels_gets_no_others(tmp_path, spiece):
    rows = spiece.size + 200
    write_t5x(tmp_path / "t5x", t5x_tree(make_peer("mt5", vocab_size=rows).state_dict()))
    convert(str(tmp_path / "t5x"), tmp_path / "out", spm=spiece.path)
    assert open_tokenizer(tmp_path / "out").sentinel(0) == spiece.sentinel(0)
    assert json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())["extra_ids"] == 0


@pytest.fixture
def byt5(tmp_path):
    """Return a converted ByT5 of transformers, with its tokenizer as transformers writes it."""
    make_peer("t5", vocab_size=384, num_layers=2).save_pretrained(tmp_path / "theirs")
    ByT5Tokenizer().save_pretrained(tmp_path / "theirs")
    assert convert(str(tmp_path / "theirs"), tmp_path / "byt5").tokenizer == "ByT5's bytes"
    return tmp_path / "byt5"


def test_byt5s_bytes_are_those_of_transformers(byt5, article_1):
    ours, theirs = open_tokenizer(byt5), AutoTokenizer.from_pretrained(byt5)
    assert isinstance(theirs, ByT5Tokenizer) and len(theirs) == ours.size == 384
    assert {"th", "ar", "hi", "zh", "vi"} <= set(article_1)
    for text in [*article_1.values(), ""]:
        tokens = ours.encode(text)
        assert [*tokens, 1] == theirs(text).input_ids
        assert ours.decode([0, *tokens, 1, 2]) == theirs.decode(tokens) == text
        for cut in (tokens[:-1], tokens[1:], tokens[::-1]):  # no UTF-8 in most scripts
            assert ours.decode(cut) == theirs.decode(cut)
    assert ours.encode_batch(["ก", ""]) == [[227, 187, 132], []]
    # transformers has the same 125 ids, counted upwards
    extra = [theirs.convert_tokens_to_ids(f"<extra_id_{k}>") for k in range(125)]
    assert [ours.sentinel(k) for k in range(125)] == extra[::-1] == list(range(383, 258, -1))
    assert ours.decode([383, 100, 259, 400]) == "<extra_id_0>a<extra_id_124>"
    assert ours.text_ids == tuple(range(3, 259))
    with pytest.raises(InputError, match="lone surrogate"):
        ours.encode("\ud800")
    assert describe(str(byt5))["tokenizer"]["pieces"] == 384


@pytest.mark.parametrize("method", ["prompt", "model"])
def test_a_byt5_is_tuned_and_generates(byt5, method, tmp_path):
    run = tmp_path / method
    settings = ["train.limit=4", "validation.limit=1", "training.steps=2", "training.batch_size=2"]
    settings += ["limits.input=64", "limits.target=16", f"model={byt5}"]
    settings += ["decoding.min_length=4", "decoding.max_length=12"]
    done = CliRunner().invoke(app, ["train", f"howto.{method}", "--out", str(run), *settings])
    assert done.exit_code == 0, done.exception
    examples = read_examples("howto0-short", split="test", languages=("th", "hi"))[:2]
    texts = open_run(run).predict(examples)
    assert len(texts) == 2 and all(isinstance(text, str) for text in texts)
    if method == "model":
        assert open_tokenizer(run / "export").size == 384


def test_a_model_with_too_few_rows_for_bytes_is_refused(tmp_path):
    make_peer("t5", vocab_size=256).save_pretrained(tmp_path / "theirs")
    ByT5Tokenizer().save_pretrained(tmp_path / "theirs")
    with pytest.raises(InputError, match="has 384 pieces, the model only 256 rows"):
        convert(str(tmp_path / "theirs"), tmp_path / "out")


def change_tree(folder, change):
    tree = msgpack.unpackb((folder / "checkpoint").read_bytes())
    change(tree)
    (folder / "checkpoint").write_bytes(msgpack.packb(tree))


def target(tree):
    return tree["optimizer"]["target"]


def change_array(folder, **fields):
    path = folder / "target.decoder.logits_dense.kernel" / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def head(folder):
    return folder / "target.decoder.logits_dense.kernel"


def truncate(path):
    path.write_bytes(path.read_bytes()[:-9])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def rewritten(folder, change):
    arrays = t5x_tree(make_peer("mt5").state_dict())
    change(arrays)
    shutil.rmtree(folder)
    write_t5x(folder, arrays)


def drop_gate(arrays):
    arrays["encoder/layers_0/mlp/wi/kernel"] = arrays.pop("encoder/layers_0/mlp/wi_0/kernel")


def bomb(folder):
    import gzip

    (head(folder) / "0.0").write_bytes(gzip.compress(bytes(50_000_000)))


T5X_DAMAGE = {
    "no checkpoint file": (lambda f: (f / "checkpoint").unlink(), "neither config.json"),
    "not msgpack": (lambda f: (f / "checkpoint").write_bytes(b"\xc1{}"), "not a T5X checkpoint's"),
    "msgpack cut off": (lambda f: truncate(f / "checkpoint"), "not a T5X checkpoint's msgpack"),
    "a deep tree": (lambda f: (f / "checkpoint").write_bytes(b"\x81\xa1a" * 3000), "not a T5X"),
    "no target": (lambda f: change_tree(f, lambda t: t.pop("optimizer")), "holds no optimizer/targ"),
    "a list": (lambda f: (f / "checkpoint").write_bytes(b"\x90"), "holds no optimizer/target"),
    "a path trick": (
        lambda f: change_tree(f, lambda t: target(t).update({"../x": {"driver": "zarr"}})),
        "is no array's name",
    ),
    "a number for an array": (
        lambda f: change_tree(f, lambda t: target(t).update({"x": 3})),
        "'x' is no array of floating-point",
    ),
    "OCDBT": (lambda f: (f / "manifest.ocdbt").touch(), "OCDBT"),
    "no .zarray": (lambda f: (head(f) / ".zarray").unlink(), "files that begin with a dot too"),
    "no chunk": (lambda f: (head(f) / "1.2").unlink(), "1.2: a missing or damaged chunk"),
    "chunk cut off": (lambda f: truncate(head(f) / "0.1"), "0.1: a missing or damaged chunk"),
    "flipped bit": (lambda f: flip(head(f) / "1.1"), "1.1: a missing or damaged chunk"),
    "a chunk of another size": (
        lambda f: shutil.copy(f / "target.token_embedder.embedding" / "0.0", head(f) / "0.0")
        and change_array(f, chunks=[5, 7]),
        "0.0: a missing or damaged chunk (no gzip of 140 bytes)",
    ),
    "a bomb": (bomb, "0.0: a missing or damaged chunk (no gzip of 676 bytes)"),
    "a huge chunk": (
        lambda f: change_array(f, chunks=[16, 10**10]),
        "0.0: a missing or damaged chunk (",
    ),
    "chunks that are too small": (
        lambda f: change_array(f, chunks=[13, 14]),
        "0.0: expected a chunk of 728 bytes, got 676",
    ),
    "blosc": (lambda f: change_array(f, compressor={"id": "blosc"}), "compressor: expected 'gzip'"),
    "integers": (lambda f: change_array(f, dtype="<i8"), "dtype: expected '<f4'"),
    "objects": (lambda f: change_array(f, dtype="|O"), "dtype: expected '<f4'"),
    "zarr 3": (lambda f: change_array(f, zarr_format=3), "zarr_format: expected 2"),
    "a shape of text": (lambda f: change_array(f, shape="x"), "shape: expected a list of sizes"),
    "a huge shape": (lambda f: change_array(f, shape=[16, 10**15]), "too large to be true"),
    "another shape": (
        lambda f: change_array(f, shape=[16, 100]),
        "'decoder/logits_dense/kernel' is [100, 16], the shape of the others says [128, 16]",
    ),
    "T5 1.0": (lambda f: rewritten(f, drop_gate), "T5 1.0; expected mT5's gated GELU"),
    "tied": (
        lambda f: rewritten(f, lambda a: a.pop("decoder/logits_dense/kernel")),
        "missing tensor 'decoder/logits_dense/kernel' (a tied head?",
    ),
    "no embedding": (
        lambda f: rewritten(f, lambda a: a.pop("token_embedder/embedding")),
        "missing tensor 'token_embedder/embedding'",
    ),
    "a layer's norm is missing": (
        lambda f: rewritten(f, lambda a: a.pop("decoder/layers_1/pre_mlp_layer_norm/scale")),
        "missing tensor 'decoder/layers_1/pre_mlp_layer_norm/scale'",
    ),
    "a strange tensor": (
        lambda f: rewritten(f, lambda a: a.update({"prompt/prompt": torch.ones(5, 16)})),
        "tensor 'prompt/prompt' does not belong to an mT5",
    ),
    "NaN": (
        lambda f: rewritten(f, lambda a: a["decoder/logits_dense/kernel"].fill_(float("nan"))),
        "tensor 'decoder/logits_dense/kernel' holds NaN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", T5X_DAMAGE)
def test_a_damaged_checkpoint_is_refused_and_nothing_is_written(kind, tmp_path):
    damage, message = T5X_DAMAGE[kind]
    write_t5x(tmp_path / "t5x", t5x_tree(make_peer("mt5").state_dict()))
    with torch.no_grad():
        damage(tmp_path / "t5x")
    with pytest.raises(InputError) as refusal:
        convert(str(tmp_path / "t5x"), tmp_path / "out")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert {path.name for path in tmp_path.iterdir()} == {"t5x"}


def pickles(folder):
    (folder / "model.safetensors").rename(folder / "model.pt")


def change_config(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def add_tensors(folder, **tensors):
    path = folder / "model.safetensors"
    save_file(load_file(path) | {n.replace("__", "."): t for n, t in tensors.items()}, path)


FOLDER_DAMAGE = {
    "pickles": (pickles, "pickle weights only (model.pt)"),
    "code": (lambda f: change_config(f, auto_map={"AutoModel": "x.py"}), "asks for code"),
    "code of a tokenizer": (
        lambda f: (f / "tokenizer_config.json").write_text(
            '{"auto_map": {"AutoTokenizer": "x.py"}}'
        ),
        "tokenizer_config.json: asks for code",
    ),
    "another start token": (
        lambda f: change_config(f, decoder_start_token_id=2),
        "expected 0, T5's",
    ),
    "integers": (
        lambda f: add_tensors(f, shared__weight=torch.ones(128, 16, dtype=torch.int8)),
        "'shared.weight' is I8",
    ),
    "another embedding of the decoder": (
        lambda f: add_tensors(f, decoder__embed_tokens__weight=torch.ones(128, 16)),
        "'decoder.embed_tokens.weight' and 'shared.weight' differ",
    ),
    "positions in each layer of an mT5": (
        lambda f: change_config(f, model_type="umt5"),
        "missing tensor 'decoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight'",
    ),
    "a strange number of extra ids": (
        lambda f: (f / "tokenizer_config.json").write_text('{"extra_ids": -1}'),
        "extra_ids: expected 0 to 1000",
    ),
}


@pytest.mark.parametrize("kind", FOLDER_DAMAGE)
def test_a_folder_that_is_no_model_is_refused_and_nothing_is_written(kind, tmp_path):
    damage, message = FOLDER_DAMAGE[kind]
    peer = make_peer("mt5")
    peer.save_pretrained(tmp_path / "theirs")
    damage(tmp_path / "theirs")
    with pytest.raises(InputError) as refusal:
        convert(str(tmp_path / "theirs"), tmp_path / "out")
    assert message in str(refusal.value)
    assert {path.name for path in tmp_path.iterdir()} == {"theirs"}


def test_what_old_files_repeat_or_never_use_is_passed_over(tmp_path):
    peer = make_peer("t5")
    peer.save_pretrained(tmp_path / "theirs")
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    copies = {
        f"{side}__embed_tokens__weight": peer.shared.weight.detach().clone()
        for side in ("encoder", "decoder")
    }
    more = {unused.replace(".", "__"): torch.randn(32, 4)}
    add_tensors(tmp_path / "theirs", **copies, **more)
    convert(str(tmp_path / "theirs"), tmp_path / "ours")
    assert_same_tensors(tmp_path / "ours", state_of(peer))


def test_a_folder_that_is_there_and_a_foreign_tokenizer_are_refused(tmp_path, small_tokenizer):
    make_peer("mt5").save_pretrained(tmp_path / "theirs")
    before = {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()}
    with pytest.raises(InputError, match="exists already; name a new folder"):
        convert(str(tmp_path / "theirs"), tmp_path / "theirs")
    with pytest.raises(InputError, match=r"pieces, the model only 128 rows"):
        convert(str(tmp_path / "theirs"), tmp_path / "out", spm=small_tokenizer.path)
    with pytest.raises(InputError, match="name the folder in it: theirs"):
        convert(str(tmp_path), tmp_path / "out")
    with file_size_limit(9_000), pytest.raises(InputError, match="cannot write the model"):
        convert(str(tmp_path / "theirs"), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()} == before
    assert not (tmp_path / "out").exists()


def test_an_array_is_read_once_for_all_its_stacked_layers(tmp_path, monkeypatch):
    from xlgen.model.zarr import ZarrArray

    write_t5x(tmp_path / "t5x", t5x_tree(make_peer("umt5").state_dict(), stacked=True))
    opened, read = [], ZarrArray.read
    monkeypatch.setattr(ZarrArray, "read", lambda a: opened.append(a.folder) or read(a))
    for stored in open_stored(tmp_path / "t5x").tensors.values():
        stored.read()
    assert len(opened) == len(set(opened)) == len(list((tmp_path / "t5x").glob("target.*")))


def test_parts_are_read_ahead_and_written_in_turn_with_few_in_memory(tmp_path):
    alive = most = 0

    def released():
        nonlocal alive
        alive -= 1

    def part(number):
        nonlocal alive, most
        tensor = torch.full((2, 3), float(number))
        weakref.finalize(tensor, released)
        alive += 1
        most = max(most, alive)
        time.sleep(0.01 if number % 4 == 0 else 0)  # the next ones are ready before it
        return tensor

    parts = [partial(part, number) for number in range(40)]
    cut = StoredTensor("cut", (80, 3), torch.float32, lambda: None, parts)
    whole = StoredTensor("whole", (2, 3), torch.float32, lambda: torch.full((2, 3), 50.0))
    tensors = {"before": whole, "cut": cut, "after": whole}
    write_tensors(tmp_path / "x.safetensors", tensors, source=tmp_path)
    found = load_file(tmp_path / "x.safetensors")
    assert found["cut"][:, 0].tolist() == [float(i // 2) for i in range(80)]
    assert found["before"].unique().tolist() == found["after"].unique().tolist() == [50.0]
    assert 1 < most <= torch.get_num_threads() + 2


def test_a_tied_head_is_warned_of_and_one_that_differs_last_is_not(tmp_path, caplog):
    """What transformers 5 leaves of an mT5 that it tied."""
    peer = make_peer("mt5", vocab_size=9000)
    peer.save_pretrained(tmp_path / "theirs")
    path = tmp_path / "theirs" / "model.safetensors"
    tensors = load_file(path)
    for name, last in (("tied", 0), ("own", 1)):
        head = tensors["shared.weight"].clone()
        head[-1, -1] += last
        save_file(tensors | {"lm_head.weight": head}, path)
        with caplog.at_level("WARNING"):
            convert(str(tmp_path / "theirs"), tmp_path / name)
    (told,) = [record.getMessage() for record in caplog.records if "TIED" in record.getMessage()]
    assert told.startswith(f"{tmp_path / 'theirs'}: TIED! The head is the embedding, bit for bit")


def test_show_says_tied_loudly_and_counts_the_parts(tmp_path, small_tokenizer):
    peer = make_peer("umt5", vocab_size=600)
    write_t5x(tmp_path / "t5x", t5x_tree(peer.state_dict(), stacked=True))
    shown = describe(str(tmp_path / "t5x"))
    assert shown["head"].startswith("untied")
    assert shown["parts"]["embedding"] == shown["parts"]["head"] == f"{600 * 16:,}"
    assert shown["bytes"] == 4 * shown["parameters"] == 4 * sum(map(torch.numel, peer.parameters()))
    convert(str(tmp_path / "t5x"), tmp_path / "out", to="hugging-face", spm=small_tokenizer.path)
    path = tmp_path / "out" / "model.safetensors"
    tensors = load_file(path)
    tied = {"lm_head.weight": tensors["shared.weight"].clone()}
    for kind, head in (("bit for bit", tied), ("no head of its own", {})):
        del tensors["lm_head.weight"]
        tensors |= head
        save_file(tensors, path)
        shown = describe(str(tmp_path / "out"))
        assert shown["head"].startswith("TIED!")
        assert kind in shown["head"]
        assert shown["tokenizer"]["pieces"] == small_tokenizer.size + 100
