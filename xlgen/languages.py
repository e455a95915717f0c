"""One table of languages, the eighteen and others: code, name, script, spacing, CLD3's label."""

from dataclasses import dataclass
from functools import lru_cache

from xlgen.errors import InputError
from xlgen.registry import near_names


@dataclass(frozen=True)
class Language:
    """A language. `scripts` are Unicode script names; `cld3` is the label of CLD3, which is mC4's code."""

    code: str
    name: str
    scripts: tuple[str, ...]
    spaced: bool
    right_to_left: bool
    cld3: str


# The language that has the labels: what is adapted on, and apart from all others in every average.
SOURCE = "en"


def _language(
    code: str,
    name: str,
    *scripts: str,
    spaced: bool = True,
    right_to_left: bool = False,
    cld3: str | None = None,
) -> Language:
    return Language(code, name, scripts or ("Latin",), spaced, right_to_left, cld3 or code)


# The eighteen of WikiLingua-0, in the order of the paper's tables: English, then the others by code (Vu et
# al. 2022, Table 8).
LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        _language("en", "English"),
        _language("ar", "Arabic", "Arabic", right_to_left=True),
        _language("cs", "Czech"),
        _language("de", "German"),
        _language("es", "Spanish"),
        _language("fr", "French"),
        _language("hi", "Hindi", "Devanagari"),
        _language("id", "Indonesian"),
        _language("it", "Italian"),
        _language("ja", "Japanese", "Hiragana", "Katakana", "Han", spaced=False),
        _language("ko", "Korean", "Hangul"),
        _language("nl", "Dutch"),
        _language("pt", "Portuguese"),
        _language("ru", "Russian", "Cyrillic"),
        _language("th", "Thai", "Thai", spaced=False),
        _language("tr", "Turkish"),
        _language("vi", "Vietnamese"),
        _language("zh", "Chinese", "Han", spaced=False),
    )
}

# What Tables 2 to 7 have besides (XNLI, XQuAD, TyDiQA, WikiANN): nothing is packaged in these, and words are
# not told apart in them. Names and scripts are those of mC4's table in `families`.
FURTHER: dict[str, Language] = {
    language.code: language
    for language in (
        _language("af", "Afrikaans"),
        _language("bg", "Bulgarian", "Cyrillic"),
        _language("bn", "Bangla", "Bengali"),
        _language("el", "Greek", "Greek"),
        _language("et", "Estonian"),
        _language("eu", "Basque"),
        _language("fa", "Persian", "Arabic", right_to_left=True),
        _language("fi", "Finnish"),
        _language("he", "Hebrew", "Hebrew", right_to_left=True, cld3="iw"),
        _language("hu", "Hungarian"),
        _language("jv", "Javanese"),
        _language("ka", "Georgian", "Georgian"),
        _language("kk", "Kazakh", "Cyrillic"),
        _language("ml", "Malayalam", "Malayalam"),
        _language("mr", "Marathi", "Devanagari"),
        _language("ms", "Malay"),
        _language("my", "Burmese", "Myanmar", spaced=False),
        _language("sw", "Swahili"),
        _language("ta", "Tamil", "Tamil"),
        _language("te", "Telugu", "Telugu"),
        _language("tl", "Filipino", cld3="fil"),
        _language("ur", "Urdu", "Arabic", right_to_left=True),
        _language("yo", "Yoruba"),
    )
}

KNOWN: dict[str, Language] = LANGUAGES | FURTHER

# Spellings we read as one of ours, because they mean the same language in the same script.
ALIASES = {
    "in": "id", "iw": "he", "fil": "tl", "jw": "jv",
    "pt-br": "pt", "pt-pt": "pt", "zh-cn": "zh", "zh-hans": "zh", "zh-sg": "zh",
    "en-us": "en", "en-gb": "en", "es-es": "es", "fr-fr": "fr", "de-de": "de", "ko-kr": "ko",
    "ja-jp": "ja", "cs-cz": "cs", "vi-vn": "vi", "tr-tr": "tr", "th-th": "th", "hi-in": "hi",
    "ar-sa": "ar", "id-id": "id", "it-it": "it", "nl-nl": "nl", "ru-ru": "ru",
}  # fmt: skip


def language_code(text: str) -> str:
    """Return the code of the language that `text` names; raise `InputError` with near codes else.

    >>> language_code("zh-CN"), language_code("in"), language_code("th"), language_code("sw")
    ('zh', 'id', 'th', 'sw')
    """
    code = text.strip().lower().replace("_", "-")
    code = ALIASES.get(code, code)
    if code in KNOWN:
        return code
    raise InputError(f"unknown language code {text[:40]!r}: {_near(code[:40])}")


def wikilingua_code(text: str) -> str:
    """Return the code of one of the eighteen, as `language_code`: text to train on is in these."""
    code = language_code(text)
    if code in LANGUAGES:
        return code
    raise InputError(
        f"unknown language code {text[:40]!r}: known of WikiLingua-0: {', '.join(LANGUAGES)}"
    )


@lru_cache(maxsize=64)  # a file may hold one unknown code many times
def _near(code: str) -> str:
    """Return near codes, other spellings among them; or else all codes without those."""
    near = near_names(code, [*KNOWN, *ALIASES])
    return near if near.startswith("did") else f"known: {', '.join(sorted(KNOWN))}"
