"""Real text in eighteen languages, and a SentencePiece model trained on it.

texts.jsonl holds the questions of debconf 1.5.82 (Debian, BSD-2-Clause, Joey Hess and translators): a
title and its explanation, on several lines, by template and language.
"""

import io
import json
from pathlib import Path

import pytest
import sentencepiece

from xlgen.metrics.pieces import Pieces

RECORDS = [
    json.loads(line)
    for line in Path(__file__).with_name("texts.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="session")
def texts() -> dict[str, list[str]]:
    """The texts of each language."""
    found: dict[str, list[str]] = {}
    for record in RECORDS:
        found.setdefault(record["language"], []).append(record["text"])
    return found


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with T5's special ids that knows every character: other bytes are pieces too."""
    path = tmp_path_factory.mktemp("tokenizer") / "spiece.model"
    path.write_bytes(train_model(vocab_size=2200, byte_fallback=True, character_coverage=0.999))
    return path


@pytest.fixture(scope="session")
def latin_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows English only, without bytes: most of the other languages is unknown to it."""
    path = tmp_path_factory.mktemp("latin") / "spiece.model"
    path.write_bytes(train_model(languages=("en",), vocab_size=150))
    return path


@pytest.fixture(scope="session")
def pieces(model_path: Path) -> Pieces:
    return Pieces(model_path)


def train_model(languages: tuple[str, ...] = (), **settings: object) -> bytes:
    model = io.BytesIO()
    lines = [
        line
        for record in RECORDS
        if not languages or record["language"] in languages
        for line in record["text"].split("\n")
    ]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, normalization_rule_name="nfkc",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2, **settings,
    )  # fmt: skip
    return model.getvalue()
