"""One table of the eighteen languages: code, name, script, whether words are spaced, what CLD3 calls it."""

from dataclasses import dataclass
from functools import cache

from xlgen.errors import InputError
from xlgen.registry import near_names


@dataclass(frozen=True)
class Language:
    """A language of WikiLingua-0. `scripts` are Unicode script names; `cld3` is the label of CLD3."""

    code: str
    name: str
    scripts: tuple[str, ...]
    spaced: bool
    right_to_left: bool
    cld3: str


# The language that has the labels: what is adapted on, and apart from all others in every average.
SOURCE = "en"


def _language(
    code: str, name: str, *scripts: str, spaced: bool = True, right_to_left: bool = False
) -> Language:
    return Language(code, name, scripts or ("Latin",), spaced, right_to_left, code)


# The order of the paper's tables: English, then the others by code (Vu et al. 2022, Table 8).
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

# Spellings we read as one of the eighteen, because they mean the same language in the same script.
ALIASES = {
    "in": "id", "pt-br": "pt", "pt-pt": "pt", "zh-cn": "zh", "zh-hans": "zh", "zh-sg": "zh",
    "en-us": "en", "en-gb": "en", "es-es": "es", "fr-fr": "fr", "de-de": "de", "ko-kr": "ko",
    "ja-jp": "ja", "cs-cz": "cs", "vi-vn": "vi", "tr-tr": "tr", "th-th": "th", "hi-in": "hi",
    "ar-sa": "ar", "id-id": "id", "it-it": "it", "nl-nl": "nl", "ru-ru": "ru",
}  # fmt: skip


def language_code(text: str) -> str:
    """Return the code of the language that `text` names; raise `InputError` with near codes else.

    >>> language_code("zh-CN"), language_code("in"), language_code("th")
    ('zh', 'id', 'th')
    """
    code = text.strip().lower().replace("_", "-")
    code = ALIASES.get(code, code)
    if code in LANGUAGES:
        return code
    near = near_names(code[:40], _known_names())
    raise InputError(f"unknown language code {text[:40]!r}: {near}")


@cache
def _known_names() -> list[str]:
    return [*LANGUAGES, *ALIASES]
