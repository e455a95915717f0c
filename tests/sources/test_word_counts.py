"""Counts of a corpus's Latin words, and the lists that ship."""

import json
import lzma
from pathlib import Path

import pytest

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.sources.word_counts import FEWEST, MOST, count_words, word_levels

SHIPPED = Path(__file__).parents[2] / "xlgen" / "assets" / "words"


def test_levels_halve_with_the_square_root_of_two() -> None:
    text = "\n".join(["el " * 8 + "la " * 4 + "x1 " + "Una una UNA"] * 1)
    assert word_levels(text, language="es") == {2: ["el"], 4: ["la"], 5: ["una"]}
    assert word_levels("una dos " * (FEWEST - 1), language="es") == {}
    assert word_levels("", language="es") == {}


def test_code_is_not_counted() -> None:
    text = "usr/bin --help=si %s $x <b> a@b.org \n" * 5
    assert word_levels(text, language="es") == {}


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("ส่ง email ถึงผู้ใช้", "th", {"email"}),
        ("ส่ง the quick email ถึงผู้ใช้", "th", set()),
        ("ईमेल (email) भेजें", "hi", {"email"}),
        ("Gửi the quick email", "vi", {"gửi", "the", "quick", "email"}),
        ("أرسل email الآن", "ar", {"email"}),
        ("发送 email 给用户", "zh", {"email"}),
    ],
)
def test_only_loanwords_count_in_other_scripts(line: str, language: str, expected: set) -> None:
    levels = word_levels(f"{line}\n" * FEWEST, language=language)
    assert {word for words in levels.values() for word in words} == expected


def test_a_folder_of_lists_is_written(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "es.txt").write_text("el botón\n" * 4, "utf-8")
    for out in ("a", "b"):
        count_words(corpus, tmp_path / out)
    for name in ("es.txt.xz", "card.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert lzma.decompress((tmp_path / "a" / "es.txt.xz").read_bytes()).decode() == "2 botón el\n"
    (corpus / "es.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        count_words(corpus, tmp_path / "c")


def test_the_shipped_lists_are_those_of_their_card() -> None:
    card = json.loads((SHIPPED / "card.json").read_text("utf-8"))
    assert (card["most"], card["fewest"]) == (MOST, FEWEST)
    assert set(card["corpus_sha256"]) == {f"{code}.txt" for code in LANGUAGES}
    assert {path.name for path in SHIPPED.glob("*.xz")} == {f"{code}.txt.xz" for code in LANGUAGES}
