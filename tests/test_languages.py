import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.errors import InputError
from xlgen.families import mc4_code, relations
from xlgen.languages import ALIASES, FURTHER, KNOWN, LANGUAGES, language_code, wikilingua_code
from xlgen.reports.published import printed_cells

# The eighteen languages of WikiLingua-0 (Vu et al. 2022, Table 8).
EIGHTEEN = [
    "ar", "cs", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pt", "ru", "th", "tr",
    "vi", "zh",
]  # fmt: skip


def test_the_table_holds_the_papers_languages():
    assert sorted(LANGUAGES) == EIGHTEEN and next(iter(LANGUAGES)) == "en"
    assert all(language.code == code for code, language in LANGUAGES.items())
    assert [code for code, x in LANGUAGES.items() if not x.spaced] == ["ja", "th", "zh"]
    assert [code for code, x in LANGUAGES.items() if x.right_to_left] == ["ar"]


def test_of_all_short_codes_only_ours_and_aliases_are_read():
    """Every code of two and three letters."""
    accepted = set()
    for length in (2, 3):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            try:
                language_code("".join(letters))
                accepted.add("".join(letters))
            except InputError:
                pass
    assert accepted == {*EIGHTEEN, *FURTHER, "in", "iw", "fil", "jw"}


def test_text_to_train_on_is_of_the_eighteen():
    assert wikilingua_code("zh-CN") == "zh"
    with pytest.raises(
        InputError, match="unknown language code 'sw': known of WikiLingua-0: en, ar"
    ):
        wikilingua_code("sw")


def test_the_further_languages_are_those_of_tables_2_to_7():
    """And no others: what nothing measures has no line here."""
    printed = {cell.language for cell in printed_cells() if cell.table in list("234567")}
    assert printed - set(LANGUAGES) == set(FURTHER)
    assert [*KNOWN] == [*LANGUAGES, *FURTHER]


@pytest.mark.parametrize("code", FURTHER)
def test_further_languages_are_called_and_written_as_in_mc4(code):
    language = FURTHER[code]
    known = relations()[language.cld3]
    assert (language.name, set(language.scripts)) == (known.name, known.scripts)
    assert mc4_code(code) == mc4_code(language.cld3) == language.cld3
    assert language_code(language.cld3) == language.code == code


def test_how_further_languages_are_written():
    """Burmese has no spaces between words; Persian, Hebrew and Urdu run from right to left."""
    assert [code for code, x in FURTHER.items() if not x.spaced] == ["my"]
    assert [code for code, x in FURTHER.items() if x.right_to_left] == ["fa", "he", "ur"]


@pytest.mark.parametrize(
    "text, code",
    [("in", "id"), ("zh-CN", "zh"), ("zh_CN", "zh"), ("zh-Hans", "zh"), ("pt-BR", "pt"), ("EN", "en"),
     (" th\n", "th"), ("hi_IN", "hi")],
)  # fmt: skip
def test_aliases(text, code):
    assert language_code(text) == code


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_means_one_of_ours(alias):
    assert alias == alias.lower() and alias not in KNOWN
    assert language_code(alias) == language_code(alias.upper()) == ALIASES[alias]


@pytest.mark.parametrize(
    "text, near",
    [
        ("eng", "did you mean en"),
        ("zh-TW", "did you mean zh"),  # traditional characters: another script, not guessed
        ("english", "known: "),
        ("", "known: "),
        ("ไทย", "known: "),
        ("th" * 4_000_000, "unknown language code 'ththth"),
    ],
)
def test_other_codes_are_refused_with_near_ones(text, near):
    with pytest.raises(InputError) as caught:
        language_code(text)
    assert near in str(caught.value) and len(str(caught.value)) < 500


@given(st.text(max_size=12))
def test_malformed_codes_are_refused(text):
    plain = text.strip().lower().replace("_", "-")
    if plain not in ALIASES and plain not in KNOWN:
        with pytest.raises(InputError):
            language_code(text)
