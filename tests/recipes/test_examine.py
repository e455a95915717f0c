"""Examining a model: known answers of a model without an opinion, and a source that helps or does not."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.model.load import random_model, save_model
from xlgen.model.t5 import T5Config
from xlgen.recipes.examine import BATCH, examine, score_tokens
from xlgen.recipes.export import add_to_card
from xlgen.recipes.resolve import resolve

SHAPE = T5Config(640, 64, 2, 32, 64, 1, 1, dropout=0.0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, article_1):
    """Return a corpus of which every language has documents to hold out: 400 that differ."""
    folder = tmp_path_factory.mktemp("examined")
    for language, text in article_1.items():
        words = text.split(" ") if " " in text else list(text)
        documents = [" ".join(words[n % 7 :: 1 + n % 3]) + f" {n}\n{text} {n}" for n in range(1200)]
        (folder / f"{language}.txt").write_text("\n\n".join(documents), "utf-8")
    return folder


def save(model, folder, spiece: Tokenizer):
    save_model(model, folder, tokenizer_sha256=spiece.sha256)
    (folder / "spiece.model").write_bytes(spiece.path.read_bytes())
    return str(folder)


def test_a_model_without_an_opinion_costs_the_logarithm_of_its_vocabulary(tmp_path, corpus, spiece):
    model = random_model(SHAPE, seed=0)
    torch.nn.init.zeros_(model.head.weight)
    found = examine(save(model, tmp_path / "model", spiece), corpus, segments=2).languages
    assert [row.language for row in found] == ["ar", "en", "hi", "th", "vi", "zh"]
    for row in found:
        assert row.span == pytest.approx(math.log(640), rel=1e-5)
        assert row.prefix == pytest.approx(math.log(640), rel=1e-5)
        assert row.blind == pytest.approx(row.span)
        assert row.bits > row.trigram_bits > 0  # trigrams know this text well
        assert row.really == 100  # text has its own language
    assert sum(row.right for row in found) / len(found) < 50  # what is drawn here has none


def test_a_source_that_is_copied_from_shows_in_the_blind_loss(tmp_path, spiece, article_1):
    """In each document every word has one word that follows it, which only this document tells."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for language in ("en", "vi"):
        words = sorted(set(article_1[language].split()))
        draw = random.Random(0)
        rounds = [" ".join(draw.sample(words, 12)) for _ in range(1200)]
        documents = "\n\n".join(" ".join([words] * 8) for words in rounds)
        (corpus / f"{language}.txt").write_text(documents, "utf-8")
    shape = ["shape.vocabulary=640", "shape.width=96", "shape.heads=2", "shape.head_width=32"]
    settings = [f"corpus={corpus}", f"tokenizer={spiece.path}", "passes=3", "codes=24", *shape]
    resolve("pretrain.pico_start", settings).run(tmp_path / "start")
    model = str(tmp_path / "start" / "model")
    found = examine(model, corpus, segments=4)
    gains = [row.blind - row.span for row in found.languages]
    assert min(gains) > 0.1
    told = found.to_json()
    assert json.loads(json.dumps(told)) == told
    assert found.table().row_count == 3  # and the mean


def test_a_target_costs_the_same_among_longer_ones():
    model = random_model(SHAPE, seed=0).eval()
    lengths = [3, 1, 40, 7, 2, 25, 11, 5, 60][: BATCH + 1]
    examples = [
        TokenizedExample(str(n), "en", "", (*range(3, 3 + 2 * n), 1), (*range(5, 5 + n), 1))
        for n in lengths
    ]
    together = score_tokens(model, examples)
    for example, scores in zip(examples, together, strict=True):
        (alone,) = score_tokens(model, [example])
        assert len(alone.nats) == len(example.target)
        torch.testing.assert_close(scores.nats, alone.nats, atol=1e-5, rtol=0)
        assert torch.equal(scores.hits, alone.hits)


def test_the_same_call_gives_the_same_numbers(tmp_path, corpus, spiece):
    model = save(random_model(replace(SHAPE, width=32), seed=0), tmp_path / "model", spiece)
    assert examine(model, corpus, segments=1) == examine(model, corpus, segments=1)


def test_the_card_takes_the_table_once_and_keeps_the_stage_before(tmp_path, corpus, spiece):
    model = save(random_model(SHAPE, seed=0), tmp_path / "model", spiece)
    with pytest.raises(InputError, match=r"README.md: no such card"):
        add_to_card(Path(model), "## What it is")
    card = tmp_path / "model" / "README.md"
    card.write_text("# A model\n\nโมเดล\n\n## The stage before\n\n### A stage\n", "utf-8")
    found = examine(model, corpus, segments=1)
    add_to_card(Path(model), "## What it is\n\nold")
    for _ in range(2):
        add_to_card(Path(model), found.section(1))
        own, earlier = card.read_text("utf-8").split("## The stage before")
        assert earlier == "\n\n### A stage\n"
        assert own.startswith("# A model\n\nโมเดล\n\n## What it is\n")
        assert "old" not in own
        table = [line for line in own.split("\n") if line.startswith("|")]
        languages = [line.split(" | ")[0].removeprefix("| ") for line in table[2:]]
        assert languages == ["ar", "en", "hi", "th", "vi", "zh", "mean"]
        assert {line.count("|") for line in table} == {11}


def test_a_corpus_too_small_to_hold_anything_out_is_refused(tmp_path, spiece):
    model = save(random_model(SHAPE, seed=0), tmp_path / "model", spiece)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "th.txt").write_text("สวัสดีชาวโลก", "utf-8")
    with pytest.raises(InputError, match="no document is held out"):
        examine(model, tmp_path / "corpus")
