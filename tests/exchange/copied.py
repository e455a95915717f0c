"""A system that copies, the languages it is asked for, and when it was."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlgen.data.examples import Example

CODES = ("en", "th", "ar", "hi", "zh", "vi")
RECORDED = Path(__file__).with_name("lm_eval_0.4.13")
DATE = "2026-11-23T12:12:43Z"


def copy(examples: Sequence[Example]) -> list[str]:
    """Copy 40 characters of each input; every fourth output is empty."""
    return [e.input[:40] if n % 4 != 3 else "" for n, e in enumerate(examples)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
