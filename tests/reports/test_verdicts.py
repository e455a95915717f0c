"""The paper's claims are judged by their comparisons alone; each says holds only where it must."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_sweeps import CURVES
from test_comparisons import changed, in_two_sizes, with_lengths

from xlgen.reports import FINDINGS
from xlgen.reports.certainty import Estimate
from xlgen.reports.comparisons import Comparison, Part, Steps, View, languages_of, printed_gap
from xlgen.reports.grid import QUALITY, TARGET
from xlgen.reports.published import published
from xlgen.reports.study import HONEST, PROTOCOL, Study
from xlgen.reports.study_text import scale_text
from xlgen.reports.sweep import Job
from xlgen.reports.verdicts import (
    FAILS,
    HOLDS,
    UNCLEAR,
    UNMEASURED,
    Finding,
    decide,
    difference_text,
    headline,
    judge,
    languages_text,
    seeds_text,
    write_findings,
)


def part(low: float | None, high: float | None, *, sign: int = 1, seeds: int = 3) -> Part:
    value = 0.0 if low is None else (low + high) / 2
    found = Estimate(
        value, low, high, ("th",), seeds=seeds, documents=9, over="documents and seeds"
    )
    return Part("a minus b", QUALITY, "other languages", sign, found, "", (), ("th",), ("th",), 3)


ABSENT = replace(part(1, 2), ours=None, missing="PROMPT, FP not run")
CASES = [
    ([part(1, 2)], HOLDS),
    ([part(1, 2), part(-2, -1, sign=-1)], HOLDS),
    ([part(-1, 2)], UNCLEAR),
    ([part(1, 2), part(-1, 2)], UNCLEAR),
    ([part(-2, -1)], FAILS),
    ([part(1, 2), part(-2, -1)], FAILS),
    ([part(1, 2, sign=-1)], FAILS),
    ([part(0, 0)], UNCLEAR),
    ([part(None, None)], UNCLEAR),
    ([part(1, 2, seeds=1)], UNCLEAR),  # one seed alone proves nothing
    ([part(-2, -1, seeds=1)], UNCLEAR),
    ([part(1, 2), ABSENT], UNMEASURED),
    ([part(-2, -1), ABSENT], FAILS),  # one against it is enough
    ([part(-1.5, 1.5, sign=0)], HOLDS),  # near: within 2 points
    ([part(-3, 1, sign=0)], UNCLEAR),
    ([part(2.5, 4, sign=0)], FAILS),
    ([part(-4, -2.5, sign=0)], FAILS),
    ([part(-2, 1, sign=0)], UNCLEAR),  # two points are not within two points, nor beyond them
    ([part(-1, 2, sign=0)], UNCLEAR),
    ([part(2, 4, sign=0)], UNCLEAR),
    ([part(-4, -2, sign=0)], UNCLEAR),
    ([part(0, 2)], UNCLEAR),  # an interval that touches 0 does not lie on one side of it
    ([part(-2, 0)], UNCLEAR),
]


@pytest.mark.parametrize(("parts", "verdict"), CASES)
def test_a_verdict_follows_the_intervals(parts: list[Part], verdict: str):
    assert decide(parts)[0] == verdict


def test_reasons_name_what_is_missing_or_against():
    assert decide([part(1, 2), ABSENT])[1] == "missing: PROMPT, FP not run"
    assert decide([part(-2, -1)])[1] == "against it: a minus b"
    assert decide([part(1, 2, seeds=1)])[1] == "one seed only: a minus b"


COMPARISONS = [(name, c) for name in FINDINGS for c in FINDINGS[name].comparisons]


@pytest.mark.parametrize("name", FINDINGS)
def test_every_claim_is_a_sentence_with_its_place(name: str):
    claim = FINDINGS[name]
    assert claim.text.endswith(".")
    assert claim.source.startswith(("section", "appendix"))
    assert claim.comparisons


@pytest.mark.parametrize(("name", "comparison"), COMPARISONS)
def test_every_comparison_measures_or_says_what_is_missing(
    name, comparison: Comparison, study: Study
):
    found = comparison.part(View(study, "nano", PROTOCOL))
    assert (found.ours is None) == bool(found.missing)
    assert found.paper or isinstance(comparison, Steps)
    assert set(found.asked) <= set(study.languages)


def test_the_papers_differences_are_those_of_its_pages(study: Study):
    english = FINDINGS["english-favours-model"].comparisons[0].part(View(study, "nano", PROTOCOL))
    assert [f"{size} {gap:.1f}" for size, gap in english.paper][-1] == "XXL 3.3"
    both = ("model", "xxl"), ("prompt", "xxl")
    told = printed_gap(*both, comparison=FINDINGS["model-forgets-more"].comparisons[0])
    cells = {
        (row, code): published(row, size, language=code, metric=TARGET).mean
        for row, size in both
        for code in ("ru", "th")  # of the printed languages, those of other scripts
    }
    gaps = [cells["model", code] - cells["prompt", code] for code in ("ru", "th")]
    assert told == pytest.approx(sum(gaps) / 2)


def test_languages_of_a_comparison():
    codes = ("en", "vi", "zh", "ar")
    assert languages_of(codes, "English") == ("en",)
    assert languages_of(codes, "other languages") == ("ar", "vi", "zh")
    assert languages_of(codes, "other scripts") == ("ar", "zh")


def by_name(study: Study, selection: str = PROTOCOL) -> dict[str, Finding]:
    return {finding.name: finding for finding in judge(study, selection=selection)}


def test_a_study_decides_what_it_measured(study: Study):
    found = by_name(study)
    assert found["model-forgets-more"].verdict == HOLDS
    assert (
        found["mixing-restores"].parts[1].ours.value > 20
    )  # and yet, of two seeds and six outputs:
    assert found["mixing-restores"].verdict == UNCLEAR
    assert found["forgetting-grows"].verdict == HOLDS
    assert found["forgetting-grows"].parts[0].ours.over == "seeds"
    assert found["factorized-restore"].verdict == UNMEASURED
    assert "PROMPT, FP not in the sweep" in found["factorized-restore"].reason
    assert found["larger-forget-less"].verdict == UNMEASURED  # of one size only
    assert "at a second size" in found["larger-forget-less"].reason
    # of two seeds one ran: the difference stands, the finding does not
    above = found["supervision-above"].parts[1]
    assert (above.ours.seeds, above.of, seeds_text(above)) == (1, 2, "1 of 2")


def test_the_difference_is_that_of_the_tables(study: Study):
    gap = by_name(study)["model-forgets-more"].parts[0].ours
    assert gap.languages == ("ar", "hi", "th", "zh")
    means = [
        study.summary("model", "nano", language=code, metric=TARGET).mean
        - study.summary("prompt", "nano", language=code, metric=TARGET).mean
        for code in gap.languages
    ]
    assert gap.value == pytest.approx(sum(means) / 4)
    assert gap.over == "documents and seeds"


def test_a_claim_fails_where_the_methods_are_exchanged(study: Study):
    swapped = {"prompt": "model", "model": "prompt"}
    jobs = tuple(replace(job, row=swapped.get(job.row, job.row)) for job in study.jobs)
    found = by_name(replace(study, jobs=jobs, _parts={}))
    assert found["model-forgets-more"].verdict == FAILS
    assert found["model-forgets-more"].reason.startswith("against it: MODEL minus PROMPT")


def test_one_seed_is_never_enough(study: Study):
    jobs = tuple(job for job in study.jobs if job.seed in (None, 0))
    found = by_name(replace(study, jobs=jobs, _parts={}))
    assert {finding.verdict for finding in found.values()} <= {UNCLEAR, UNMEASURED}


def test_languages_that_a_comparison_lacks_are_named(study: Study):
    jobs = tuple(job for job in study.jobs if job.target != "th")
    found = by_name(replace(study, jobs=jobs, _parts={}))["mixing-restores"].parts[0]
    assert languages_text(found) == "Arabic, Hindi, Vietnamese, Chinese; not planned for Thai"


def test_languages_to_come_are_told_from_those_not_planned(waiting: Study):
    found = by_name(waiting)["mixing-restores"].parts[0]
    assert (
        languages_text(found) == "Vietnamese; not Chinese; not planned for Arabic, Hindi and Thai"
    )


def test_seeds_of_what_the_sweep_does_not_list_are_not_to_come(study: Study):
    """One row is listed with two seeds, the other not at all: none of their difference is missing."""
    found = by_name(study)["factorized-restore"].parts
    assert [(part.missing, seeds_text(part)) for part in found] == [
        ("PROMPT, FP not in the sweep", "0"),
        ("PROMPT, FP not in the sweep, PROMPT, FP-EN not in the sweep", "0"),
    ]
    alone = by_name(study)["larger-forget-less"].parts  # one size is listed
    assert [seeds_text(part) for part in alone] == ["0", "0"]


def test_the_honest_variant_is_judged_by_its_own_scores(study: Study):
    ours, honest = (
        by_name(study, selection)["model-forgets-more"] for selection in (PROTOCOL, HONEST)
    )
    assert ours.parts[0].ours.value != honest.parts[0].ours.value
    steps = [by_name(study, s)["forgetting-grows"].parts for s in (PROTOCOL, HONEST)]
    assert steps[0] == steps[1]  # curves do not depend on which checkpoint is scored
    assert QUALITY in CURVES


def test_headline_counts_at_the_largest_size(study: Study):
    found = judge(study)
    text = headline(found, study)
    assert text == (
        "2 of the paper's 11 findings hold at nano: 3 are not clear and 6 are not measured."
    )
    holding = [replace(finding, verdict=HOLDS) for finding in found]
    assert headline(holding, study) == "11 of the paper's 11 findings hold at nano."
    one = [*holding[:-1], replace(holding[-1], verdict=FAILS)]
    assert headline(one, study).endswith("hold at nano: 1 does not hold.")


def test_of_two_sizes_the_largest_stands_first_and_decides(study: Study):
    both = in_two_sizes(study)
    found = judge(both)
    for name in FINDINGS:
        together = FINDINGS[name].sizes == "together"
        sizes = [finding.size for finding in found if finding.name == name]
        assert sizes == (["pico to nano"] if together else ["nano", "pico"])
    told = [replace(f, verdict=UNMEASURED if f.size == "pico" else HOLDS) for f in found]
    assert headline(told, both) == "11 of the paper's 11 findings hold at nano."


def test_neighbours_are_told_and_decide_nothing(study: Study, tmp_path: Path):
    """The model's runs, as prompts of 10, stay in the language least: from there on longer is better."""
    more = with_lengths(study, 10)
    ours, before = (by_name(s)["capacity-paradox"] for s in (more, study))
    assert (ours.verdict, ours.reason) == (before.verdict, before.reason)
    lost = ours.parts[1]
    assert [one.ours.value < 0 for one in (lost, *lost.neighbours)] == [True, True, False]
    assert ours.lines == (*(p for part in ours.parts for p in (part, *part.neighbours)),)
    record = ours.to_json()["comparisons"][1]
    assert [one["label"] for one in record["neighbours"]] == [p.label for p in lost.neighbours]
    text = write_findings(more, tmp_path / "findings.md").read_text("utf-8")
    for one in lost.neighbours:
        assert f"| nano | {one.label} | LID target |" in text
        assert f"| {difference_text(one.ours)} |" in text


