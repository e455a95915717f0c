"""The tokenizer's recipe: it writes a file that pretraining takes, once."""

import pytest

from xlgen.data.fertility import study
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.recipes.resolve import resolve

SETTINGS = ["size=600", "threads=1", "characters=20000"]


def test_a_tokenizer_of_ones_own_is_trained_and_pretrained_with(tmp_path, corpus_of_six):
    config = resolve("pretrain.tokenizer", [f"corpus={corpus_of_six}", *SETTINGS])
    made = config.run(tmp_path / "tokenizer")
    assert made.tokenizer == tmp_path / "tokenizer" / "spiece.model"
    assert (made.pieces, made.sha256) == (600, Tokenizer(made.tokenizer).sha256)
    assert study(str(made.tokenizer)).refused is None
    before = made.tokenizer.stat()
    assert config.run(tmp_path / "tokenizer") == made
    assert made.tokenizer.stat().st_mtime_ns == before.st_mtime_ns  # kept
    settings = [f"corpus={corpus_of_six}", f"tokenizer={made.tokenizer}", "shape.vocabulary=600"]
    settings += ["training.steps=1", "training.batch_size=2", "limits.input=48", "limits.target=48"]
    resolve("pretrain.pico", settings).run(tmp_path / "run")
    stored = Tokenizer(tmp_path / "run" / "model" / "spiece.model")
    assert stored.sha256 == made.sha256


def test_a_folder_of_other_settings_is_refused(tmp_path, corpus_of_six):
    settings = [f"corpus={corpus_of_six}", *SETTINGS]
    resolve("pretrain.tokenizer", settings).run(tmp_path / "tokenizer")
    with pytest.raises(InputError, match="size"):
        resolve("pretrain.tokenizer", [*settings, "size=599"]).run(tmp_path / "tokenizer")


def test_missing_text_is_refused(tmp_path):
    with pytest.raises(InputError, match="set corpus=DIR"):
        resolve("pretrain.tokenizer").run(tmp_path / "tokenizer")
