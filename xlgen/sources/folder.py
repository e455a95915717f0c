"""Read a corpus: a folder of `<language>.txt`, a paragraph a line, documents parted by an empty line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from xlgen.errors import InputError
from xlgen.languages import wikilingua_code


class LeftOut(Protocol):
    """Paragraphs that must not be trained on; `identity` changes with them."""

    @property
    def identity(self) -> str: ...

    def __contains__(self, paragraph: str) -> bool: ...


def text_files(corpus: Path, *, code_of: Callable[[str], str] = wikilingua_code) -> dict[str, Path]:
    """Return the files of a corpus by language code; refuse a folder without any.

    `code_of` returns the code that a name means, or refuses it: by default all but the eighteen.
    """
    files: dict[str, Path] = {}
    for path in sorted(corpus.glob("*.txt")):
        try:
            code = code_of(path.stem)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if code in files:
            raise InputError(f"{path}: {files[code].name} is {code} too; join the two files")
        files[code] = path
    if not files:
        raise InputError(
            f"{corpus}: no <language>.txt in it; expected text such as th.txt, en.txt: your own, or "
            "that of `xlgen data build corpus`"
        )
    return files


def read_documents(path: Path) -> Iterator[str]:
    """Yield the documents of a text file: what stands between empty lines; see `read_text`."""
    for document in read_text(path).split("\n\n"):
        if document.strip():
            yield document.strip("\n")


def without_paragraphs(document: str, left_out: LeftOut) -> tuple[str, int]:
    """Return a document without the paragraphs that are left out, and how many these were."""
    paragraphs = document.split("\n")
    kept = [paragraph for paragraph in paragraphs if paragraph not in left_out]
    return "\n".join(kept), len(paragraphs) - len(kept)


def read_text(path: Path) -> str:
    """Return a file's text; raise `InputError` with the line of the first byte that is not UTF-8."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: not UTF-8 (byte 0x{data[error.start]:02x}); convert the file, "
            "for example with iconv"
        ) from error
