"""A tokenizer with T5's hundred sentinels."""

import io

import pytest
import sentencepiece

from xlgen.data.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def spiece(tmp_path_factory, article_1) -> Tokenizer:
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
