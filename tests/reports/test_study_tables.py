"""The paper's tables: its rows and cells as printed, ours beside on lines of their own, and nothing mixed."""

import csv
import io
import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from made_sweeps import SWEEP
from rich.console import Console
from test_study import values

from xlgen.reports.grid import ENGLISH, QUALITY, TARGET
from xlgen.reports.published import published
from xlgen.reports.study import HONEST, PROTOCOL, Study, Summary
from xlgen.reports.study_switching import switching_tables
from xlgen.reports.study_tables import OURS, PAPER, StudyTable, focus, study_tables
from xlgen.reports.study_text import (
    cell_text,
    markdown_study_table,
    study_records,
    terminal_study_table,
)
from xlgen.reports.tables import scores_csv, scores_json


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, StudyTable]:
    return {table.key: table for table in study_tables(study)}


def lines(table: StudyTable, source: str, row: str) -> list:
    return [
        line for b in table.blocks for line in b.lines if (line.source, line.row) == (source, row)
    ]


def test_columns_are_quality_and_language_of_each(tables: dict[str, StudyTable], study: Study):
    assert focus(study) == ("en", "ar", "fr", "hi", "ru", "th", "vi", "zh")
    columns = tables["10"].columns
    assert [metric for code, metric in columns if code == "en"] == [QUALITY, ENGLISH]
    assert [metric for code, metric in columns if code == "th"] == [QUALITY, ENGLISH, TARGET]
    assert len(tables["8"].columns) == 18


def test_of_many_languages_the_tables_show_the_targets(study: Study):
    """Three columns for each of eighteen languages could not be read."""
    seventh = next(job for job in study.jobs if job.row == "prompt")
    cells = seventh.scored[PROTOCOL].cells
    (key,) = cells
    more = {**cells[key], ("de", QUALITY): replace(cells[key]["zh", QUALITY], language="de")}
    scored = {PROTOCOL: replace(seventh.scored[PROTOCOL], cells={key: more})}
    jobs = tuple(replace(job, scored=scored) if job is seventh else job for job in study.jobs)
    many = replace(study, jobs=jobs, _parts={})
    assert many.languages == ("en", "ar", "de", "hi", "th", "vi", "zh")
    assert "de" not in focus(many)
    assert set(many.targets) <= set(focus(many))


@pytest.mark.parametrize("key", ["8", "10", "11"])
def test_the_papers_lines_are_as_printed(tables: dict[str, StudyTable], key: str):
    count = 0
    for block in tables[key].blocks:
        for line in block.lines:
            if line.source == PAPER and not line.row.startswith("Δ"):
                for (language, metric), cell in line.cells.items():
                    printed = published(line.row, line.size, language=language, metric=metric)
                    assert (cell.mean, cell.std) == (printed.mean, printed.std)
                    count += 1
    assert count > 150


def test_ours_stand_on_lines_of_their_own(tables: dict[str, StudyTable], sweep: Path):
    (ours,) = lines(tables["11"], OURS, "prompt, mix-unsup")
    expected = values(sweep, "prompt, mix-unsup", "zh", metric=TARGET)
    assert ours.cells["zh", TARGET].mean == pytest.approx(statistics.fmean(expected.values()))
    assert ("fr", QUALITY) not in ours.cells  # ours was not run there: nothing in its place
    base, xxl = lines(tables["11"], PAPER, "prompt, mix-unsup")
    assert (base.label, xxl.label) == ("paper BASE", "paper XXL")
    assert ("zh", QUALITY) not in base.cells
    assert ("ar", TARGET) not in xxl.cells


def test_notes_of_our_rows_stand_though_the_papers_have_none(tables: dict[str, StudyTable]):
    assert tables["10"].notes == ("MODEL, SUP: labels of howto0-short",)


def test_blocks_are_those_of_the_paper(tables: dict[str, StudyTable]):
    titles = [block.title for block in tables["10"].blocks]
    assert titles == ["Baselines and headroom", "Model size", "Prompt length"]
    sizes = [line.label for line in lines(tables["10"], PAPER, "model")]
    assert sizes == ["paper XXL", *(f"paper {s}" for s in ("SMALL", "BASE", "LARGE", "XL", "XXL"))]
    assert [line.size for line in lines(tables["11"], PAPER, "model")] == ["base", "xxl"]


def test_lengths_ascend_and_what_was_not_run_has_no_difference(study: Study):
    job = next(job for job in study.jobs if job.row == "prompt, l=1")
    more = tuple(replace(job, row=f"prompt, l={length}") for length in (20, 9))
    alone = tuple(job for job in study.jobs if job.row != "model")
    tables = {t.key: t for t in study_tables(replace(study, jobs=(*alone, *more), _parts={}))}
    rows = dict.fromkeys(line.row for line in tables["10"].blocks[-1].lines)
    assert list(rows) == [f"prompt, l={length}" for length in (1, 9, 10, 20, 100, 1000)]
    assert [line.row for line in tables["8"].blocks[0].lines] == ["prompt"]


def test_a_row_of_ones_own_is_shown(study: Study):
    jobs = tuple(
        replace(job, row="prompt, mine") if job.row == "prompt, mix-unsup" else job
        for job in study.jobs
    )
    table = study_tables(replace(study, jobs=jobs, _parts={}))[1]
    assert table.blocks[-1].title == "Rows that the paper does not have"
    assert [line.row for line in table.blocks[-1].lines] == ["prompt, mine"]


