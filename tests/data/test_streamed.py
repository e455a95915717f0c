"""Streams of documents as token shards: as if made in one call, whatever stopped it in between."""

import json
import logging

import numpy as np
import pytest

from xlgen.data import streamed
from xlgen.data.shards import ShardedText, is_held_out
from xlgen.data.streamed import encode_stream
from xlgen.errors import InputError
from xlgen.sources.rows import BadRow


class Documents:
    """A stream of known records that may break off, as a killed program does."""

    language = "th"

    def __init__(self, records, *, breaks_at=None, files=("a",)):
        self.records, self.breaks_at, self.files, self.asked = records, breaks_at, files, []

    @property
    def facts(self):
        return {"filter": [0.95], "files": [[name, 1] for name in self.files]}

    def documents(self, start=0):
        self.asked.append(start)
        for number, record in enumerate(self.records[start:], start=start):
            if number == self.breaks_at:
                raise InputError("broken off")
            yield record


@pytest.fixture
def records(article_1):
    texts = [f"{text} {n}" for n in range(12) for text in article_1.values()]
    texts[5] = texts[17] = None
    texts[9] = BadRow("c4-th.json.gz", 10, "expected a record")
    return texts


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(streamed, "BATCH", 8)


def encode(stream, folder, tokenizer, **options):
    return encode_stream(stream, folder, tokenizer=tokenizer, **{"held_out": 0.2, **options})


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_kept_document_comes_out_in_order(records, tmp_path, small_tokenizer, caplog):
    with caplog.at_level(logging.WARNING):
        made = encode(Documents(records), tmp_path, small_tokenizer)
    kept = [text for text in records if isinstance(text, str)]
    assert (made.position, made.kept, made.left_out, made.bad) == (len(records), len(kept), 2, 1)
    assert made.is_all
    assert "1 bad records are left out; c4-th.json.gz:10: expected a record" in caplog.text
    text = ShardedText(tmp_path, small_tokenizer)
    for shard, apart in ((text.train["th"], False), (text.held_out["th"], True)):
        expected = [small_tokenizer.encode(t) for t in kept if is_held_out(t, 0.2) == apart]
        assert shard.tokens.tolist() == [token for tokens in expected for token in tokens]
        assert np.diff(shard.starts).tolist() == [len(tokens) for tokens in expected[:-1]]
    assert made.tokens == sum(len(small_tokenizer.encode(t)) for t in kept)


@pytest.mark.parametrize("breaks_at", [0, 3, 8, 31, 71])
def test_an_interrupted_call_continues_to_the_same_bytes(
    records, tmp_path, small_tokenizer, breaks_at
):
    encode(Documents(records), tmp_path / "whole", small_tokenizer)
    parts = tmp_path / "parts"
    with pytest.raises(InputError, match="broken off"):
        encode(Documents(records, breaks_at=breaks_at), parts, small_tokenizer)
    for growing in parts.glob(
        "*.train.tokens.growing"
    ):  # as a kill in the middle of a batch leaves it
        growing.write_bytes(growing.read_bytes() + b"half a batch")
    stream = Documents(records)
    encode(stream, parts, small_tokenizer)
    assert stream.asked == [breaks_at // 8 * 8]
    assert contents(parts) == contents(tmp_path / "whole")


def test_more_tokens_go_on_from_what_is_there(records, tmp_path, small_tokenizer):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    few = encode(Documents(records), parts, small_tokenizer, tokens=300)
    assert 300 <= few.tokens < 3000 and not few.is_all and few.position % 8 == 0
    again = Documents(records)
    assert encode(again, parts, small_tokenizer, tokens=300) == few
    assert again.asked == []
    more = Documents(records)
    assert encode(more, parts, small_tokenizer).is_all
    assert more.asked == [few.position]
    encode(Documents(records), whole, small_tokenizer)
    assert contents(parts) == contents(whole)


def test_new_files_go_on_and_other_ones_begin_anew(records, tmp_path, small_tokenizer):
    encode(Documents(records[:21], files=("a",)), tmp_path / "parts", small_tokenizer)
    added = Documents(records, files=("a", "b"))
    made = encode(added, tmp_path / "parts", small_tokenizer)
    assert added.asked == [21]
    encode(Documents(records, files=("a", "b")), tmp_path / "whole", small_tokenizer)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    other = Documents(records[:9], files=("b",))
    assert encode(other, tmp_path / "parts", small_tokenizer).position == 9
    assert other.asked == [0]
    assert made.position == len(records)


def test_where_a_call_stops_does_not_depend_on_the_calls_before(records, tmp_path, small_tokenizer):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    first = encode(
        Documents(records[:21]), parts, small_tokenizer
    )  # 21 is no whole number of batches
    tokens = first.tokens + 40
    made = encode(Documents(records, files=("a", "b")), parts, small_tokenizer, tokens=tokens)
    assert made == encode(
        Documents(records, files=("a", "b")), whole, small_tokenizer, tokens=tokens
    )
    assert made.position == 24
    assert contents(parts) == contents(whole)


def test_what_is_held_out_for_testing_is_left_out(tmp_path, small_tokenizer, article_1, caplog):
    class Tests(frozenset):
        identity = "of these tests"

    left_out = Tests([article_1["hi"]])
    stream = Documents([f"{article_1['th']}\n{article_1['hi']}", article_1["hi"], article_1["ar"]])
    encode(stream, tmp_path, small_tokenizer, held_out=0.0, left_out=left_out)
    tokens = ShardedText(tmp_path, small_tokenizer).train["th"].tokens.tolist()
    expected = small_tokenizer.encode(article_1["th"]) + small_tokenizer.encode(article_1["ar"])
    assert tokens == expected
    assert "2 paragraphs of th are left out" in caplog.text
    assert json.loads((tmp_path / "th.json").read_text())["left_out"] == "of these tests"


def test_damage_to_what_is_growing_is_named(records, tmp_path, small_tokenizer):
    with pytest.raises(InputError, match="broken off"):
        encode(Documents(records, breaks_at=40), tmp_path, small_tokenizer)
    (tmp_path / "th.train.tokens.growing").write_bytes(b"")
    with pytest.raises(InputError, match=r"th\.train\.tokens\.growing: missing or cut off; delete"):
        encode(Documents(records), tmp_path, small_tokenizer)
