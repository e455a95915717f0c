"""Language identification, ASCII share, and the marking of wrong words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.languages import LANGUAGES
from xlgen.metrics.language import AsciiShare, LanguageIdentification, identify, word_languages


@pytest.mark.parametrize("language", LANGUAGES)
def test_real_text_is_in_its_language(language: str, texts: dict[str, list[str]]) -> None:
    text = texts[language][0]
    probability, count = LanguageIdentification().statistics(text, "", language)
    assert (probability > 0.5, count) == (True, 1.0)
    is_english = LanguageIdentification("en").statistics(text, "", language)[0] > 0
    assert is_english == (language == "en")


@pytest.mark.parametrize(
    "text", ["", " \n", "42 %", "<extra_id_0>", "<extra_id_0> <extra_id_12>...", "___", "👍", "१२३"]
)
def test_a_text_without_letters_is_in_no_language(text: str) -> None:
    """CLD3 itself calls the empty text Japanese and a sentinel Chinese."""
    assert identify(text) == ("und", 0.0)
    assert LanguageIdentification().statistics(text, "", "ja") == (0.0, 1.0)


def test_cld3_is_asked_with_0_to_1000_bytes() -> None:
    """Known answers of CLD3 at these settings: short texts have a language, and not always the right."""
    assert identify("Hello") == ("sr", pytest.approx(0.8307, abs=1e-4))
    assert identify("Xin chào các bạn")[0] == "vi"


def test_marks_and_zero_bytes_are_no_trouble() -> None:
    for text in ("\u0e34", "a\u0000b", "\u200d", "ا\u0640" * 3000):
        label, probability = identify(text)
        assert isinstance(label, str)
        assert 0 <= probability <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0.0, 0.0)),
        ("abc", (1.0, 1.0)),
        ("กขคง", (0.0, 1.0)),
        ("กก a", (0.5, 1.0)),
        ("é", (0.0, 1.0)),
    ],
)
def test_ascii_share_counts_characters(text: str, expected: tuple[float, float]) -> None:
    assert AsciiShare().statistics(text, "", "th") == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "th", []),
        ("กดปุ่ม Save", "th", []),
        ("กดปุ่ม save", "th", [("save", "Latin")]),
        ("กดปุ่มsaveแล้ว", "th", [("save", "Latin")]),
        ("กดปุ่ม the button", "th", [("the", "en"), ("button", "Latin")]),
        ("Click The Button แล้ว", "th", [("Click", "Latin"), ("The", "en"), ("Button", "Latin")]),
        ("用 Mozilla Firefox 打开 file.txt", "zh", []),
        ("インストールする", "zh", [("インストール", "Katakana"), ("する", "Hiragana")]),
        ("設定をインストールー々", "ja", []),
        ("अपने कंप्यूटर को ~/bin --help 42 USB", "hi", []),
        ("अपने कंप्यूटर को открыть", "hi", [("открыть", "Cyrillic")]),
        ("Bấm vào the nút", "vi", [("the", "en")]),
        ("Appuyez sur le bouton", "fr", []),
        ("Don't press which button", "de", [("Don't", "en"), ("which", "en")]),
        ("the button", "en", []),
        ("the кнопка", "en", [("кнопка", "Cyrillic")]),
        ("e\u0301cran ªº µ", "fr", []),
    ],
)
def test_wrong_words_are_marked(text: str, language: str, expected: list[tuple[str, str]]) -> None:
    found = word_languages(text, language)
    assert [(text[start:end], label) for start, end, label in found] == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_real_text_has_no_other_wrong_words_than_program_names(
    language: str, texts: dict[str, list[str]]
) -> None:
    """The German text says "Look and Feel"; names of programs stay in Latin letters everywhere."""
    marked = {
        text[start:end].lower()
        for text in texts[language]
        for start, end, _ in word_languages(text, language)
    }
    programs = {"debconf", "dpkg", "reconfigure", "readline", "gnome", "kde", "dialog"}
    assert marked <= programs | ({"and"} if language == "de" else set())


def test_english_is_marked_in_every_other_language(texts: dict[str, list[str]]) -> None:
    for language in LANGUAGES:
        found = word_languages(texts["en"][0], language)
        assert bool(found) == (language != "en"), language


@given(st.text(max_size=60), st.sampled_from(sorted(LANGUAGES)))
def test_marks_are_in_order_and_inside_the_text(text: str, language: str) -> None:
    end = 0
    for start, stop, label in word_languages(text, language):
        assert end <= start < stop <= len(text)
        assert label
        end = stop
