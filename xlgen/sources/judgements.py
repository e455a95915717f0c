"""Human judgements of summaries: Multi_SummEval's folder, as its authors publish it (Koto et al. 2021)."""

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlgen.errors import InputError
from xlgen.files import reason
from xlgen.languages import language_code

SCALES = ("focus", "coverage")  # the precision and the recall of a summary, as people see them
SYSTEMS = ("BERT", "PG")  # a BERT-based summarizer and a pointer-generator network
MULTI_SUMMEVAL_LANGUAGES = ("de", "en", "es", "fr", "id", "ru", "tr", "zh")  # Table 9's order
_COLUMNS = ("id", "model", *SCALES)
_DIGITS = 6  # Chinese file names are filled with zeros to so many; the ids in score.csv are not


@dataclass(frozen=True)
class Judgement:
    """A system's summary of one document, the reference, and what people think of it.

    `place` is the file of the summary; `scores` has a number for each of SCALES.
    """

    document: str
    system: str
    language: str
    prediction: str
    reference: str
    scores: Mapping[str, float]
    place: str


@dataclass(frozen=True)
class Judgements:
    """Judgements in the order of languages and of the files; what they are; remarks for the reader."""

    name: str
    rows: tuple[Judgement, ...]
    warnings: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The data set, and eight digits of the SHA-256 of all texts and scores."""
        digest = hashlib.sha256()
        for row in self.rows:
            numbers = [repr(row.scores[scale]) for scale in SCALES]
            fields = (
                row.language,
                row.document,
                row.system,
                row.prediction,
                row.reference,
                *numbers,
            )
            digest.update("\0".join([*fields, ""]).encode())
        return f"{self.name}@{digest.hexdigest()[:8]}"


def read_multi_summeval(folder: Path, languages: Sequence[str] | None = None) -> Judgements:
    """Read Multi_SummEval: focus and coverage of two systems' summaries in eight languages.

    `folder` holds `DE/score.csv` and `DE/{gold,pred_BERT,pred_PG}/ID` and so on, or is the root of the
    authors' repository. All eight languages are read unless some are named. Raises `InputError` for what
    is missing, twice there, no number or no text, naming file and line. An empty summary is kept, and
    warned of: a system may have said nothing.
    """
    inner = folder / "resulting_data"
    root = inner if inner.is_dir() else folder
    if not root.is_dir():
        raise InputError(
            f"{folder}: expected the folder of Multi_SummEval, "
            f"{'this is a file' if folder.exists() else 'found nothing'}; "
            "give a copy of the repository fajri91/Multi_SummEval, or of its resulting_data"
        )
    codes = MULTI_SUMMEVAL_LANGUAGES if languages is None else _known(languages)
    rows: list[Judgement] = []
    warnings: list[str] = []
    for code in codes:
        place = root / code.upper()
        if not place.is_dir():
            found = [c for c in MULTI_SUMMEVAL_LANGUAGES if (root / c.upper()).is_dir()]
            remedy = f"read those alone with --languages {','.join(found)}" if found else (
                "is this Multi_SummEval's folder?"
            )  # fmt: skip
            has = f"it has {', '.join(c.upper() for c in found) or 'no language'}"
            raise InputError(f"{root}: expected a folder {code.upper()}, {has}; {remedy}")
        read = _language(place, code)
        rows += read
        warnings += _remarks(place, read)
    return Judgements("multi-summeval", tuple(rows), tuple(warnings))


def _known(languages: Sequence[str]) -> tuple[str, ...]:
    """Return the codes asked for, in the order of the table."""
    asked = {language_code(text) for text in languages}
    unknown = sorted(asked - set(MULTI_SUMMEVAL_LANGUAGES))
    if unknown or not asked:
        raise InputError(
            f"expected languages of Multi_SummEval, got {', '.join(unknown) or 'none'}; "
            f"known: {', '.join(MULTI_SUMMEVAL_LANGUAGES)}"
        )
    return tuple(code for code in MULTI_SUMMEVAL_LANGUAGES if code in asked)


def _language(folder: Path, code: str) -> list[Judgement]:
    """Return the judgements of one language, each with its texts."""
    table = folder / "score.csv"
    lines: dict[tuple[str, str], int] = {}
    rows = []
    for number, record in _records(table):
        place = f"{table}:{number}"
        document, system = record["id"], record["model"]
        if system not in SYSTEMS:
            raise InputError(
                f"{place}: expected model {' or '.join(SYSTEMS)}, got {system[:40]!r}; correct it"
            )
        if not document or "/" in document or document.startswith("."):
            raise InputError(
                f"{place}: expected the id of a text, got {document[:40]!r}; correct it"
            )
        if (document, system) in lines:
            raise InputError(
                f"{place}: id {document!r} of {system} came already, on line "
                f"{lines[document, system]}; keep one judgement of each"
            )
        lines[document, system] = number
        summary = _find(folder / f"pred_{system}", document, place)
        gold = _find(folder / "gold", document, place)
        reference = _text(gold)
        if not reference.strip():
            raise InputError(f"{gold}: expected a reference summary, the file is empty; restore it")
        scores = {scale: _number(record[scale], scale, place) for scale in SCALES}
        rows.append(
            Judgement(document, system, code, _text(summary), reference, scores, str(summary))
        )
    _refuse_unpaired(table, lines)
    return rows


def _records(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (line number, record) of a score.csv; its columns are checked, not its values."""
    reader = csv.DictReader(io.StringIO(_text(table), newline=""))
    columns = [name.strip() for name in reader.fieldnames or ()]
    lacking = [name for name in _COLUMNS if name not in columns]
    if lacking:
        came = f"only {', '.join(columns)[:80]}" if columns else "an empty file"
        raise InputError(
            f"{table}:1: expected columns {', '.join(_COLUMNS)}, got {came}; restore the file"
        )
    reader.fieldnames = columns
    records = []
    for record in reader:
        if None in record or None in record.values():
            raise InputError(
                f"{table}:{reader.line_num}: expected {len(columns)} fields as in the header, got "
                f"{'more' if None in record else 'fewer'}; restore the line"
            )
        records.append((reader.line_num, {name: value.strip() for name, value in record.items()}))
    if not records:
        raise InputError(
            f"{table}: expected judgements below the header, got none; restore the file"
        )
    return records


