"""What a tokenizer is, by language: its pieces beside English on parallel text, and whether text survives it.

`xlgen show tokenizer`, `xlgen show FILE --corpus DIR`: the packaged one, or any SentencePiece file.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgen.data.examples import Example
from xlgen.data.tokenizer import PieceSplitter, Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES, SOURCE
from xlgen.progress import progress
from xlgen.sources.folder import read_text, text_files
from xlgen.sources.packaged import read_packaged
from xlgen.sources.vocabulary import SENTINELS

if TYPE_CHECKING:
    from rich.table import Table

PACKAGED = "tokenizer"  # what `xlgen show` calls the packaged one
# A language is measured on the first of these that has it.
PARALLEL = ("howto0", "howto0-short")
RATES = ("pieces a\ncharacter", "bytes\n%", "changed")


@dataclass(frozen=True)
class Counts:
    """Sums over texts. `changed` of them come back as something else than the normalizer's output.

    `bytes` are pieces of one byte; `first_changed` is the beginning of a text that was changed.
    """

    texts: int
    characters: int
    pieces: int
    bytes: int
    changed: int
    first_changed: str | None = None

    @property
    def per_character(self) -> float:
        """Pieces a character; 0 where there is no text."""
        return self.pieces / max(1, self.characters)

    @property
    def byte_share(self) -> float:
        """The share of single bytes among the pieces, 0 to 100."""
        return 100 * self.bytes / max(1, self.pieces)

    @property
    def shown(self) -> tuple[str, str, str]:
        """The cells under RATES."""
        return f"{self.per_character:.3f}", f"{self.byte_share:.2f}", f"{self.changed:,}"

    def to_json(self) -> dict[str, Any]:
        """Return the sums, and what follows from them."""
        return {**vars(self), "per_character": self.per_character, "byte_share": self.byte_share}


@dataclass(frozen=True)
class Fertility:
    """One language. `ratio` is its pieces over those of English for the same documents of `data_set`.

    Only documents that are whole in both count: a translation lacks the paragraphs that nobody translated.
    `corpus` counts the lines of a corpus, None where it has no such text.
    """

    language: str
    data_set: str
    parallel: Counts
    ratio: float
    corpus: Counts | None

    def to_json(self) -> dict[str, Any]:
        """Return a record of all of it."""
        corpus = self.corpus and self.corpus.to_json()
        return {**vars(self), "parallel": self.parallel.to_json(), "corpus": corpus}


@dataclass(frozen=True)
class Study:
    """A tokenizer and what it does to each language. `refused` is why pretraining would not take it."""

    name: str
    pieces: int
    sha256: str
    refused: str | None
    languages: tuple[Fertility, ...]

    @property
    def worst(self) -> Fertility:
        """The language with the highest ratio to English."""
        return max(self.languages, key=lambda row: row.ratio)

    @property
    def mean_ratio(self) -> float:
        """The mean ratio of all languages but English."""
        ratios = [row.ratio for row in self.languages if row.language != SOURCE]
        return sum(ratios) / len(ratios)

    def to_json(self) -> dict[str, Any]:
        """Return what it is and a record for each language."""
        told = {**vars(self), "mean_ratio": self.mean_ratio, "worst": self.worst.language}
        return {**told, "languages": [row.to_json() for row in self.languages]}

    def table(self) -> "Table":
        """Return a table for the terminal; its last columns are of the corpus where one was read."""
        from rich.markup import escape
        from rich.table import Table

        has_corpus = any(row.corpus for row in self.languages)
        heads = ["", "parallel", "n", "pieces\neach", "to\nEnglish"]
        heads += ["corpus\nlines", *RATES] if has_corpus else RATES
        title = f"{self.name}: {self.pieces:,} pieces, SHA-256 {self.sha256[:8]}"
        table = Table(*heads, box=None, title=escape(title), caption=escape(self._caption()))
        table.caption_justify = "left"
        for column in table.columns[2:]:
            column.justify = "right"
        for row in self.languages:
            mean = row.parallel.pieces / row.parallel.texts
            cells = [row.data_set, str(row.parallel.texts), f"{mean:.0f}", f"{row.ratio:.2f}"]
            if row.corpus:
                cells += [f"{row.corpus.texts:,}", *row.corpus.shown]
            elif not has_corpus:
                cells += row.parallel.shown
            table.add_row(row.language, *cells)
        return table

    def _caption(self) -> str:
        said = [
            f"{self.mean_ratio:.2f} times English's pieces on average, at most {self.worst.ratio:.2f} "
            f"({self.worst.language})"
        ]
        if self.refused:
            said.append(f"not for pretraining: {self.refused}")
        for row in self.languages:
            for counts in (row.parallel, row.corpus):
                if counts and counts.changed:
                    said.append(f"changed, {row.language}: {counts.first_changed!a}")
        return "\n".join(said)


def study(name: str, corpus: Path | None = None) -> Study:
    """Study the packaged tokenizer ("tokenizer") or a SentencePiece file, and every line of a corpus.

    Raises `InputError` for a file that is no SentencePiece model, and a corpus that cannot be read.
    """
    files = text_files(corpus) if corpus is not None else {}
    splitter, refused = _open(name)
    parallel = {data_set: whole_pairs(data_set) for data_set in PARALLEL}
    rows = []
    for code in progress([*LANGUAGES], "Counting pieces"):
        data_set = next(name for name in PARALLEL if code in parallel[name])
        own, english = (
            count(splitter, [f"{e.input}\n{e.target}" for e in side])
            for side in zip(*parallel[data_set][code], strict=True)
        )
        lines = read_text(files[code]).split("\n") if code in files else None
        rows.append(
            Fertility(
                language=code,
                data_set=data_set,
                parallel=own,
                ratio=own.pieces / english.pieces,
                corpus=None if lines is None else count(splitter, filter(None, lines)),
            )
        )
    return Study(name, splitter.size, splitter.sha256, refused, tuple(rows))


def _open(name: str) -> tuple[PieceSplitter, str | None]:
    """Return the tokenizer, and why it is none to pretrain with."""
    if name == PACKAGED:
        return packaged_tokenizer(), None
    splitter = PieceSplitter(name)
    try:
        tokenizer = Tokenizer(name)
        tokenizer.sentinel(SENTINELS - 1)
    except InputError as error:
        return splitter, str(error)
    return tokenizer, None


def count(splitter: PieceSplitter, texts: Iterable[str]) -> Counts:
    """Encode each text, and decode it again."""
    number = characters = pieces = single = changed = 0
    first = None
    for text in texts:
        tokens = splitter.encode(text)
        number, characters, pieces = number + 1, characters + len(text), pieces + len(tokens)
        single += sum(token in splitter.byte_ids for token in tokens)
        if splitter.decode(tokens) != splitter.normalize(text):
            changed += 1
            first = first or text[:60]
    return Counts(number, characters, pieces, single, changed, first)


def whole_pairs(data_set: str) -> dict[str, list[tuple[Example, Example]]]:
    """Return, by language, held-out examples beside the English ones of as many paragraphs."""
    read = [e for split in ("validation", "test") for e in read_packaged(data_set, split)]
    english = {e.id: e for e in read if e.language == SOURCE}
    pairs = defaultdict(list)
    for example in read:
        source = english.get(f"{example.id.rpartition('@')[0]}@{SOURCE}")
        if source and source.input.count("\n") == example.input.count("\n"):
            pairs[example.language].append((example, source))
    return dict(pairs)
