"""Judge the paper's claims by a study: holds, does not hold, not clear, or not measured; and write it down.

A comparison speaks for a claim, or against it, when its 95 % interval lies on one side of 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xlgen.files import write_whole
from xlgen.languages import KNOWN
from xlgen.reports import FINDINGS
from xlgen.reports.certainty import Estimate
from xlgen.reports.claims import Claim
from xlgen.reports.comparisons import NEAR, Part, View
from xlgen.reports.grid import meanings, metric_label
from xlgen.reports.study import HONEST, PROTOCOL, SELECTIONS, Study
from xlgen.reports.study_switching import SWITCHING, TOLD, switching_tables
from xlgen.reports.study_tables import study_tables
from xlgen.reports.study_text import DASHES, NOTED, markdown_study_table, scale_text
from xlgen.reports.text import listed, noted, number

HOLDS, FAILS, UNCLEAR, UNMEASURED = "holds", "does not hold", "not clear", "not measured"
METHOD = (
    "Differences are means over languages, each with equal weight, of means over seeds, paired by seed and "
    "by document. Intervals are 95 %, clustered by document and by seed at once (Cameron, Gelbach and "
    "Miller 2011), Student's t with Satterthwaite's degrees of freedom; where only one of the two can be "
    "counted, the table says so. One seed alone never makes a finding hold. Differences of neighbours show "
    "where between two ends a difference arises, and decide nothing."
)


@dataclass(frozen=True)
class Finding:
    """A claim's verdict at one size (or over several), with its comparisons and why it is not more."""

    name: str
    claim: Claim
    size: str
    selection: str
    verdict: str
    reason: str
    parts: tuple[Part, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands behind the names of the rows that are compared."""
        return noted(dict(note for part in self.lines for note in part.notes))

    @property
    def lines(self) -> tuple[Part, ...]:
        """Its comparisons, each with its neighbours below it, which decide nothing."""
        return tuple(line for part in self.parts for line in (part, *part.neighbours))

    def to_json(self) -> dict[str, Any]:
        """Return a flat record with the comparisons in it."""
        return {
            "finding": self.name,
            "claim": self.claim.text,
            "source": self.claim.source,
            "size": self.size,
            "selection": self.selection,
            "verdict": self.verdict,
            "reason": self.reason,
            "notes": list(self.notes),
            "comparisons": [
                _record(part)
                | {
                    "expected": {1: "above 0", -1: "below 0", 0: f"within {NEAR:g}"}[part.sign],
                    "neighbours": [_record(one) for one in part.neighbours],
                }
                for part in self.parts
            ],
        }


def _record(part: Part) -> dict[str, Any]:
    return {
        "label": part.label,
        "metric": part.metric,
        "where": part.where,
        "ours": asdict(part.ours) if part.ours else None,
        "missing": part.missing,
        "paper": dict(part.paper),
    }


def judge(study: Study, *, selection: str = PROTOCOL) -> tuple[Finding, ...]:
    """Judge every claim of FINDINGS, the largest size first; claims about sizes once, over all."""
    return tuple(
        _finding(name, View(study, size, selection), told)
        for name in FINDINGS
        for size, told in _sizes(study, FINDINGS[name])
    )


def _sizes(study: Study, claim: Claim) -> Sequence[tuple[str, str]]:
    if claim.sizes == "together":
        largest = study.sizes[-1:] or ("",)
        return [(largest[0], " to ".join(study.sizes))]
    return [(size, size) for size in reversed(study.sizes)]


def _finding(name: str, view: View, size: str) -> Finding:
    claim: Claim = FINDINGS[name]
    parts = tuple(comparison.part(view) for comparison in claim.comparisons)
    verdict, reason = decide(parts)
    return Finding(name, claim, size, view.selection, verdict, reason, parts)


def decide(parts: Sequence[Part]) -> tuple[str, str]:
    """Return a verdict and its reason: one comparison against refutes, all together hold."""
    against = [part.label for part in parts if _speaks(part) < 0]
    if against:
        return FAILS, f"against it: {listed(against)}"
    missing = list(dict.fromkeys(part.missing for part in parts if part.ours is None))
    if missing:
        return UNMEASURED, f"missing: {'; '.join(missing)}"
    few = [part.label for part in parts if part.ours and part.ours.seeds < 2]
    if few:
        return UNCLEAR, f"one seed only: {listed(few)}"
    unclear = [part.label for part in parts if not _speaks(part)]
    if unclear:
        return UNCLEAR, f"the interval does not decide: {listed(unclear)}"
    return HOLDS, ""


def _speaks(part: Part) -> int:
    """Return 1 where a comparison is clearly as expected, -1 where clearly not, else 0."""
    found = part.ours
    if found is None or found.low is None or found.high is None or found.seeds < 2:
        return 0
    if not part.sign:
        inside = found.low > -NEAR and found.high < NEAR
        return 1 if inside else -1 if found.low > NEAR or found.high < -NEAR else 0
    low, high = sorted((part.sign * found.low, part.sign * found.high))
    return 1 if low > 0 else -1 if high < 0 else 0


def headline(findings: Sequence[Finding], study: Study) -> str:
    """Say in one sentence how many findings hold at the largest size."""
    shown = [f for f in findings if f.claim.sizes == "together" or f.size in study.sizes[-1:]]
    counts = {v: sum(f.verdict == v for f in shown) for v in (HOLDS, FAILS, UNCLEAR, UNMEASURED)}
    words = {
        HOLDS: "hold" if counts[HOLDS] != 1 else "holds",
        FAILS: "do not hold" if counts[FAILS] != 1 else "does not hold",
        UNCLEAR: "are not clear" if counts[UNCLEAR] != 1 else "is not clear",
        UNMEASURED: "are not measured" if counts[UNMEASURED] != 1 else "is not measured",
    }
    rest = [f"{counts[v]} {words[v]}" for v in (FAILS, UNCLEAR, UNMEASURED) if counts[v]]
    text = f"{counts[HOLDS]} of the paper's {len(shown)} findings {words[HOLDS]}"
    at = f" at {study.sizes[-1]}" if study.sizes else ""
    return f"{text}{at}{f': {listed(rest)}' if rest else ''}."


def difference_text(found: Estimate | None) -> str:
    """Write a difference with its sign and interval, and how it was counted where not by both.

    >>> difference_text(Estimate(1.5, 0.2, 2.8, ("th",), seeds=3, documents=9, over="seeds"))
    '+1.5 (+0.2 to +2.8, seeds alone)'
    """
    if found is None:
        return "–"
    if found.low is None or found.high is None:
        return f"{signed(found.value)} (no interval)"
    alone = "" if " and " in found.over else f", {found.over} alone"
    return f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)}{alone})"


def signed(value: float) -> str:
    """Write a difference with its sign."""
    text = number(value)
    return text if value < 0 or text == "0.0" else f"+{text}"


def paper_text(part: Part) -> str:
    """Write the paper's differences by size."""
    return ", ".join(f"{size} {signed(gap)}" for size, gap in part.paper) or "not printed"


def write_findings(study: Study, path: Path) -> Path:
    """Write the findings as Markdown, whole or not at all; the same study gives the same bytes."""
    findings = {selection: judge(study, selection=selection) for selection in SELECTIONS}
    lines = [
        "# Findings",
        "",
        f"{headline(findings[PROTOCOL], study)} On {study.title}, sweep `{study.grid}`; "
        f"{SELECTIONS[PROTOCOL]}. Written by `xlgen report SWEEP --findings FILE.md`; not to be edited.",
        "",
        *([scale, ""] if (scale := scale_text(study)) else []),
        METHOD,
        "",
        *_overview(findings[PROTOCOL], findings[HONEST]),
        *(line for name in FINDINGS for line in _section(name, findings)),
        *_tables(study),
    ]
    gaps = study.gaps()
    lines += ["## Missing", "", *(f"- {text}" for text in gaps), ""] if gaps else []
    write_whole(
        Path(path), "\n".join(lines), what="the findings", remedy="choose another --findings"
    )
    return Path(path)


def _tables(study: Study) -> Iterator[str]:
    yield "## Tables"
    yield ""
    yield (
        "Mean ± standard deviation over seeds. Lines in italics are printed in the paper, of mT5 on "
        "WikiLingua-0: other models, data and tokenizer, not to be compared number by number. "
        f"{DASHES}"
    )
    yield ""
    for table in study_tables(study):
        yield from (f"### {table.title}", "", markdown_study_table(table))
    switching = switching_tables(study)
    if switching:
        yield from ("## Code switching", "", f"{TOLD} {meanings(SWITCHING)}.", "")
    for table in switching:
        yield from (f"### {table.title}", "", markdown_study_table(table))


def _overview(protocol: Sequence[Finding], honest: Sequence[Finding]) -> Iterator[str]:
    yield "| finding | size | verdict | chosen on English alone |"
    yield "|---|---|---|---|"
    for ours, other in zip(protocol, honest, strict=True):
        yield f"| {ours.claim.text} | {ours.size} | **{ours.verdict}** | {other.verdict} |"
    yield ""


def _section(name: str, findings: dict[str, tuple[Finding, ...]]) -> Iterator[str]:
    claim: Claim = FINDINGS[name]
    yield f"## {claim.text.rstrip('.')}"
    yield ""
    yield f"The paper: {claim.source}."
    yield ""
    yield "| size | difference | in | languages | seeds | ours (95 %) | chosen on English | the paper |"
    yield "|---|---|---|---|---:|---:|---:|---|"
    pairs = list(zip(findings[PROTOCOL], findings[HONEST], strict=True))
    for ours, other in pairs:
        if ours.name == name:
            for part, honest in zip(ours.lines, other.lines, strict=True):
                yield _row(ours, part, honest)
    yield ""
    found = [ours for ours, _ in pairs if ours.name == name]
    for ours in found:
        yield f"- {ours.size}: **{ours.verdict}**" + (f" ({ours.reason})" if ours.reason else "")
    yield from dict.fromkeys(f"- {NOTED} {note}" for finding in found for note in finding.notes)
    yield ""


def _row(finding: Finding, part: Part, honest: Part) -> str:
    found = part.ours
    cells = [
        finding.size,
        part.label,
        metric_label(part.metric),
        languages_text(part),
        seeds_text(part),
        difference_text(found) if found else part.missing,
        difference_text(honest.ours),
        paper_text(part),
    ]
    return f"| {' | '.join(cells)} |"


def seeds_text(part: Part) -> str:
    """Say how many seeds a comparison is of, and of how many where some are missing."""
    seeds = part.ours.seeds if part.ours else 0
    return f"{seeds} of {part.of}" if seeds < part.of else str(seeds)


def languages_text(part: Part) -> str:
    """Name the languages of a comparison, and those that it lacks: for which its rows are made, and not."""
    if part.ours is None:
        return part.where
    lacks = [code for code in part.asked if code not in part.ours.languages]
    groups = {
        "; not": [KNOWN[code].name for code in lacks if code in part.planned],
        "; not planned for": [KNOWN[code].name for code in lacks if code not in part.planned],
    }
    names = ", ".join(KNOWN[code].name for code in part.ours.languages)
    return names + "".join(f"{how} {listed(group)}" for how, group in groups.items() if group)
