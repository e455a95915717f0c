"""Paragraphs go to the system once, come back in place, and outlive whatever fails."""

import contextlib
import json

import pytest

from xlgen.config import from_json, override
from xlgen.errors import InputError
from xlgen.translation import TRANSLATORS
from xlgen.translation import translate as module
from xlgen.translation.base import Translator
from xlgen.translation.memory import TranslationMemory
from xlgen.translation.translate import translate


def test_texts_keep_their_lines_and_white_space(shouting, memory, article_1):
    texts = ["", " \n", "a\n\n  b \t\n", "12.5 %\n…", "a\u2028b\rc\n", *article_1.values()]
    found = translate(texts, shouting(), source="en", target="th", memory=memory)
    assert found[:5] == ["", " \n", "TH(a)\n\n  TH(b) \t\n", "12.5 %\n…", "TH(a\u2028b\rc)\n"]
    assert found[5:] == [f"TH({text})" for text in article_1.values()]


def test_a_paragraph_and_its_translation_are_one_line_without_nul(memory, shouting, monkeypatch):
    """Byte pieces can spell NUL, at which systems end; a line too many would shift all that follow."""
    seen = []

    def opened(*_):
        return contextlib.nullcontext(
            lambda paragraphs: [seen.append(x) or f"{x}\n2" for x in paragraphs]
        )

    monkeypatch.setattr(shouting, "open", opened)
    found = translate(["\0ก\0ข\0\nb", "\0"], shouting(), source="en", target="th", memory=memory)
    assert (seen, found) == (["กข", "b"], ["กข 2\nb 2", ""])


def test_languages_go_by_any_of_their_names(shouting):
    shouting().check("zh-CN", "pt-BR")
    with pytest.raises(InputError, match="unknown language code 'xx'"):
        shouting().check("en", "xx")


def test_a_paragraph_is_translated_once_and_kept(shouting, memory, monkeypatch):
    seen = []
    opened = shouting.open

    def spy(self, source, target):
        seen.append((source, target))
        return opened(self, source, target)

    monkeypatch.setattr(shouting, "open", spy)
    for _ in range(2):
        assert translate(["x\nx", "x"], shouting(), source="en", target="fr", memory=memory) == [
            "FR(x)\nFR(x)",
            "FR(x)",
        ]
    assert seen == [("en", "fr")]
    assert len(memory.read_bytes().split(b"\n")) == 2
    translate(["x"], shouting(), source="en", target="de", memory=memory)
    translate(["x"], shouting(version="2"), source="en", target="fr", memory=memory)
    assert seen == [("en", "fr"), ("en", "de"), ("en", "fr")]


def test_what_was_done_before_a_failure_is_kept(shouting, memory, monkeypatch):
    monkeypatch.setattr(module, "KEPT_AT_ONCE", 2)
    texts = ["a", "b", "c", "d", "e"]
    with pytest.raises(InputError, match=r"failed; 2 of 5 .* kept in .* same command continues"):
        translate(texts, shouting(fails_at="d"), source="en", target="fr", memory=memory)
    assert [json.loads(line)["text"] for line in memory.open()] == ["a", "b"]
    found = translate(texts, shouting(), source="en", target="fr", memory=memory)
    assert found == ["FR(a)", "FR(b)", "FR(c)", "FR(d)", "FR(e)"]


@pytest.fixture
def take(monkeypatch):
    """Return a function that lets each batch, of two paragraphs, take so many seconds by the clock."""

    def set_clock(*seconds: float) -> None:
        read = iter([time for end in seconds for time in (0.0, end)])
        monkeypatch.setattr(module, "monotonic", lambda: next(read))

    monkeypatch.setattr(module, "KEPT_AT_ONCE", 2)
    return set_clock


