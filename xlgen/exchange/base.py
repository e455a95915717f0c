"""What an export is: a frozen configuration that turns a run's results into files' texts."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from xlgen.errors import InputError
from xlgen.exchange import EXPORTS
from xlgen.files import check_writable, read_object, write_whole
from xlgen.registry import Table
from xlgen.reports.read import Cell, RunResults, read_run
from xlgen.reports.text import one_line

Sections = Mapping[str, Sequence[Cell]]  # the cells of each benchmark


@dataclass(frozen=True)
class Export(ABC):
    """The scores of one split, of one benchmark or all; nothing here reads a clock.

    `date` (ISO 8601, UTC where it names no zone) is when the outputs were made; where it is not given, what
    the run noted. `model` is the name that readers see.
    """

    table: ClassVar[Table] = EXPORTS
    name: ClassVar[str]
    benchmark: str | None = None
    split: str = "test"
    date: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if self.date is not None:
            parse_date(self.date)

    @abstractmethod
    def files(self, run: RunResults) -> dict[str, str]:
        """Return the text of each file by its path below the folder to write."""

    def sections(self, run: RunResults) -> Sections:
        """Return what is to be exported; raise `InputError`, naming what there is, where it is nothing."""
        wanted = [
            cell
            for cell in run.cells
            if cell.split == self.split and self.benchmark in (None, cell.benchmark)
        ]
        if not wanted:
            found = sorted({f"{cell.benchmark} {cell.split}" for cell in run.cells})
            raise InputError(
                f"{run.folder}: has no scores of {self.benchmark or 'any benchmark'} {self.split}, only of "
                f"{', '.join(found) or 'nothing'}; set benchmark= and split=, or evaluate it first"
            )
        names = dict.fromkeys(cell.benchmark for cell in wanted)
        return {name: [cell for cell in wanted if cell.benchmark == name] for name in names}

    def made_at(self, run: RunResults, benchmarks: Iterable[str]) -> str | None:
        """Return the date that was given, or when the last output was made; None where nobody said."""
        noted = [noted_date(run, benchmark, split=self.split) for benchmark in benchmarks]
        return self.date or max(filter(None, noted), key=parse_date, default=None)

    def model_name(self, run: RunResults) -> str:
        """Return the model's name: the one given, or the base model's with the method's."""
        base = run.run.get("model")
        return self.model or one_line(
            f"{base}/{run.method}" if isinstance(base, str) else run.method
        )


def noted_date(run: RunResults, benchmark: str, *, split: str) -> str | None:
    """Return when the outputs of a benchmark were made, as the run noted; earlier versions did not."""
    path = run.folder / "predictions" / f"{benchmark}-{split}.json"
    if not path.is_file():
        return None
    date = read_object(path, remedy="give date=").get("date")
    if date is None:
        return None
    if not isinstance(date, str):
        raise InputError(f"{path}: expected a text in 'date', got {date!r:.40}; give date=")
    parse_date(date)
    return date


def parse_date(text: str) -> datetime:
    """Read an ISO 8601 date; one without a zone is taken as UTC.

    >>> parse_date("2026-11-23T12:00:00+02:00").isoformat()
    '2026-11-23T10:00:00+00:00'
    """
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"date: expected ISO 8601, such as 2026-11-23 or 2026-11-23T10:30:00Z, got {text[:40]!r}"
        ) from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)


def export_run(folder: Path, export: Export, *, out: Path, replace: bool = False) -> list[Path]:
    """Write a run's results as `export` says below `out`; return the files.

    A file that exists already is refused, unless `replace`; then nothing is written at all.
    """
    texts = {out / name: text for name, text in export.files(read_run(folder)).items()}
    existing = [str(path) for path in texts if path.exists()]
    if existing and not replace:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise InputError(
            f"{existing[0]}{more}: exists already; name another folder, or give --replace to lose what "
            "it says now"
        )
    for path, text in texts.items():
        _refuse_surrogates(path, text)
        check_writable(path)
    for path, text in texts.items():
        write_whole(path, text)
    return list(texts)


def _refuse_surrogates(path: Path, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise InputError(
            f"{path}: cannot be written, the run's texts hold a lone surrogate {code}; repair its predictions"
        ) from None
