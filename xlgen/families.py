"""The languages of mC4 with family, branch and scripts: how near two are, and codes beyond ours.

The table is `assets/languages/languages.csv`; the README beside it names its sources.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from xlgen.errors import InputError
from xlgen.languages import ALIASES, KNOWN
from xlgen.registry import near_names

# What a family is called where there is no room; the order is that of colours in figures.
FAMILIES = {
    "Indo-European": "IE", "Afro-Asiatic": "AA", "Sino-Tibetan": "ST", "Austronesian": "An",
    "Austroasiatic": "Au", "Turkic": "Tu", "Tai-Kadai": "TK", "Japonic": "Ja", "Koreanic": "Ko",
    "Uralic": "Ur", "Dravidian": "Dr", "Atlantic-Congo": "AC", "Kartvelian": "Ka", "Mongolic": "Mo",
    "Hmong-Mien": "HM", "Basque": "Ba", "Artificial Language": "Ar",
}  # fmt: skip
# Other spellings of mC4's codes. mC4 calls a language as CLD3 does.
_SPELLINGS = (
    ALIASES
    | {"nb": "no", "ji": "yi"}
    | {code: language.cld3 for code, language in KNOWN.items() if code != language.cld3}
)


@dataclass(frozen=True)
class Relation:
    """A language of mC4 and where it belongs; `scripts` are Unicode script names."""

    code: str
    name: str
    family: str
    branch: str
    scripts: frozenset[str]


@cache
def relations() -> dict[str, Relation]:
    """Return the 107 languages by code."""
    text = (
        resources.files("xlgen").joinpath("assets", "languages", "languages.csv").read_text("utf-8")
    )
    return {
        row["code"]: Relation(
            row["code"],
            row["name"],
            row["family"],
            row["branch"],
            frozenset(row["scripts"].split()),
        )
        for row in csv.DictReader(text.strip().split("\n"))
    }


def mc4_code(text: str) -> str:
    """Return mC4's code of the language that `text` names; raise `InputError` with near codes else.

    >>> mc4_code("SW"), mc4_code("bg_latn"), mc4_code("he"), mc4_code("zh-CN")
    ('sw', 'bg-Latn', 'iw', 'zh')
    """
    known = {code.lower(): code for code in relations()}
    code = text.strip().lower().replace("_", "-")
    if code not in known:
        code = _SPELLINGS.get(code, code)
    if code not in known:
        near = near_names(code[:40], list(known.values()))
        raise InputError(f"unknown language code {text[:40]!r}: {near}")
    return known[code]


def family_distance(one: str, other: str) -> int:
    """Return 0 within a language, 1 within a branch, 2 within a family, 3 beyond it.

    A tree of three levels. Glottolog's own lines have 1 to 14, as deep as a family has been studied.

    >>> [family_distance("de", code) for code in ("de", "nl", "ru", "tr")]
    [0, 1, 2, 3]
    """
    first, second = relations()[one], relations()[other]
    if one.split("-")[0] == other.split("-")[0]:
        return 0
    if first.family != second.family:
        return 3
    return 1 if first.branch == second.branch else 2


def script_distance(one: str, other: str) -> int:
    """Return 0 where two languages share a script, else 1.

    >>> script_distance("ja", "zh"), script_distance("ko", "zh")
    (0, 1)
    """
    return int(relations()[one].scripts.isdisjoint(relations()[other].scripts))
