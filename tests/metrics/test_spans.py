"""The language of single words: what is marked, what stays neutral, and how often it is right."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import count_hits, make_mixtures

from xlgen.languages import LANGUAGES
from xlgen.metrics.spans import Span, word_frequencies, word_languages, word_spans
from xlgen.metrics.words import LATIN

LATIN_CODES = [c for c, language in LANGUAGES.items() if LATIN in language.scripts and c != "en"]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "th", []),
        ("42 %", "vi", []),
        ("กดปุ่ม Save", "th", []),
        ("กดปุ่ม save", "th", [("save", "en")]),
        ("กดปุ่มsaveแล้ว", "th", [("save", "en")]),
        ("กดปุ่ม the button", "th", [("the", "en"), ("button", "en")]),
        ("Click The Button แล้ว", "th", [("Click", "en"), ("The", "en"), ("Button", "en")]),
        ("กด close the window Ubuntu", "th", [(w, "en") for w in ("close", "the", "window")]),
        ("กด lên trên แล้ว", "th", [("lên", "vi"), ("trên", "vi")]),
        ("用 Mozilla Firefox 打开 file.txt", "zh", []),
        ("インストールする", "zh", [("インストール", "Katakana"), ("する", "Hiragana")]),
        ("設定をインストールー々", "ja", []),
        ("अपने कंप्यूटर को ~/bin --help 42 USB", "hi", []),
        ("अपने कंप्यूटर को открыть", "hi", [("открыть", "Cyrillic")]),
        ("اضغط على save ثم", "ar", [("save", "en")]),
        ("اضغط على USB ثم %s", "ar", []),
        ("Bấm vào the nút", "vi", [("the", "en")]),
        ("Appuyez sur le bouton de l'interface", "fr", []),
        ("Appuyez sur le bouton Save de Firefox", "fr", []),
        ("Klicken Sie auf die Schaltfläche der Übersicht", "de", []),
        ("Haz clic en el botón and close the window", "es",
         [(w, "en") for w in ("and", "close", "the", "window")]),
        ("Cliquez sur el botón de la barra de herramientas", "fr",
         [(w, "es") for w in ("el", "botón", "de", "la", "barra", "de", "herramientas")]),
        ("Don't press which button", "de",
         [(w, "en") for w in ("Don't", "press", "which", "button")]),
        ("the button", "en", []),
        ("the кнопка", "en", [("кнопка", "Cyrillic")]),
        ("e\u0301cran ªº µ", "fr", []),
    ],
)  # fmt: skip
def test_wrong_words_are_found(text: str, language: str, expected: list[tuple[str, str]]) -> None:
    found = word_languages(text, language)
    assert [(text[start:end], label) for start, end, label in found] == expected


def test_the_papers_examples_are_taken_apart() -> None:
    """Table 1: what is red there is English, the rest Hindi; and no Vietnamese letter in English."""
    text = "Go to a डेंटिस्ट. Do not try to loose the दांत on your own."
    english = "Go to a Do not try to loose the on your own"
    found = word_spans(text, "hi")
    assert " ".join(text[s:e] for s, e, language in found if language == "en") == english
    assert [text[s:e] for s, e, language in found if language == "hi"] == ["डेंटिस्ट", "दांत"]
    text = (
        "Lower the humidity. Mix giấm với nước. Apply giấm mixture lên thảm. Allow thảm to dry. Use quạt "
        "to làm khô thảm."
    )
    found = word_spans(text, "vi")
    english = {text[s:e] for s, e, language in found if language == "en"}
    assert english >= {"Lower", "the", "humidity", "Mix", "to", "dry", "Use"}
    assert all(word.isascii() for word in english)


@pytest.mark.parametrize("language", ["th", "hi", "zh", "vi", "es"])
def test_names_numbers_and_code_are_neutral(language: str, texts: dict[str, list[str]]) -> None:
    """They are neither right nor wrong, wherever they stand in a real text."""
    text = texts[language][0].split("\n")[0].rstrip(": ")
    planted = f"{text} GRUB {text} apt-get_2 <b> --help 1.5 /usr/bin {text}"
    assert word_languages(text, language) == word_languages(planted, language) == []
    assert all(planted[s:e] in (*text.split(), text, "GRUB") or language in ("zh", "th", "hi")
               for s, e, _ in word_spans(planted, language))  # fmt: skip
    names = {label for s, e, label in word_spans(planted, language) if planted[s:e] == "GRUB"}
    assert names == {""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_real_text_has_few_wrong_words(language: str, texts: dict[str, list[str]]) -> None:
    """Programs keep their English names; German says "look and feel", French "support" for media."""
    marked = {
        text[start:end].lower()
        for text in texts[language]
        for start, end, _ in word_languages(text, language)
    }
    programs = {"debconf", "dpkg", "reconfigure", "readline", "gnome", "kde", "dialog", "frontend"}
    english = {"de": {"look", "and", "feel"}, "fr": {"support"}, "it": {"fronted"}, "nl": {"is"}}
    assert marked <= programs | english.get(language, set())


@pytest.mark.parametrize("language", LATIN_CODES)
def test_planted_english_is_found_and_pure_text_left_alone(language: str) -> None:
    """Of packaged test text, which the counts have not seen. `switching_accuracy.py` measures more."""
    hits = count_hits(make_mixtures(language, split="test", count=60), language)
    assert hits.planted > 50
    assert hits.precision >= 0.9
    assert hits.recall >= 0.85
    assert hits.false_alarms <= 0.02


def test_english_is_marked_in_every_other_language(texts: dict[str, list[str]]) -> None:
    for language in LANGUAGES:
        found = word_languages(texts["en"][0], language)
        assert bool(found) == (language != "en"), language


@given(st.text(max_size=60), st.sampled_from(sorted(LANGUAGES)))
def test_spans_are_in_order_and_inside_the_text(text: str, language: str) -> None:
    end = 0
    for start, stop, _ in word_spans(text, language):
        assert end <= start < stop <= len(text)
        end = stop
    assert all(label for _, _, label in word_languages(text, language))


def test_every_language_has_its_list() -> None:
    for code, language in LANGUAGES.items():
        words = word_frequencies(code)
        assert len(words) > (4_000 if LATIN in language.scripts else 100)
        assert all(re.fullmatch(r"[^\W\d_\u0307]+(?:['\u0307]+[^\W\d_]*)*", word) for word in words)
        assert -24 < min(words.values()) < max(words.values()) < 0


def test_text_in_other_scripts_alone_reads_no_list() -> None:
    code = (
        "import xlgen.metrics.spans as s; print(s.word_spans('เปิดแฟ้ม 42', 'th'), "
        "s.word_frequencies.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"{(Span(0, 8, 'th'),)} 0"
