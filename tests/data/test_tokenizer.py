import hashlib
import io
import subprocess
import sys

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st
from udhr import HARD

from xlgen.data.tokenizer import PieceSplitter, Tokenizer
from xlgen.errors import InputError
from xlgen.metrics.pieces import Pieces

TEXTS = {**HARD, "empty": ""}


def train_model(**settings):
    """Return a tiny SentencePiece model as bytes, with T5's ids and byte pieces."""
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, **settings}
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text for text in TEXTS.values() if text] * 3), model_writer=file,
        vocab_size=500, byte_fallback=True, character_coverage=0.98, hard_vocab_limit=False,
        minloglevel=2, normalization_rule_name="nfkc", **ids,
    )  # fmt: skip
    return file.getvalue()


def piece(name, kind):
    """Return one more piece in the wire format: appended fields of a protocol buffer are merged."""
    message = b"\x0a" + bytes([len(name)]) + name + b"\x15" + bytes(4) + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(message)]) + message


def sentinels(numbers, prefix=b"", kind=4):
    return b"".join(piece(prefix + f"<extra_id_{k}>".encode(), kind) for k in numbers)


@pytest.fixture(scope="module")
def plain_model():
    return train_model()


@pytest.fixture(scope="module")
def model(plain_model):
    return plain_model + sentinels(range(99, -1, -1))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "spiece.model"
    path.write_bytes(model)
    return path


@pytest.fixture(scope="module")
def tokenizer(path):
    return Tokenizer(path)


@pytest.mark.parametrize("language", TEXTS)
def test_decode_undoes_encode(tokenizer, language):
    text = TEXTS[language]
    normal = text.replace("，", ",")  # the model's own NFKC
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == normal
    assert len(tokenizer.pieces(text)) == len(tokens)
    assert not {tokenizer.pad, tokenizer.eos, tokenizer.unk} & set(tokens)


def test_encode_equals_sentencepiece(tokenizer, plain_model):
    peer = sentencepiece.SentencePieceProcessor(model_proto=plain_model)
    assert tokenizer.encode_batch(list(TEXTS.values())) == peer.encode(list(TEXTS.values()))
    assert [tokenizer.encode(text) for text in TEXTS.values()] == peer.encode(list(TEXTS.values()))
    assert [tokenizer.pieces(text) for text in TEXTS.values()] == peer.encode(
        list(TEXTS.values()), out_type=str
    )


def test_special_ids_size_and_hash(tokenizer, model, path, plain_model):
    peer = sentencepiece.SentencePieceProcessor(model_proto=plain_model)
    assert (tokenizer.pad, tokenizer.eos, tokenizer.unk) == (0, 1, 2)
    assert tokenizer.size == peer.get_piece_size() + 100
    assert tokenizer.sentinel(0) == tokenizer.size - 1
    assert [tokenizer.sentinel(k) for k in (1, 99)] == [tokenizer.size - 2, tokenizer.size - 100]
    assert tokenizer.sha256 == hashlib.sha256(model).hexdigest()
    assert tokenizer.path == path
    with pytest.raises(InputError, match="<extra_id_100>, the file has 100"):
        tokenizer.sentinel(100)
    with pytest.raises(InputError, match="<extra_id_-1>"):
        tokenizer.sentinel(-1)


@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("prefix", [b"", "▁".encode()])
def test_special_spellings_stay_text(tmp_path, plain_model, kind, prefix):
    path = tmp_path / "spiece.model"
    path.write_bytes(plain_model + sentinels(range(99, -1, -1), prefix, kind))
    tokenizer = Tokenizer(path)
    for text in (
        "<extra_id_0>",
        "All <extra_id_7> free",
        "</s>",
        "<pad></s><unk>",
        "▁<extra_id_1>",
    ):
        tokens = tokenizer.encode(text)
        assert not {0, 1, 2} & set(tokens)
        assert max(tokens) < tokenizer.sentinel(99)
        assert tokenizer.decode(tokens) == text.replace("▁", " ").strip()


@given(
    st.lists(st.sampled_from(["<extra_id_", "<extra_id_0>", "</s>", "<pad>", "1", ">", " ", "ไทย"]))
)
def test_no_text_gives_special_ids(tokenizer, parts):
    tokens = tokenizer.encode("".join(parts))
    assert all(tokenizer.unk < token < tokenizer.sentinel(99) for token in tokens)


