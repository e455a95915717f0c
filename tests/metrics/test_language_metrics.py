"""Language identification and ASCII share."""

import pytest

from xlgen.languages import LANGUAGES
from xlgen.metrics.language import AsciiShare, LanguageIdentification, identify


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
