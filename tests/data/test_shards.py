"""Token shards: what goes in comes out, in order; nothing damaged or foreign is read."""

import json

import numpy as np
import pytest
from full_disk import file_size_limit

from xlgen.data.shards import Shard, ShardedText, is_held_out, make_shards
from xlgen.errors import InputError
from xlgen.sources.folder import read_documents


@pytest.fixture
def corpus(tmp_path, article_1):
    for language, text in article_1.items():
        documents = [f"{text} {number}\n{text}" for number in range(40)]
        (tmp_path / f"{language}.txt").write_text("\n\n".join(documents) + "\n\n", "utf-8")
    return tmp_path


def test_documents_come_out_in_order(corpus, small_tokenizer):
    text = ShardedText(make_shards(corpus, small_tokenizer, held_out=0), small_tokenizer)
    for language in ("th", "ar", "hi", "zh", "vi", "en"):
        expected = [small_tokenizer.encode(d) for d in read_documents(corpus / f"{language}.txt")]
        shard = text.train[language]
        assert shard.tokens.tolist() == [token for tokens in expected for token in tokens]
        assert np.diff(shard.starts).tolist() == [len(tokens) for tokens in expected[:-1]]
        assert text.counts("documents")[language] == 40


def test_held_out_documents_are_in_no_training_shard(corpus, small_tokenizer):
    text = ShardedText(make_shards(corpus, small_tokenizer, held_out=0.2), small_tokenizer)
    documents = list(read_documents(corpus / "vi.txt"))
    apart = [is_held_out(document, 0.2) for document in documents]
    assert 0 < sum(apart) < len(documents)
    for shard, wanted in ((text.held_out["vi"], True), (text.train["vi"], False)):
        chosen = [d for d, is_apart in zip(documents, apart) if is_apart == wanted]
        assert shard.tokens.tolist() == [t for d in chosen for t in small_tokenizer.encode(d)]


def test_a_second_call_encodes_nothing_and_changed_text_only_its_language(
    corpus, small_tokenizer, monkeypatch
):
    folder = make_shards(corpus, small_tokenizer)
    (folder / "th.json").unlink()  # as an interruption leaves it
    (corpus / "zh.txt").write_text("人人生而自由，在尊严和权利上一律平等。\n\n" * 9, "utf-8")
    encoded = []
    encode = type(small_tokenizer).encode_batch
    monkeypatch.setattr(
        type(small_tokenizer),
        "encode_batch",
        lambda self, texts: encoded.append(texts[0][:2]) or encode(self, texts),
    )
    make_shards(corpus, small_tokenizer)
    assert encoded == ["มน", "人人"]
    make_shards(corpus, small_tokenizer)
    assert len(encoded) == 2


def test_segments_tile_an_epoch_and_move_with_the_next():
    shard = Shard(np.arange(1000), np.array([0]))
    assert shard.segments(100) == 9
    first = [shard.segment(i, raw_length=100) for i in range(9)]
    assert np.concatenate(first).tolist() == list(range(900))
    starts = {int(shard.segment(0, raw_length=100, epoch=e)[0]) for e in range(8)}
    assert len(starts) == 8
    for epoch in range(50):
        for index in range(9):
            assert len(shard.segment(index, raw_length=100, epoch=epoch)) == 100


def test_text_shorter_than_a_segment_is_one_short_segment():
    shard = Shard(np.arange(30), np.array([0]))
    assert shard.segments(100) == 1
    assert shard.segment(0, raw_length=100, epoch=3).tolist() == list(range(30))
    with pytest.raises(IndexError):
        shard.segment(1, raw_length=100)


def test_a_document_segment_stays_within_the_longest_document():
    shard = Shard(np.arange(100), np.array([0, 10, 55, 90]))
    assert shard.document_segment(0, raw_length=60).tolist() == list(range(10, 55))
    assert shard.document_segment(0, raw_length=9).tolist() == list(range(9))


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path, small_tokenizer):
    (tmp_path / "th.txt").write_bytes("ดี\n\nดี\n".encode() + b"\xa1\xb2\n")
    with pytest.raises(InputError, match=r"th\.txt:4: not UTF-8"):
        make_shards(tmp_path, small_tokenizer)


def test_an_unknown_language_is_refused(tmp_path, small_tokenizer):
    (tmp_path / "xx.txt").write_text("text")
    with pytest.raises(InputError, match="xx"):
        make_shards(tmp_path, small_tokenizer)


def test_an_empty_corpus_or_language_is_refused(tmp_path, small_tokenizer):
    with pytest.raises(InputError, match=r"no <language>\.txt"):
        make_shards(tmp_path, small_tokenizer)
    (tmp_path / "hi.txt").write_text("\n\n")
    folder = make_shards(tmp_path, small_tokenizer)
    with pytest.raises(InputError, match="hi has 0 tokens"):
        ShardedText(folder, small_tokenizer)


def test_a_language_whose_text_was_taken_away_leaves(corpus, small_tokenizer):
    languages = ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer).languages
    (corpus / "ar.txt").unlink()
    left = ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer).languages
    assert left == [language for language in languages if language != "ar"]


def test_a_hash_tells_which_text_the_tokens_are_of(corpus, small_tokenizer):
    first = ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer).sha256
    assert ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer).sha256 == first
    with (corpus / "ar.txt").open("a", encoding="utf-8") as file:
        file.write("\n\nسطر آخر\n")
    assert ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer).sha256 != first


@pytest.mark.parametrize("kind", ["tokens", "starts"])
def test_a_flipped_bit_is_found(corpus, small_tokenizer, kind):
    folder = make_shards(corpus, small_tokenizer)
    path = folder / f"ar.train.{kind}.npy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        _ = ShardedText(folder, small_tokenizer).train


def test_shards_of_another_tokenizer_are_refused(corpus, small_tokenizer):
    folder = make_shards(corpus, small_tokenizer)
    manifest = json.loads((folder / "en.json").read_text())
    (folder / "en.json").write_text(json.dumps({**manifest, "tokenizer": "f" * 64}))
    with pytest.raises(InputError, match="made with tokenizer ffffffff"):
        ShardedText(folder, small_tokenizer)
    (folder / "en.json").write_text("[]")
    with pytest.raises(InputError, match="not a manifest"):
        ShardedText(folder, small_tokenizer)


def test_a_full_disk_is_named_and_a_second_call_goes_on(corpus, small_tokenizer):
    with file_size_limit(1_000), pytest.raises(InputError, match=r"tokens\.npy: cannot write it"):
        make_shards(corpus, small_tokenizer)
    text = ShardedText(make_shards(corpus, small_tokenizer), small_tokenizer)
    assert len(text.train) == len(list(corpus.glob("*.txt")))
    assert not list(text.folder.glob(".*"))