def test_decode_of_ids_that_are_no_text(tokenizer):
    tokens = tokenizer.encode("born free")
    assert tokenizer.decode([0, *tokens, 1, 0, 0]) == "born free"
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([tokenizer.sentinel(3), *tokens]) == "<extra_id_3> born free"
    assert tokenizer.decode([*tokens, tokenizer.size, tokenizer.size + 63]) == tokenizer.decode(
        [*tokens, 2, 2]
    )


def test_a_model_without_sentinels(tmp_path, plain_model):
    path = tmp_path / "plain.model"
    path.write_bytes(plain_model)
    tokenizer = Tokenizer(path)
    assert tokenizer.decode(tokenizer.encode("born free")) == "born free"
    with pytest.raises(InputError, match=r"plain.model: expected a sentinel <extra_id_0>.*has 0"):
        tokenizer.sentinel(0)


def test_names_of_sentinels_in_the_training_settings_are_no_pieces(tmp_path, plain_model):
    name = b"\x0a\x0c<extra_id_0>"  # as an input file of the trainer
    path = tmp_path / "plain.model"
    path.write_bytes(plain_model + b"\x12" + bytes([len(name)]) + name)
    with pytest.raises(InputError, match="the file has 0"):
        Tokenizer(path).sentinel(0)


@pytest.mark.parametrize("numbers", [range(100), range(99, 0, -1), [2, 0]])
def test_sentinels_in_another_order_are_refused(tmp_path, plain_model, numbers):
    path = tmp_path / "odd.model"
    path.write_bytes(plain_model + sentinels(numbers))
    with pytest.raises(InputError, match=r"odd.model: expected sentinels .* descending"):
        Tokenizer(path)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"pad_id": -1, "eos_id": 0, "unk_id": 1}, "expected pad id 0, found none"),
        ({"pad_id": 1, "eos_id": 0}, "expected pad id 0, found 1"),
        ({"eos_id": 2, "unk_id": 1}, "expected eos id 1, found 2"),
    ],
)
def test_other_special_ids_are_refused(tmp_path, settings, message):
    path = tmp_path / "other.model"
    path.write_bytes(train_model(**settings))
    with pytest.raises(InputError, match=f"other.model: {message}"):
        Tokenizer(path)


def test_missing_and_foreign_files_are_refused(tmp_path, plain_model):
    with pytest.raises(InputError, match="No such file"):
        Tokenizer(tmp_path / "none.model")
    with pytest.raises(InputError, match="Is a directory"):
        Tokenizer(tmp_path)
    path = tmp_path / "foreign.model"
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4309802\n"
    for data in (b"", lfs, b"{}", b"\x00" * 100, b"\x0a\x05hello", plain_model + b"x"):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"foreign.model: expected a SentencePiece model"):
            Tokenizer(path)


def test_every_truncation_is_refused(tmp_path, plain_model):
    """SentencePiece itself loads some of these, with another normalization."""
    path = tmp_path / "cut.model"
    for length in range(0, len(plain_model), 97):
        path.write_bytes(plain_model[:length])
        with pytest.raises(InputError, match="truncated"):
            Tokenizer(path)


def test_a_file_cut_between_two_pieces_is_refused(tmp_path):
    path = tmp_path / "cut.model"
    pieces = [(b"<pad>", 3), (b"</s>", 3), (b"<unk>", 2), (b"a", 1), ("▁".encode(), 1)]
    path.write_bytes(b"".join(piece(name, kind) for name, kind in pieces))
    with pytest.raises(InputError, match="truncated"):
        Tokenizer(path)


def test_a_lone_surrogate_is_refused(tokenizer):
    for call in (tokenizer.encode, tokenizer.pieces):
        with pytest.raises(InputError, match=r"lone surrogate U\+D800 at character 3"):
            call("abc\ud800")


def test_import_is_cheap():
    heavy = "{'torch', 'sentencepiece', 'numpy'}"
    code = f"import sys, xlgen.data.tokenizer; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


def test_scoring_takes_any_sentencepiece_file_with_its_own_unknown(tmp_path):
    path = tmp_path / "flores.model"
    path.write_bytes(train_model(pad_id=-1, unk_id=0, bos_id=1, eos_id=2))
    with pytest.raises(InputError, match="expected pad id 0"):
        Tokenizer(path)
    splitter, peer = PieceSplitter(path), sentencepiece.SentencePieceProcessor(str(path))
    assert splitter.unk == 0
    for text in TEXTS.values():
        assert splitter.encode(text) == peer.encode(text)
        assert splitter.pieces(text) == peer.encode(text, out_type=str)
    assert Pieces(path).signature == f"spm:{splitter.sha256[:8]}"
    assert list(Pieces(path).of(TEXTS["th"])) == peer.encode(TEXTS["th"])
