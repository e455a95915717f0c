"""The example of the README runs as it stands, on the packaged data and the smaller model."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "adapt.py"
SMALL = (
    "model=pico", "training.steps=2", "training.batch_size=2", "validation.limit=3",
    "training.validate_every=2", "training.checkpoint_every=2", "decoding.max_length=6",
)  # fmt: skip


def test_adapt_trains_generates_and_scores(tmp_path):
    command = [sys.executable, EXAMPLE, tmp_path / "run", *SMALL]
    first = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert first.returncode == 0, first.stderr
    assert "2 steps" in first.stdout
    assert first.stdout.count("  -> ") == 3
    scored = [line for line in first.stdout.split("\n") if "SP-ROUGE" in line]
    assert [line.split()[0] for line in scored] == ["en", "vi"]