def test_a_claim_of_lengths_says_that_it_is_of_the_ends(study: Study):
    told = FINDINGS["capacity-paradox"].text
    assert told.startswith("The longest prompt") and "the shortest" in told


def test_differences_say_how_they_were_counted():
    assert difference_text(part(1, 2).ours) == "+1.5 (+1.0 to +2.0)"
    alone = replace(part(1, 2).ours, over="documents")
    assert difference_text(alone) == "+1.5 (+1.0 to +2.0, documents alone)"
    assert difference_text(part(None, None).ours) == "0.0 (no interval)"
    assert difference_text(None) == "–"


def test_findings_say_how_little_they_rest_on(study: Study):
    assert scale_text(study) == (
        "Runs were tuned on the task for 500 steps (the paper: 100,000), their checkpoints chosen on 20 "
        "validation texts a language (the paper: 250) and scored on 6 test texts a language."
    )


def test_what_differs_between_jobs_is_a_range(study: Study):
    def change(job: Job) -> list[Job]:
        if job.row != "model":
            return [job]
        counts = {QUALITY: 1250}  # of other metrics' undefined scores none counts
        kept = [p for p in job.curve if p.step < 500 and p.language == "th"]
        curve = tuple(replace(p, n=counts.get(p.metric, 1)) for p in kept)
        folder = job.scored[PROTOCOL]
        ((key, cells),) = folder.cells.items()
        more = {at: replace(cell, n=7) if at[0] == "th" else cell for at, cell in cells.items()}
        return [replace(job, curve=curve, scored={PROTOCOL: replace(folder, cells={key: more})})]

    assert scale_text(changed(study, change)) == (
        "Runs were tuned on the task for 400 to 500 steps (the paper: 100,000), their checkpoints chosen on "
        "20 to 1,250 validation texts a language (the paper: 250) and scored on 6 to 7 test texts a language."
    )


