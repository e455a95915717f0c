"""Languages of mC4 with their families: complete, agreeing with the eighteen, a tree."""

from itertools import product

import pytest

from xlgen.errors import InputError
from xlgen.families import FAMILIES, family_distance, mc4_code, relations, script_distance
from xlgen.languages import LANGUAGES


def test_the_languages_are_mc4s():
    """101 languages, six of them in Latin script besides (Xue et al. 2021): the paper's 107 prompts."""
    latin = {code for code in relations() if code.endswith("-Latn")}
    assert len(relations()) == 107
    assert latin == {f"{code}-Latn" for code in ("bg", "el", "hi", "ja", "ru", "zh")}


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_eighteen_are_called_and_written_as_elsewhere(code):
    assert relations()[code].name == LANGUAGES[code].name
    assert relations()[code].scripts == set(LANGUAGES[code].scripts)


def test_families_are_known_by_distinct_letters_and_own_their_branches():
    assert {x.family for x in relations().values()} == set(FAMILIES)
    assert len(set(FAMILIES.values())) == len(FAMILIES)
    families_of: dict[str, set[str]] = {}
    for language in relations().values():
        assert all((language.name, language.branch, language.scripts)), language
        families_of.setdefault(language.branch, set()).add(language.family)
    assert all(len(families) == 1 for families in families_of.values())


# What the paper says of its own clusters (appendix D).
KNOWN = {
    "Northern Europe is one branch": (("no", "sv", "da", "nl"), {1}),
    "South-Western Europe is one branch": (("es", "pt", "fr", "it"), {1}),
    "Finnish and Hungarian are Finno-Ugric": (("fi", "hu"), {2}),
    "India's languages are of different families": (("te", "ka", "hi"), {3}),
    "Igbo and Haitian Creole are unrelated by family": (("ig", "ht"), {3}),
    "a language in two scripts is one": (("zh", "zh-Latn"), {0}),
}


@pytest.mark.parametrize("claim", KNOWN)
def test_distances_say_what_the_paper_does(claim):
    codes, distances = KNOWN[claim]
    assert {family_distance(a, b) for a, b in product(codes, codes) if a != b} == distances


def test_family_distance_is_that_of_a_tree():
    """The two largest of three distances are equal: an ultrametric."""
    codes = [*LANGUAGES, "ka", "ru-Latn", "te", "ta", "fi", "hu", "eu", "eo"]
    for three in product(codes, repeat=3):
        a, b, c = three
        sides = sorted((family_distance(a, b), family_distance(b, c), family_distance(a, c)))
        assert sides[1] == sides[2], three


def test_scripts_are_shared_or_not():
    for one, other, distance in (
        ("th", "th", 0),
        ("ja", "zh", 0),
        ("hi", "mr", 0),
        ("hi", "ur", 1),
    ):
        assert script_distance(one, other) == script_distance(other, one) == distance


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("th", "th"),
        (" ZH_cn ", "zh"),
        ("he", "iw"),
        ("nb", "no"),
        ("RU-LATN", "ru-Latn"),
        ("in", "id"),
    ],
)
def test_other_spellings_are_understood(text, code):
    assert mc4_code(text) == code


@pytest.mark.parametrize("text", ["", "xx", "thai", "zh-Hant", "th" * 9999])
def test_unknown_codes_are_told(text):
    with pytest.raises(InputError, match="unknown language code"):
        mc4_code(text)
