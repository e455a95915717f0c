"""Two systems on the same records: is one better, or was it chance?

`xlgen score FILE --against OTHER` is `compare_files`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgen.errors import InputError
from xlgen.metrics.intervals import Comparison, compare
from xlgen.metrics.predictions import read_predictions
from xlgen.metrics.score import Measured, make_metrics, measure
from xlgen.progress import progress

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Paired:
    """The first system's score minus the second's in one language, with both scores.

    `comparison` is None where a score is undefined, or of one example.
    """

    language: str
    metric: str
    label: str
    signature: str
    first: float | None
    second: float | None
    comparison: Comparison | None


@dataclass(frozen=True)
class PairedScores:
    """One `Paired` for each language and metric, in the order of the tables."""

    cells: tuple[Paired, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return flat records; all of the comparison is None where there is none."""
        nothing = dict.fromkeys(field.name for field in fields(Comparison))
        return [
            {
                "language": cell.language,
                "metric": cell.metric,
                "first": cell.first,
                "second": cell.second,
                **(asdict(cell.comparison) if cell.comparison else nothing),
                "signature": cell.signature,
            }
            for cell in self.cells
        ]

    def table(self) -> "Table":
        """Return a table of the first metric: scores, difference, interval, p-value."""
        from rich.table import Table

        main = self.cells[0]
        table = Table("", "n", "first", "second", "difference", "95 % interval", "p", box=None)
        table.title = f"{main.label}: first minus second, paired"
        for column in table.columns[1:]:
            column.justify = "right"
        for cell in self.cells:
            if cell.metric == main.metric:
                table.add_row(cell.language, *_row(cell))
        table.caption = (
            "p: two-sided, approximate randomization; --json has the other metrics\n"
            + main.signature
        )
        return table


def compare_files(
    first: Path,
    second: Path,
    *,
    tokenizer_path: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
) -> PairedScores:
    """Compare two predictions files record by record; both must hold the same ids and references.

    Raises `InputError` for bad records, and for a record that one of the files lacks.
    """
    made = make_metrics(metrics, tokenizer_path=tokenizer_path)
    references: dict[tuple[str, str], str | None] = {}
    sides: list[Mapping[str, Measured]] = []
    for path in (first, second):
        records = list(progress(read_predictions(path), f"Scoring {path.name}"))
        for record in records:
            key = (record.language, record.id)
            if references.setdefault(key, record.reference) != record.reference:
                raise InputError(
                    f"{record.place}: expected the reference of {record.id!r} that {first} has, got "
                    "another; score both systems against the same references"
                )
        sides.append(measure(records, made))
    _refuse_unlike(sides[0], sides[1], names=(first, second))
    return PairedScores(
        tuple(
            _paired(sides[0][code], sides[1][code], language=code, metric=name, seed=seed)
            for code in sides[0]
            for name in made
        )
    )


def _refuse_unlike(
    ours: Mapping[str, Measured], theirs: Mapping[str, Measured], *, names: tuple[Path, Path]
) -> None:
    keys = [{(c, i) for c, side in given.items() for i in side.ids} for given in (ours, theirs)]
    for extra, has, lacks in ((keys[0] - keys[1], *names), (keys[1] - keys[0], *names[::-1])):
        if extra:
            language, identity = min(extra)
            raise InputError(
                f"{lacks}: expected the records of {has}, lacks {len(extra):,}, such as "
                f"{identity!r} ({language}); give two outputs for the same inputs"
            )


def _paired(ours: Measured, theirs: Measured, *, language: str, metric: str, seed: int) -> Paired:
    made = ours.metrics[metric]
    first, second = ours.statistics(metric), theirs.statistics(metric)
    return Paired(
        language=language,
        metric=metric,
        label=made.label,
        signature=made.signature,
        first=made.score(first.sum(0)),
        second=made.score(second.sum(0)),
        comparison=compare(first, second, metric=made, seed=seed) if len(first) > 1 else None,
    )


def _row(cell: Paired) -> list[str]:
    scores = ["-" if value is None else f"{value:.1f}" for value in (cell.first, cell.second)]
    found = cell.comparison
    if found is None:
        return ["", *scores, "-", "-", "-"]
    interval = f"{found.low:+.1f} to {found.high:+.1f}"
    return [
        str(found.n),
        *scores,
        f"{found.difference:+.1f}",
        interval,
        f"{found.p_randomization:.3f}",
    ]
