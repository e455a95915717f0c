"""Fetch published data sets from the hub, when asked to."""

from collections.abc import Sequence
from pathlib import Path

from xlgen.errors import InputError
from xlgen.registry import near_names
from xlgen.sources.published import FETCHED, Published, place_of


def fetch(name: str, *, languages: Sequence[str] | None = None) -> Path:
    """Download a data set of some languages (None: all there are) into its folder; return the folder.

    What is there already is not fetched again. Raises `InputError`, with the files and their place, where the
    hub cannot be reached, does not have it, or `huggingface_hub` is not installed.
    """
    if name not in FETCHED:
        raise InputError(f"unknown data set {name!r}: {near_names(name, [*FETCHED])}")
    data, folder = FETCHED[name], place_of(name)
    if not data.repository:
        raise InputError(f"{name}: its official files are not on the hub; {_by_hand(data, folder)}")
    patterns = patterns_of(data, languages)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise InputError(
            f"{name}: {_by_hand(data, folder)}, or `pip install huggingface_hub`"
        ) from error
    try:
        snapshot_download(
            data.repository, repo_type=data.kind, revision=data.revision, allow_patterns=patterns,
            local_dir=folder,
        )  # fmt: skip
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(
            f"{name}: cannot reach the hub ({reason}); {_by_hand(data, folder)}"
        ) from error
    return folder


def patterns_of(data: Published, languages: Sequence[str] | None) -> list[str]:
    """Return which of the hub's files have some languages.

    >>> patterns_of(FETCHED["xlsum"], ["th", "zh"])
    ['data/thai_XLSum_v2.0.tar.bz2', 'data/chinese_simplified_XLSum_v2.0.tar.bz2']
    """
    names = [data.hub_name(code) for code in languages or data.languages]
    found = [pattern.format(language=name) for pattern in data.patterns for name in names]
    return list(dict.fromkeys(found))  # a file may be of all languages


def _by_hand(data: Published, folder: Path) -> str:
    return f"where there is network, download {data.files}, and put it into {folder}"