def test_without_tuned_runs_only_what_was_scored_is_told(study: Study):
    alone = changed(study, lambda job: [job] if job.row == "lead-64" else [])
    assert scale_text(alone) == "Outputs were scored on 6 test texts a language."


def test_findings_are_written_as_markdown(study: Study, tmp_path: Path):
    path = write_findings(study, tmp_path / "findings.md")
    text = path.read_text("utf-8")
    assert scale_text(study) in text.split("\n\n")[:3]
    assert text == write_findings(study, tmp_path / "again.md").read_text("utf-8")
    for name in FINDINGS:
        assert f"## {FINDINGS[name].text.rstrip('.')}\n" in text
    finding = by_name(study)["model-forgets-more"]
    assert f"| {difference_text(finding.parts[0].ours)} |" in text
    honest = by_name(study, HONEST)["model-forgets-more"].parts[0].ours
    assert f"| {difference_text(finding.parts[0].ours)} | {difference_text(honest)} |" in text
    assert "| nano | MODEL minus PROMPT | LID target | Arabic, Hindi, Thai, Chinese | 2 |" in text
    assert "- nano · model, sup · th: 1 of 2 seeds" in text
    for table in text.split("\n\n"):  # every table's lines have as many columns as its head
        rows = [line for line in table.split("\n") if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1
