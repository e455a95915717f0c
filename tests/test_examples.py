"""The examples run as they stand, on the packaged data and the smaller model."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = (
    "model=pico", "training.steps=2", "training.batch_size=2", "validation.limit=3",
    "training.validate_every=2", "training.checkpoint_every=2",
    "decoding.min_length=0", "decoding.max_length=6",
)  # fmt: skip


def test_adapt_trains_generates_and_scores(tmp_path):
    command = [sys.executable, EXAMPLES / "adapt.py", tmp_path / "run", *SMALL]
    first = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert first.returncode == 0, first.stderr
    assert "2 steps" in first.stdout
    assert first.stdout.count("  -> ") == 3
    scored = [line for line in first.stdout.split("\n") if "SP-ROUGE" in line]
    assert [line.split()[0] for line in scored] == ["en", "vi"]


def test_alignment_measures_embedding_and_encoder(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["alignment.py", "pico", "de", "zh"])
    example = runpy.run_path(str(EXAMPLES / "alignment.py"))
    lines = capsys.readouterr().out.strip().split("\n")
    assert [line.split(":")[0] for line in lines] == ["de", "zh", "mean"]
    for value in re.findall(r"(?:embedding|encoder) ([0-9.]+)", "".join(lines)):
        assert 0 <= float(value) <= 100
    rows_ND = np.random.default_rng(0).standard_normal((8, 16))
    moved_ND = 2 * rows_ND + 100  # where a language lies as a whole does not count
    assert example["accuracy"](rows_ND, moved_ND) == 100
    assert example["accuracy"](rows_ND, rows_ND[::-1]) == 0
