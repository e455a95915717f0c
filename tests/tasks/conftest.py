"""Fixtures of the tasks' tests: real text long enough for any limits."""

import pytest

from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.sources.packaged import read_packaged


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return packaged_tokenizer()


@pytest.fixture(scope="session")
def articles() -> dict[str, str]:
    """Return a long text by language: articles of HowTo-0's short form (from Debian), end to end."""
    texts: dict[str, str] = {}
    for example in read_packaged("howto0-short", "test"):
        text = texts.get(example.language, "")
        if len(text) < 5000:
            texts[example.language] = f"{text} {example.input}".strip()
    return texts