def _refuse_unpaired(table: Path, lines: Mapping[tuple[str, str], int]) -> None:
    """Refuse a document of which only one system is judged: the systems' texts go in pairs."""
    for (document, system), number in lines.items():
        lacking = [other for other in SYSTEMS if (document, other) not in lines]
        if lacking:
            raise InputError(
                f"{table}:{number}: expected id {document!r} of {' and '.join(SYSTEMS)}, got {system} "
                f"alone; add the judgement of {', '.join(lacking)}, or take this one out"
            )


def _find(folder: Path, document: str, place: str) -> Path:
    """Return the file of a text: named by its id, or by its id filled with zeros."""
    names = dict.fromkeys((document, document.zfill(_DIGITS)))
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{place}: expected the text of id {document!r} in {folder / document}, found no file "
        f"{' or '.join(names)}; restore it, or take the id out of score.csv"
    )


def _text(path: Path) -> str:
    """Read a file as UTF-8; the line breaks are its own, without the last."""
    try:
        return path.read_bytes().decode("utf-8-sig").removesuffix("\n")
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); restore the file") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected UTF-8, got 0x{error.object[error.start]:02x} as byte "
            f"{error.start + 1}; convert the file to UTF-8"
        ) from None


def _number(text: str, scale: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{place}: expected a number as {scale}, got {text[:40]!r}; correct it")
    return value


def _remarks(folder: Path, rows: Sequence[Judgement]) -> list[str]:
    """Return what the reader should know of one language although all of it could be read."""
    empty = [row.place for row in rows if not row.prediction.strip()]
    remarks = []
    if empty:
        remarks.append(
            f"{empty[0]}: an empty summary, scored as one ({len(empty)} of them in {folder.name})"
        )
    judged = {row.document.zfill(_DIGITS) for row in rows}
    texts = sorted(path.name for path in (folder / "gold").iterdir() if path.name[0] != ".")
    unjudged = [name for name in texts if name.zfill(_DIGITS) not in judged]
    if unjudged:
        remarks.append(
            f"{folder / 'gold' / unjudged[0]}: no line in score.csv, left out ({len(unjudged)} such "
            f"texts in {folder.name})"
        )
    return remarks