def test_a_batch_that_takes_too_long_is_told_and_kept(shouting, memory, take, article_1):
    texts = [article_1[code] for code in ("th", "ar", "hi", "zh", "vi")]
    done = [f"EN({text})" for text in texts]
    take(60.0, 61.5, 60.0)
    slow = shouting(timeout=60.0)
    too_long = (
        r"^translator 'shouting' took 61\.5 seconds for a batch of 2 paragraphs, expected at most 60; "
        r"raise translator\.timeout, or .*; 4 of 5 paragraphs .* kept in .*: the same command continues$"
    )
    with pytest.raises(InputError, match=too_long):
        translate(texts, slow, source="th", target="en", memory=memory)
    assert [json.loads(line)["translation"] for line in memory.open(encoding="utf-8")] == done[:4]
    assert translate(texts, slow, source="th", target="en", memory=memory) == done


def test_a_last_batch_that_takes_too_long_ends_nothing(shouting, memory, take, article_1):
    take(1.0, 61.5)
    texts = [article_1[code] for code in ("hi", "th", "zh")]
    found = translate(texts, shouting(timeout=60.0), source="th", target="hi", memory=memory)
    assert found == [f"HI({text})" for text in texts]


def test_without_a_limit_a_batch_may_take_any_time(shouting, memory, take, article_1):
    take(1e9, 1e9)
    texts = [article_1[code] for code in ("ar", "vi", "zh")]
    found = translate(texts, shouting(), source="ar", target="vi", memory=memory)
    assert found == [f"VI({text})" for text in texts]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_has_the_limit(name):
    made = from_json(Translator, {"name": name})
    assert made.timeout == (300.0 if name == "apertium" else None)  # it names jobs of begun sweeps
    assert override(made, ["timeout=5"]).timeout == 5.0


def test_a_wrong_number_of_translations_is_refused(shouting, memory, monkeypatch):
    monkeypatch.setattr(
        shouting, "open", lambda *_: contextlib.nullcontext(lambda paragraphs: ["one"])
    )
    with pytest.raises(InputError, match="gave 1 translations of 2 paragraphs"):
        translate(["a\nb"], shouting(), source="en", target="fr", memory=memory)
    assert not memory.exists()


def test_a_pair_that_is_missing_names_what_there_is(fake_apertium, memory):
    with pytest.raises(InputError, match="'en' into 'th'; it has en into es, fr, it, pt;"):
        translate(["a"], fake_apertium(), source="en", target="th", memory=memory)
    with pytest.raises(InputError, match="it has es, fr, it, pt into en"):
        translate(["a"], fake_apertium(), source="hi", target="en", memory=memory)


MADE = {"translator": "t 1", "source": "en", "target": "hi"}


@pytest.mark.parametrize("damage", ["cut", "changed", "of another", "other", "not text"])
def test_a_damaged_line_is_told_and_left_out(memory, damage, caplog, article_1):
    TranslationMemory(memory, **MADE).add(["one", "two"], [article_1["hi"], article_1["zh"]])
    whole = memory.read_bytes()
    first, second, _ = whole.split(b"\n")
    memory.write_bytes(
        {
            "cut": whole[:-20],
            "of another": first + b"\n" + second.replace(b"t 1", b"t 2") + b"\n",
            "changed": first + b"\n" + second.replace(b"two", b"tow") + b"\n",
            "other": first + b"\n[1]\n",
            "not text": first + b"\n\xff\xfe\n",
        }[damage]
    )
    read = TranslationMemory(memory, **MADE)
    assert f"{memory}:2: damaged" in caplog.text
    assert read["one"] == article_1["hi"] and "two" not in read and "tow" not in read
    read.add(["two"], ["2"])
    again = TranslationMemory(memory, **MADE)
    assert (again["one"], again["two"]) == (article_1["hi"], "2")


def test_a_memory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    kept = TranslationMemory(tmp_path / "file" / "memory.jsonl", **MADE)
    with pytest.raises(InputError, match="cannot keep translations"):
        kept.add(["a"], ["b"])
    with pytest.raises(InputError, match="cannot read it"):
        TranslationMemory(tmp_path, **MADE)
