"""Code switching by row: means are those of the languages' cells, and what is not defined is no number."""

import json
import shutil
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import write_json
from made_sweeps import SWEEP
from test_study import values

from xlgen.reports.certainty import estimate
from xlgen.reports.grid import ASCII, SWITCHING_METRICS
from xlgen.reports.study import HONEST, PROTOCOL, Study, Summary, read_study
from xlgen.reports.study_page import StudyReport, make_study_report
from xlgen.reports.study_switching import SWITCHING, switching_tables, without_labels
from xlgen.reports.study_tables import ELSE, OTHERS, OURS, Line, StudyTable
from xlgen.reports.study_text import cell_text, markdown_study_table, study_records

OTHER = ("ar", "hi", "th", "vi", "zh")


@pytest.fixture(scope="module")
def tables(study: Study) -> tuple[StudyTable, ...]:
    return switching_tables(study)


def line(table: StudyTable, row: str) -> Line:
    (found,) = [line for block in table.blocks for line in block.lines if line.row == row]
    return found


def test_a_table_of_means_then_one_a_language(tables: tuple[StudyTable, ...], study: Study):
    assert without_labels(study) == OTHER  # no English, and none of the paper's that was not scored
    assert [table.title for table in tables] == [
        "Mean of Arabic, Hindi, Thai, Vietnamese and Chinese",
        "Arabic", "Hindi", "Thai", "Vietnamese", "Chinese",
    ]  # fmt: skip
    assert (ASCII, *SWITCHING_METRICS) == SWITCHING
    for table in tables:
        assert [metric for _, metric in table.columns] == list(SWITCHING)
        lines = [line for block in table.blocks for line in block.lines]
        assert {line.row for line in lines} == set(SWEEP.rows)
        assert {line.source for line in lines} == {OURS}  # the paper prints no such numbers


@pytest.mark.parametrize("row", ["lead-64", "prompt", "prompt, mix-unsup"])
@pytest.mark.parametrize("metric", [ASCII, "wrong_words", "all_english"])
@pytest.mark.parametrize("selection", [PROTOCOL, HONEST])
def test_means_are_of_the_languages_cells(sweep: Path, study: Study, row, metric, selection):
    table = switching_tables(study, selection=selection)[0]
    cell = line(table, row).cells[OTHERS, metric]
    means = [
        statistics.fmean(values(sweep, row, code, metric=metric, part=selection).values())
        for code in OTHER
    ]
    assert cell.mean == pytest.approx(statistics.fmean(means))
    size = "" if row == "lead-64" else "nano"
    found = estimate(study.parts(row, size, languages=OTHER, metric=metric, selection=selection))
    assert (cell.low, cell.high) == (max(0, found.low), min(100, found.high))
    assert (cell.std, cell.lacks) == (None, ())


@pytest.mark.parametrize("code", OTHER)
def test_a_languages_cells_are_those_of_its_runs(sweep: Path, study: Study, code: str):
    table = switching_tables(study)[1 + OTHER.index(code)]
    expected = values(sweep, "model, mix-unsup", code, metric="wrong_words")
    found = line(table, "model, mix-unsup").cells[code, "wrong_words"]
    assert found.mean == pytest.approx(statistics.fmean(expected.values()))
    assert found.std == pytest.approx(statistics.stdev(expected.values()))


def test_what_is_not_defined_is_a_dash_and_no_gap(tables: tuple[StudyTable, ...], study: Study):
    vietnamese = {table.title: table for table in tables}["Vietnamese"]
    assert ("vi", "wpr") not in line(vietnamese, "prompt").cells
    (row,) = [t for t in markdown_study_table(vietnamese).split("\n") if "LEAD-64" in t]
    assert row.endswith("| – |")
    means = line(tables[0], "lead-64").cells
    assert means[OTHERS, "wpr"].lacks == ()  # of the four languages where it is defined
    assert not [gap for gap in study.gaps() if "wpr" in gap.lower()]


def test_languages_that_a_mean_lacks_are_named(study: Study):
    jobs = tuple(job for job in study.jobs if job.target != "th")
    tables = switching_tables(replace(study, jobs=jobs, _parts={}))
    cell = line(tables[0], "prompt, mix-unsup").cells[OTHERS, ASCII]
    assert cell.lacks == ("th",)
    assert cell_text(cell).endswith(" without TH")
    assert line(tables[0], "prompt").cells[OTHERS, ASCII].lacks == ()


