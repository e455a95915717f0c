"""One self-contained page from a sweep's folder: findings, figures, the paper's tables, what is missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.files import check_writable, write_whole
from xlgen.progress import progress
from xlgen.reports import FINDINGS
from xlgen.reports.claims import Claim
from xlgen.reports.grid import MEANINGS, metric_label
from xlgen.reports.page import data_uri, render_page
from xlgen.reports.study import HONEST, PROTOCOL, SELECTIONS, Study, read_study
from xlgen.reports.study_figures import draw_study
from xlgen.reports.study_samples import study_samples
from xlgen.reports.study_switching import TOLD, switching_tables
from xlgen.reports.study_tables import study_tables
from xlgen.reports.study_text import (
    DASHES,
    NOTED,
    metric_name,
    scale_text,
    study_records,
    terminal_study_table,
)
from xlgen.reports.tables import scores_csv, scores_json
from xlgen.reports.text import visible
from xlgen.reports.verdicts import (
    METHOD,
    Finding,
    difference_text,
    headline,
    judge,
    languages_text,
    seeds_text,
    signed,
    write_findings,
)


@dataclass(frozen=True)
class StudyReport:
    """What `make_study_report` wrote, and the same answer for a terminal: Tables 10 and 11, findings."""

    path: Path
    findings_path: Path | None
    headline: str
    tables: tuple[RichTable, ...]
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    scores: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return all but the tables, whose numbers are `scores`."""
        written = {"path": str(self.path)}
        if self.findings_path is not None:
            written["findings_path"] = str(self.findings_path)
        return {
            **written,
            "headline": self.headline,
            "findings": [finding.to_json() for finding in self.findings],
            "missing": list(self.missing),
            "scores": list(self.scores),
        }


@dataclass(frozen=True)
class Group:
    """A claim with its findings under both selections, a pair a size."""

    claim: Claim
    pairs: tuple[tuple[Finding, Finding], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands behind the names of its rows, at all sizes."""
        return tuple(dict.fromkeys(note for ours, _ in self.pairs for note in ours.notes))


def make_study_report(
    folder: Path, out: Path, *, findings: Path | None = None, width: int = 100
) -> StudyReport:
    """Write the page of a sweep to `out`, and its findings as Markdown where `findings` names a file.

    Each is written whole or not at all. Raises `InputError` as `read_study` does.
    """
    study = read_study(Path(folder))
    for path in filter(None, (out, findings)):
        check_writable(Path(path))
    judged = {selection: judge(study, selection=selection) for selection in SELECTIONS}
    records = study_records(study)
    write_whole(
        Path(out), _render(study, judged, records), what="the report", remedy="choose another --out"
    )
    if findings is not None:
        write_findings(study, findings)
    tables = study_tables(study)[:2]
    return StudyReport(
        path=Path(out),
        findings_path=findings,
        headline=headline(judged[PROTOCOL], study),
        tables=(
            *(terminal_study_table(t, width=width) for t in tables),
            _terminal(judged[PROTOCOL]),
        ),
        findings=(*judged[PROTOCOL], *judged[HONEST]),
        missing=tuple(study.gaps()),
        scores=tuple(records),
    )


def _render(
    study: Study, judged: dict[str, tuple[Finding, ...]], records: Sequence[dict[str, Any]]
) -> str:
    tables, switching = {}, {}
    for selection in progress(list(SELECTIONS), "Drawing the study"):
        tables[selection] = study_tables(study, selection=selection)
        switching[selection] = switching_tables(study, selection=selection)
    return render_page(
        "study.html",
        study=study,
        headline=headline(judged[PROTOCOL], study),
        findings=_groups(judged),
        method=METHOD,
        pictures=draw_study(study),
        tables=tables,
        switching=switching,
        switching_told=TOLD,
        meanings=MEANINGS,
        samples=study_samples(study),
        selections=SELECTIONS,
        gaps=study.gaps(),
        scale=scale_text(study),
        dashes=DASHES,
        signatures=_signatures(study),
        metric_name=metric_name,
        difference_text=difference_text,
        signed=signed,
        languages_text=languages_text,
        seeds_text=seeds_text,
        csv_uri=data_uri("text/csv", scores_csv(records)),
        json_uri=data_uri("application/json", scores_json(records)),
    )


def _groups(judged: dict[str, tuple[Finding, ...]]) -> list[Group]:
    pairs = list(zip(judged[PROTOCOL], judged[HONEST], strict=True))
    return [
        Group(FINDINGS[name], tuple(pair for pair in pairs if pair[0].name == name))
        for name in FINDINGS
    ]


def _signatures(study: Study) -> list[str]:
    """List each metric's signature, without its count of examples."""
    found = dict.fromkeys(
        re.sub(r"\|n:\d+", "", visible(cell.signature))
        for job in study.jobs
        for folder in job.scored.values()
        for cell in folder.cells.get((study.benchmark, study.split), {}).values()
    )
    return sorted(filter(None, found))


def _terminal(findings: Sequence[Finding]) -> RichTable:
    """Make the table of findings: verdict, size, claim and the differences with what they rest on."""
    table = RichTable(
        title=Text("Findings", style="bold"), title_justify="left", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
    )  # fmt: skip
    table.add_column("verdict", no_wrap=True)
    table.add_column("size")
    table.add_column("finding, and the differences with 95 % intervals")
    for finding in findings:
        parts = "\n".join(
            f"· {part.label}, {metric_label(part.metric)}: "
            + (difference_text(part.ours) if part.ours else part.missing)
            for part in finding.lines
        )
        notes = "".join(f"\n{NOTED} {note}" for note in finding.notes)
        style = "bold" if finding.verdict in ("holds", "does not hold") else "dim"
        table.add_row(
            Text(finding.verdict, style=style),
            Text(finding.size),
            Text(f"{finding.claim.text}\n{parts}{notes}"),
        )
    return table
