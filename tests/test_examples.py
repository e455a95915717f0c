"""The examples run as they stand, on the packaged data and the smaller model."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = (
    "model=pico", "training.steps=2", "training.batch_size=2", "validation.limit=3",
    "training.validate_every=2", "training.checkpoint_every=2", "decoding.max_length=6",
)  # fmt: skip


def test_adapt_trains_generates_and_scores(tmp_path):
    command = [sys.executable, EXAMPLES / "adapt.py", tmp_path / "run", *SMALL]
    first = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert first.returncode == 0, first.stderr
    assert "2 steps" in first.stdout
    assert first.stdout.count("  -> ") == 3
    scored = [line for line in first.stdout.split("\n") if "SP-ROUGE" in line]
    assert [line.split()[0] for line in scored] == ["en", "vi"]


def test_alignment_measures_embedding_and_encoder():
    command = [sys.executable, EXAMPLES / "alignment.py", "pico", "de", "zh"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().split("\n")
    assert [line.split(":")[0] for line in lines] == ["de", "zh", "mean"]
    for value in re.findall(r"(?:embedding|encoder) ([0-9.]+)", done.stdout):
        assert 0 <= float(value) <= 100
