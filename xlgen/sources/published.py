"""Data sets that others publish and the user downloads: where from, where to, and how large each is.

Each lies in a folder of its name below the folder that XLGEN_DATA names, else in the working directory; a run
that keeps it elsewhere says NAME:FOLDER. Nothing is downloaded unasked (`xlgen data fetch`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xlgen.errors import InputError, MissingError
from xlgen.families import mc4_code
from xlgen.registry import near_names

PLACE = "XLGEN_DATA"
_CLEAN = "-clean"
SPLITS = ("train", "validation", "test")
Sizes = Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Published:
    """A data set as it is published.

    `files` are what to put into its folder. `patterns` are the hub's files of a language, `{language}` being
    its name there (`languages`), in `repository` at `revision`; without one, it is fetched by hand. `sizes`
    are examples of train, validation and test by language, as `told_by` says. What to do with a record that
    is none says `on_bad`. `kind` is the hub's of the repository. `naming` gives the names of languages beyond
    `languages`, which are fetched only when asked for.
    """

    name: str
    files: str
    licence: str
    repository: str = ""
    patterns: tuple[str, ...] = ()
    revision: str = "main"
    languages: Mapping[str, str] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=dict)
    told_by: str = ""
    on_bad: Literal["refuse", "skip"] = "skip"
    kind: Literal["dataset", "model"] = "dataset"
    naming: Callable[[str], str] | None = None

    def hub_name(self, language: str) -> str:
        """Return what the hub's files call a language; raise `InputError` where there are none of it.

        >>> MC4.hub_name("th"), MC4.hub_name("he")
        ('th', 'iw')
        """
        if language in self.languages:
            return self.languages[language]
        if self.naming is None:
            near = near_names(language, [*self.languages])
            raise InputError(f"{self.name} has no language {language!r}: {near}")
        return self.naming(language)

    def refuse_missing(self, folder: Path) -> None:
        """Raise `MissingError` unless the folder is there: what to download, where from, where to."""
        if not folder.is_dir():
            raise MissingError(
                f"{folder}: no such folder, where {self.name} should lie; {self.remedy(folder)}"
            )

    def remedy(self, folder: Path) -> str:
        """Return what to do for a folder that lacks files."""
        fetch = f" with network `xlgen data fetch {self.name}` does it;" if self.repository else ""
        return (
            f"put {self.files} into it ({self.licence});{fetch}"
            f" for another folder set {PLACE} to the one it lies in, or write {self.name}:FOLDER"
        )


def place_of(source: str | Path) -> Path:
    """Return the folder of NAME, or of NAME:FOLDER; NAME-clean lies where NAME does.

    >>> place_of("xlsum:/data/bbc")
    PosixPath('/data/bbc')
    """
    name, _, folder = str(source).partition(":")
    return Path(folder) if folder else Path(os.environ.get(PLACE, "")) / name.removesuffix(_CLEAN)


# What the languages are called in the archives of WikiLingua and XL-Sum.
NAMES = {
    "en": "english", "ar": "arabic", "cs": "czech", "de": "german", "es": "spanish", "fr": "french",
    "hi": "hindi", "id": "indonesian", "it": "italian", "ja": "japanese", "ko": "korean",
    "nl": "dutch", "pt": "portuguese", "ru": "russian", "th": "thai", "tr": "turkish",
    "vi": "vietnamese", "zh": "chinese",
}  # fmt: skip

WIKILINGUA = Published(
    name="wikilingua0",
    files=(
        "english.zip, thai.zip and the other languages of "
        "https://storage.googleapis.com/huggingface-nlp/datasets/gem/gem_wikilingua_full/"
        " or the Parquet files of the hub's GEM/wiki_lingua, en/, th/, ..."
    ),
    repository="GEM/wiki_lingua",
    revision="refs/convert/parquet",
    patterns=("{language}/*",),
    languages={code: code for code in NAMES},
    licence="CC-BY-NC-SA-3.0",
    # The same document is in the same split in every language.
    sizes={
        "en": (99020, 13823, 28614), "ar": (20441, 2919, 5841), "cs": (5033, 718, 1438),
        "de": (40839, 5833, 11669), "es": (79212, 11316, 22632), "fr": (44556, 6364, 12731),
        "hi": (6942, 991, 1984), "id": (33237, 4747, 9497), "it": (35661, 5093, 10189),
        "ja": (8853, 1264, 2530), "ko": (8524, 1216, 2436), "nl": (21866, 3123, 6248),
        "pt": (57159, 8165, 16331), "ru": (37028, 5288, 10580), "th": (10325, 1475, 2950),
        "tr": (3148, 449, 900), "vi": (13707, 1957, 3917), "zh": (13211, 1886, 3775),
    },
    told_by="GEM's data card of WikiLingua (Gehrmann et al. 2021)",
)  # fmt: skip

XLSUM = Published(
    name="xlsum",
    files=(
        "XLSum_complete_v2.0.tar.bz2, or <language>_XLSum_v2.0.tar.bz2 of each language, of "
        "https://github.com/csebuetnlp/xl-sum or the hub's csebuetnlp/xlsum"
    ),
    repository="csebuetnlp/xlsum",
    patterns=("data/{language}_XLSum_v2.0.tar.bz2",),
    licence="CC-BY-NC-SA-4.0",
    languages={
        **{code: NAMES[code] for code in NAMES if code not in ("cs", "de", "it", "nl")},
        "zh": "chinese_simplified",
    },
    sizes={
        "en": (306522, 11535, 11535), "ar": (37519, 4689, 4689), "es": (38110, 4763, 4763),
        "fr": (8697, 1086, 1086), "hi": (70778, 8847, 8847), "id": (38242, 4780, 4780),
        "ja": (7113, 889, 889), "ko": (4407, 550, 550), "pt": (57402, 7175, 7175),
        "ru": (62243, 7780, 7780), "th": (6616, 826, 826), "tr": (27176, 3397, 3397),
        "vi": (32111, 4013, 4013), "zh": (37362, 4670, 4670),
    },
    told_by="the README of csebuetnlp/xl-sum (Hasan et al. 2021, version 2.0)",
)  # fmt: skip

GIGAWORD = Published(
    name="gigaword",
    files=(
        "org_data/ of the Gigaword archive that https://github.com/microsoft/unilm links, sumdata/ of "
        "https://github.com/harvardnlp/sent-summary, or the Parquet files of the hub's Harvard/gigaword"
    ),
    repository="Harvard/gigaword",
    revision="refs/convert/parquet",
    patterns=("**/*.parquet",),
    languages={"en": "english"},
    licence="Linguistic Data Consortium's",
    sizes={"en": (3803957, 189651, 1951)},
    told_by="the data card of gigaword 1.2.0",
)

MC4 = Published(
    name="mc4",
    files="c4-<language>.tfrecord-00000-of-*.json.gz, as many as wanted, of the hub's allenai/c4",
    repository="allenai/c4",
    patterns=("multilingual/c4-{language}.tfrecord-0000[0-3]-of-*.json.gz",),
    languages={code: code for code in NAMES},
    naming=mc4_code,
    licence="ODC-BY",
)

MT5_PIECES = Published(
    name="mt5-pieces",
    files="spiece.model of any mT5 folder, such as the hub's google/mt5-small",
    repository="google/mt5-small",
    patterns=("spiece.model",),
    languages={code: code for code in NAMES},  # one file for all
    licence="Apache-2.0",
    kind="model",
)


def _by_hand(name: str, files: str, *, licence: str) -> Published:
    """Return a set whose readers know what is odd in it: other bad records tell of another file."""
    return Published(name=name, files=files, licence=licence, on_bad="refuse")


XNLI = _by_hand(
    "xnli",
    "the unpacked XNLI-1.0.zip of https://cims.nyu.edu/~sbowman/xnli and multinli_1.0.zip of"
    " https://cims.nyu.edu/~sbowman/multinli",
    licence="CC-BY-NC-4.0; MultiNLI's own",
)
PAWSX = _by_hand(
    "pawsx",
    "the unpacked x-final.tar.gz of https://github.com/google-research-datasets/paws/tree/master/pawsx",
    licence="Google's, for any purpose",
)
SQUAD = _by_hand(
    "squad",
    "train-v1.1.json and dev-v1.1.json of https://rajpurkar.github.io/SQuAD-explorer",
    licence="CC-BY-SA-4.0",
)
XQUAD = _by_hand(
    "xquad",
    "xquad.<language>.json of https://github.com/google-deepmind/xquad",
    licence="CC-BY-SA-4.0",
)
MLQA = _by_hand(
    "mlqa",
    "the unpacked MLQA_V1.zip of https://github.com/facebookresearch/MLQA",
    licence="CC-BY-SA-3.0",
)
TYDIQA = _by_hand(
    "tydiqa",
    "tydiqa-goldp-v1.1-train.json and -dev.json of https://github.com/google-research-datasets/tydiqa",
    licence="Apache-2.0",
)
WIKIANN = _by_hand(
    "wikiann",
    "en/, th/, ... of the unpacked archives of https://github.com/afshinrahimi/mmner",
    licence="no licence is stated",
)

PUBLISHED = {
    one.name: one
    for one in (
        WIKILINGUA, XLSUM, GIGAWORD, MC4, XNLI, PAWSX, SQUAD, XQUAD, MLQA, TYDIQA, WIKIANN,
    )
}  # fmt: skip

FETCHED = PUBLISHED | {MT5_PIECES.name: MT5_PIECES}  # all that has a folder here


def is_published(path_or_name: str | Path) -> bool:
    """Return whether a name is that of a data set of others, which stands in a folder of the user's."""
    return _name(path_or_name) in PUBLISHED


def publication(source: str | Path) -> Published:
    """Return the data set of NAME, of NAME-clean, or of either with :FOLDER."""
    return PUBLISHED[_name(source)]


def _name(source: str | Path) -> str:
    return str(source).partition(":")[0].removesuffix(_CLEAN)