def test_baselines_stand_together_the_shortest_first(study: Study):
    lead = next(job for job in study.jobs if job.row == "lead-64")
    more = tuple(replace(lead, row=row) for row in ("lead-256", "lead-128", "lead-32"))
    found = replace(study, jobs=(*study.jobs, *more), _parts={})
    assert found.rows[:5] == ("lead-32", "lead-64", "lead-128", "lead-256", "prompt")
    block = study_tables(found)[0].blocks[0]
    ours = [line.row for line in block.lines if line.source == OURS]
    assert ours[:5] == list(found.rows[:5])


def test_table_8_has_the_differences(tables: dict[str, StudyTable], study: Study):
    (gap,) = lines(tables["8"], OURS, "Δ prompt − model")
    prompt, model = (
        study.summary(row, "nano", language="hi", metric=QUALITY) for row in ("prompt", "model")
    )
    assert gap.cells["hi", QUALITY].mean == pytest.approx(prompt.mean - model.mean)
    printed = lines(tables["8"], PAPER, "Δ prompt − model")[-1]  # XXL, as the paper prints it
    assert f"{printed.cells['th', QUALITY].mean:.1f}" == "7.3"
    assert f"{printed.cells['en', QUALITY].mean:.1f}" == "-3.3"


def test_markdown_holds_the_numbers(tables: dict[str, StudyTable]):
    text = markdown_study_table(tables["11"])
    rows = [line.split(" | ") for line in text.split("\n") if line.startswith("| nano")]
    (ours,) = lines(tables["11"], OURS, "model")
    (row,) = [row for row in rows if row[1].strip() == "MODEL"]
    place = 2 + tables["11"].columns.index(("th", TARGET))
    cell = ours.cells["th", TARGET]
    assert row[place].strip(" |") == f"{cell.mean:.1f} ±{cell.std:.1f}"
    assert "| *paper BASE* | *PROMPT, MIX-UNSUP* |" in text
    assert len({line.count("|") for line in text.strip().split("\n")}) == 1


def test_cells_say_which_seeds_are_missing():
    assert cell_text(Summary(12.34, 1.26, seeds=2, of=3)) == "12.3 ±1.3 (2 of 3)"
    assert cell_text(Summary(-12.34, None, seeds=1, of=1)) == "−12.3"
    assert cell_text(None) == "–"


def test_a_language_to_come_is_told_from_one_that_is_not_planned(waiting: Study):
    table = study_tables(waiting)[1]
    text = markdown_study_table(table)
    (row,) = [
        t.split(" | ") for t in text.split("\n") if t.startswith("| nano | PROMPT, MIX-UNSUP ")
    ]
    shown = {code: row[2 + table.columns.index((code, QUALITY))] for code in focus(waiting)}
    assert shown["vi"].endswith(" (1 of 2)")
    assert shown["zh"] == "– (0 of 2)"
    # not planned; of French and Russian the sweep has nothing at all
    assert {code for code in shown if shown[code] == "–"} == {"ar", "hi", "th", "fr", "ru"}


def test_what_is_not_defined_is_not_to_come(waiting: Study):
    jobs = tuple(replace(job, scored={}) if job.row == "model" else job for job in waiting.jobs)
    begun = replace(waiting, jobs=jobs, _parts={})
    tables = {t.title: t for t in switching_tables(begun)}
    for title, last in {"Vietnamese": "– |", "Thai": "– (0 of 2) |"}.items():  # WPR
        (row,) = [t for t in markdown_study_table(tables[title]).split("\n") if "| MODEL (" in t]
        assert row.startswith("| nano | MODEL (not run) | – (0 of 2) |")
        assert row.split(" | ")[-1] == last
    (model,) = lines(study_tables(begun)[1], OURS, "model")
    assert {code for code, _ in model.awaited} == {*SWEEP.languages}  # of the paper's, no Russian


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_table_fits(study: Study, width: int):
    few = replace(
        study, jobs=tuple(job for job in study.jobs if job.target in (None, "th")), _parts={}
    )
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(terminal_study_table(study_tables(few)[1], width=width))
    text = console.export_text()
    assert max(map(len, text.split("\n"))) <= width
    assert "PROMPT," in text
    assert "IT-GIGAWORD" not in text  # the sweep does not have it


def test_records_are_flat_and_say_whose(study: Study, sweep: Path):
    records = study_records(study)
    assert {record["source"] for record in records} == {OURS, PAPER}
    assert json.loads(scores_json(records)) == records
    rows = list(csv.DictReader(io.StringIO(scores_csv(records))))
    (row,) = [
        r for r in rows
        if (r["source"], r["row"], r["language"], r["metric"], r["selection"])
        == (OURS, "model", "th", QUALITY, HONEST)
    ]  # fmt: skip
    expected = values(sweep, "model", "th", metric=QUALITY, part=HONEST)
    assert float(row["mean"]) == pytest.approx(statistics.fmean(expected.values()))
    assert (row["n"], row["seeds"], row["of_seeds"]) == (str(SWEEP.documents), "2", "2")
    paper = [r for r in records if r["source"] == PAPER]
    assert len({(r["row"], r["size"], r["language"], r["metric"]) for r in paper}) == len(paper)