def test_seeds_of_a_mean_are_those_of_the_language_with_fewest(study: Study):
    jobs = tuple(
        replace(job, scored={}) if (job.row, job.target, job.seed) == ("prompt, mix-unsup", "hi", 1)
        else job for job in study.jobs
    )  # fmt: skip
    cell = line(switching_tables(replace(study, jobs=jobs, _parts={}))[0], "prompt, mix-unsup")
    found = cell.cells[OTHERS, ASCII]
    assert (found.seeds, found.of, found.lacks) == (1, 2, ())


def test_a_mean_is_written_with_its_interval():
    mean = Summary(12.34, None, seeds=3, of=3, low=9.96, high=100.0, lacks=())
    assert cell_text(mean) == "12.3 (10.0 to 100.0)"
    few = replace(mean, seeds=1, lacks=("hi", "th"))
    assert cell_text(few) == "12.3 (10.0 to 100.0) (1 of 3) without HI, TH"
    assert cell_text(replace(mean, low=None, high=None)) == "12.3"
    assert (
        cell_text(replace(mean, lacks=None)) == "12.3"
    )  # of one language: its interval is elsewhere


def test_blocks_are_of_one_method(tables: tuple[StudyTable, ...], study: Study):
    assert [block.title for block in tables[0].blocks] == [
        "Baselines", "PromptTuning", "ModelTuning",
    ]  # fmt: skip
    jobs = tuple(
        replace(job, row="howto.prompt, method.length=7") if job.row == "prompt, l=1" else job
        for job in study.jobs
    )
    named = switching_tables(replace(study, jobs=jobs, _parts={}))[0].blocks
    assert named[-1].title == ELSE
    assert [line.row for line in named[-1].lines] == ["howto.prompt, method.length=7"]


def test_unfinished_rows_say_so(tables: tuple[StudyTable, ...]):
    assert line(tables[0], "model, sup").state == "1 of 2 seeds"
    assert "MODEL, SUP † (1 of 2 seeds)" in markdown_study_table(tables[0])


def test_a_languages_table_is_of_the_seeds_that_are_to_come_there(waiting: Study):
    states = {
        table.title: line(table, "prompt, mix-unsup").state for table in switching_tables(waiting)
    }
    assert states == {
        "Mean of Arabic, Hindi, Thai, Vietnamese and Chinese": "1 of 2 seeds",
        **dict.fromkeys(["Arabic", "Hindi", "Thai"], "not planned"),
        "Vietnamese": "1 of 2 seeds",
        "Chinese": "not run",
    }


def test_means_are_among_the_records(tables: tuple[StudyTable, ...], study: Study):
    records = [r for r in study_records(study) if r["language"] == OTHERS]
    (record,) = [
        r for r in records
        if (r["row"], r["metric"], r["selection"]) == ("model", "all_english", PROTOCOL)
    ]  # fmt: skip
    cell = line(tables[0], "model").cells[OTHERS, "all_english"]
    assert (record["mean"], record["low"], record["high"]) == (cell.mean, cell.low, cell.high)
    assert {r["metric"] for r in records} == set(SWITCHING)


def without_metrics(sweep: Path, *, kept: set[str], to: Path) -> Path:
    """Copy a sweep as one of before some metrics there were."""
    copy = Path(shutil.copytree(sweep, to))
    for path in copy.rglob("scores.json"):
        data = json.loads(path.read_text("utf-8"))
        data["cells"] = [cell for cell in data["cells"] if cell["metric"] in kept]
        write_json(path, data)
    return copy


@pytest.mark.usefixtures("without_figures")
def test_a_sweep_of_before_these_metrics_is_reported(sweep: Path, tmp_path: Path):
    old = without_metrics(sweep, kept={"sp_rouge_lsum", "ascii"}, to=tmp_path / "old")
    assert [metric for _, metric in switching_tables(read_study(old))[0].columns] == [ASCII]
    older = without_metrics(sweep, kept={"sp_rouge_lsum"}, to=tmp_path / "older")
    assert switching_tables(read_study(older)) == ()
    out, findings = tmp_path / "report.html", tmp_path / "findings.md"
    page = make_study_report(older, out, findings=findings).path.read_text("utf-8")
    assert "Code switching" not in page
    assert "Code switching" not in findings.read_text("utf-8")


def test_page_and_markdown_hold_the_tables(made: StudyReport, study: Study):
    page, text = (path.read_text("utf-8") for path in (made.path, made.findings_path))
    for table in switching_tables(study):
        assert page.count(f"<h3>{table.title}</h3>") == 2  # both ways of choosing checkpoints
        assert f"### {table.title}\n\n{markdown_study_table(table)}" in text
    cell = line(switching_tables(study)[0], "prompt").cells[OTHERS, "wrong_words"]
    assert f'<span class="interval">{cell.low:.1f} to {cell.high:.1f}</span>' in page
