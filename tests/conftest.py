"""Fixtures that several folders share: real text in eighteen languages' scripts, a small tokenizer."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from shouting import Shouting
from udhr import HARD

from xlgen.config import override
from xlgen.data.tokenizer import Tokenizer
from xlgen.model.load import save_model, tiny_model
from xlgen.run import Adaptation, Data
from xlgen.translation import TRANSLATORS


@pytest.fixture(scope="session")
def article_1() -> dict[str, str]:
    return dict(HARD)


@pytest.fixture(scope="session")
def small_tokenizer(tmp_path_factory) -> Tokenizer:
    """Return a SentencePiece model of some 500 pieces with T5's ids, trained on HARD."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(HARD.values()) * 3), model_writer=file,
        vocab_size=480, byte_fallback=True, character_coverage=0.98, hard_vocab_limit=False,
        minloglevel=2, normalization_rule_name="nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tokenizer") / "spiece.model"
    path.write_bytes(file.getvalue())
    return Tokenizer(path)


@pytest.fixture(scope="session")
def write_jsonl() -> Callable[[Path, Iterable[dict[str, Any]]], Path]:
    """Return a function that writes records a line each, as users' files are."""

    def write(path: Path, records: Iterable[dict[str, Any]]) -> Path:
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        path.write_text("".join(lines), "utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def spiece(tmp_path_factory, article_1) -> Tokenizer:
    """Return a small SentencePiece model with T5's hundred sentinels."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(article_1.values()) * 3), model_writer=file,
        vocab_size=580, byte_fallback=True, character_coverage=0.98, hard_vocab_limit=False,
        minloglevel=2, normalization_rule_name="nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        control_symbols=[f"<extra_id_{k}>" for k in range(99, -1, -1)],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("sentinels") / "spiece.model"
    path.write_bytes(file.getvalue())
    return Tokenizer(path)


@pytest.fixture
def model_folder(tmp_path, small_tokenizer):
    save_model(tiny_model(1), tmp_path / "model", dtype=torch.float32)
    (tmp_path / "model" / "spiece.model").write_bytes(small_tokenizer.path.read_bytes())
    return tmp_path / "model"


@pytest.fixture
def run_config(tmp_path, model_folder, article_1, write_jsonl):
    """Return a run on English sentences, watched in six languages."""
    words = article_1["en"].split()
    train = [
        {"id": f"t{i}", "language": "en", "input": " ".join(words[i : i + 9]), "target": words[i]}
        for i in range(len(words) - 9)
    ]
    watched = [
        {"id": f"v-{code}", "language": code, "input": text, "target": text[:20]}
        for code, text in article_1.items()
    ]
    return override(
        Adaptation(
            model=str(model_folder),
            train=Data(source=str(write_jsonl(tmp_path / "train.jsonl", train))),
            validation=Data(source=str(write_jsonl(tmp_path / "watched.jsonl", watched))),
        ),
        [
            "method.length=5", "method.population=100", "training.batch_size=4", "training.steps=6",
            "training.validate_every=3", "training.checkpoint_every=3", "decoding.max_length=8",
            "decoding.beams=2", "training.log_every=1",
        ],
    )  # fmt: skip


@pytest.fixture
def shouting(monkeypatch) -> type[Shouting]:
    """Return a translator that is in the table while a test runs."""
    monkeypatch.setitem(TRANSLATORS._entries, "shouting", "shouting:Shouting")
    return Shouting
