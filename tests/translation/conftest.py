"""A fake `apertium` with the real one's manners."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgen.translation.apertium import MODES, Apertium

# Reads texts that end with NUL and gives them back in capitals, once; `{trouble}` is what a test is about.
FAKE = """\
#!/usr/bin/env python3
import os, sys, time
from pathlib import Path
calls = Path(__file__).with_name("calls")
count = len(calls.read_text().split("\\n")) if calls.exists() else 1
with calls.open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
texts = sys.stdin.buffer.read().decode().split("\\0")[:-1]
{trouble}
sys.stdout.buffer.write("".join(text.upper() + "\\0" for text in texts).encode() + b"\\0\\0")
"""


@pytest.fixture
def fake_apertium(tmp_path) -> Callable[..., Apertium]:
    """Return a function that makes an installation whose program has some trouble, a line of Python."""

    def make(trouble: str = "pass", *, timeout: float = 20.0) -> Apertium:
        folder = tmp_path / "apertium"
        (folder / "modes").mkdir(parents=True, exist_ok=True)
        for mode, _ in MODES.values():
            (folder / "modes" / f"{mode}.mode").write_text(f"cat '{folder}/data.bin'")
        (folder / "data.bin").write_bytes(b"1")
        program = folder / "apertium"
        program.write_text(FAKE.format(trouble=trouble))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return Apertium(program=str(program), data=folder, timeout=timeout)

    return make


@pytest.fixture
def memory(tmp_path) -> Path:
    return tmp_path / "translations.jsonl"
