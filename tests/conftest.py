"""Fixtures that several folders share: real text in eighteen languages' scripts, a small tokenizer."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from udhr import HARD

from xlgen.data.tokenizer import Tokenizer


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
