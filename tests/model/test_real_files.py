"""Google's own files, where a folder has them: every tensor to the bits that gzip and numpy read.

They are google-research/prompt-tuning's test data, not copied into this repository: `test_t5_1_1_tiny/`,
a checkpoint of T5X; `mrpc.npy` and `prompt_5x256.npy`, prompts; `t5_vocab`, T5's SentencePiece file.
"""

import gzip
import itertools
import json
import os
from pathlib import Path

import msgpack
import numpy as np
import pytest
from safetensors.torch import load_file
from same_logits import assert_same_logits
from t5x_files import t5x_tree
from transformers import MT5ForConditionalGeneration

from xlgen.data.tokenizer import Tokenizer
from xlgen.methods.prompt_files import read_prompt
from xlgen.model.convert import convert
from xlgen.model.load import load_model
from xlgen.model.packaged import open_tokenizer

FOLDER = os.environ.get("XLGEN_REAL_FILES")


def real(name: str) -> Path:
    """Return the only file of this name below the folder; skip the test where there is none."""
    wanted = f"set XLGEN_REAL_FILES to a folder with {name} of google-research/prompt-tuning"
    if not FOLDER:
        pytest.skip(wanted)
    found = sorted(Path(FOLDER).rglob(name))
    if not found:
        pytest.skip(f"{wanted}; {FOLDER} has none")
    (path,) = found
    return path


def read_chunks(folder: Path) -> np.ndarray:
    """Return a zarr array by gzip and numpy alone."""
    about = json.loads((folder / ".zarray").read_text())
    assert (about["order"], about["filters"], about["compressor"]["id"]) == ("C", None, "gzip")
    shape, chunks = about["shape"], about["chunks"]
    whole = np.zeros(shape, about["dtype"])
    for index in itertools.product(*(range(-(-n // c)) for n, c in zip(shape, chunks))):
        data = gzip.decompress((folder / ".".join(map(str, index))).read_bytes())
        part = np.frombuffer(data, about["dtype"]).reshape(chunks)
        region = tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, chunks, shape))
        whole[region] = part[tuple(slice(r.stop - r.start) for r in region)]
    return whole


def read_leaves(node, folder: Path, prefix=""):
    """Yield T5X's names and arrays of a msgpack tree: small arrays stand in it, others beside it."""
    if isinstance(node, msgpack.ExtType):
        shape, dtype, data = msgpack.unpackb(node.data)
        yield prefix, np.frombuffer(data, dtype).reshape(shape)
    elif "kvstore" in node:
        yield prefix, read_chunks(folder / node["kvstore"]["path"])
    else:
        for name, child in node.items():
            yield from read_leaves(child, folder, f"{prefix}/{name}" if prefix else name)


@pytest.fixture
def tiny() -> Path:
    return real("test_t5_1_1_tiny") / "checkpoint_3"


def test_a_checkpoint_of_google_is_converted_to_the_same_bits(tiny, tmp_path):
    tree = msgpack.unpackb((tiny / "checkpoint").read_bytes(), strict_map_key=False)
    expected = dict(read_leaves(tree["optimizer"]["target"], tiny))
    convert(str(tiny), tmp_path / "out")
    found = t5x_tree(load_file(tmp_path / "out" / "model.safetensors"))
    assert set(found) == set(expected) and len(found) > 30
    for name, array in expected.items():
        ours = found[name].contiguous().numpy()
        assert (ours.dtype, ours.shape) == (np.float32, array.shape)
        assert ours.tobytes() == np.ascontiguousarray(array, np.float32).tobytes(), name


def test_a_checkpoint_of_google_has_the_logits_of_transformers(tiny, tmp_path):
    convert(str(tiny), tmp_path / "theirs", to="hugging-face")
    convert(str(tiny), tmp_path / "ours")
    peer = MT5ForConditionalGeneration.from_pretrained(tmp_path / "theirs").eval()
    peer.config.tie_word_embeddings = False
    assert_same_logits(load_model(tmp_path / "ours"), peer, vocabulary=32_000)


@pytest.mark.parametrize(
    ("name", "shape"), [("mrpc.npy", (100, 768)), ("prompt_5x256.npy", (5, 256))]
)
def test_prompts_of_google_are_read_to_the_same_bits(name, shape):
    """The small one is stored in float64; prompts are float32 here."""
    expected = np.load(real(name), allow_pickle=False).astype(np.float32)
    found = read_prompt(real(name)).numpy()
    assert found.shape == expected.shape == shape
    assert found.tobytes() == expected.tobytes()


def test_t5s_vocabulary_fits_its_checkpoint(tiny, tmp_path):
    """32,000 pieces and 100 sentinels make 32,100; the embedding's rows are padded to 32,128."""
    pieces = real("t5_vocab")
    assert Tokenizer(pieces).size == 32_000
    convert(str(tiny), tmp_path / "out", spm=pieces)
    tokenizer = open_tokenizer(tmp_path / "out")
    assert (tokenizer.size, len(tokenizer.sentinels)) == (32_100, 100)
    assert load_model(tmp_path / "out").config.vocabulary == 32_128
    assert (
        tokenizer.decode(tokenizer.encode("Das Haus ist wunderbar.")) == "Das Haus ist wunderbar."
    )
