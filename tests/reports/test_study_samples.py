"""Samples of a study: articles by their names alone, every row that counts, words marked as everywhere."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlgen.reports import study_samples as module
from xlgen.reports.html import make_report
from xlgen.reports.read import read_run
from xlgen.reports.samples import LanguageSamples, Sample, Segment, mark_words
from xlgen.reports.study import PROTOCOL, Study, read_study
from xlgen.reports.study_page import StudyReport, make_study_report
from xlgen.reports.study_samples import COUNT, study_samples
from xlgen.reports.sweep import Job

OTHER = ("ar", "hi", "th", "vi", "zh")


@pytest.fixture(scope="module")
def samples(study: Study) -> dict[str, LanguageSamples]:
    return {group.code: group for group in study_samples(study)}


def outputs(sample: Sample) -> dict[str, str]:
    return {o.name: "".join(segment.text for segment in o.segments) for o in sample.outputs}


def folder_of(sweep: Path, row: str, *, seed: int, target: str | None) -> Path:
    listed = json.loads((sweep / "sweep.json").read_text("utf-8"))["rows"]
    key = (row, seed, target)
    (job,) = [job for job in listed if (job["row"], job["seed"], job["target"]) == key]
    return sweep / job["folder"]


def test_articles_are_picked_by_the_hash_of_their_name(samples, sweep: Path, study: Study):
    assert tuple(samples) == OTHER
    run = read_run(folder_of(sweep, "prompt", seed=0, target=None) / PROTOCOL)
    for code in OTHER:
        ids = [p.id for p in run.predictions[study.benchmark, "test"] if p.language == code]
        ids.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        assert [sample.id for sample in samples[code].samples] == ids[:COUNT]
        assert samples[code].of == len(ids)


@pytest.mark.parametrize("code", OTHER)
def test_every_row_stands_with_its_output(samples, sweep: Path, study: Study, code: str):
    for sample in samples[code].samples:
        assert list(outputs(sample)) == [row.upper() for row in study.rows]
        assert sample.absent == ()
    for row, target in (("prompt", None), ("model, mix-unsup", code)):
        run = read_run(folder_of(sweep, row, seed=0, target=target) / PROTOCOL)
        written = {p.id: p for p in run.predictions[study.benchmark, "test"] if p.language == code}
        for sample in samples[code].samples:
            assert outputs(sample)[row.upper()] == written[sample.id].prediction
            assert sample.reference == written[sample.id].reference


def test_wrong_words_are_marked_as_everywhere(samples):
    english = 0
    for code in ("ar", "hi", "th", "zh"):
        for sample in samples[code].samples:
            for output in sample.outputs:
                text = outputs(sample)[output.name]
                assert output.segments == tuple(mark_words(text, code))
                if output.is_all_english:
                    english += 1
                    assert {s.wrong for s in output.segments if s.wrong} == {"en"}
    assert english > 3


def with_jobs(study: Study, change: Callable[[Job], Job | None]) -> Study:
    """Return the study with each job changed, or left out."""
    jobs = tuple(job for given in study.jobs if (job := change(given)))
    return replace(study, jobs=jobs, _parts={})


def group_of(study: Study, code: str, **settings: Any) -> LanguageSamples:
    (group,) = [group for group in study_samples(study, **settings) if group.code == code]
    return group


def test_a_run_of_another_language_shows_nothing(study: Study):
    row = "prompt, mix-unsup"
    thai = {job.seed: job for job in study.jobs if (job.row, job.target) == (row, "th")}

    def change(job: Job) -> Job | None:
        if job.row != row or job.target not in ("th", "hi"):
            return job
        # there is no run for Thai, and that for Hindi was scored in Thai too
        return None if job.target == "th" else replace(job, scored=thai[job.seed].scored)

    for sample in group_of(with_jobs(study, change), "th").samples:
        assert row.upper() not in {*outputs(sample), *sample.absent}
    for sample in group_of(with_jobs(study, change), "hi").samples:
        assert row.upper() in sample.absent  # it wrote nothing in Hindi


def test_the_first_finished_seed_is_shown_and_said(study: Study):
    def change(job: Job) -> Job:
        return replace(job, scored={}) if (job.row, job.seed) == ("prompt", 0) else job

    first, second = group_of(study, "zh"), group_of(with_jobs(study, change), "zh")
    notes = {o.name: o.note for o in second.samples[0].outputs}
    assert (notes["PROMPT"], notes["MODEL"]) == ("seed 1", "")
    assert notes["MODEL, SUP"] == "labels of howto0-short"
    changed = [
        name
        for one, other in zip(first.samples, second.samples, strict=True)
        for name, text in outputs(one).items()
        if outputs(other)[name] != text
    ]
    assert set(changed) == {"PROMPT"}


def test_rows_that_did_not_run_are_left_out(study: Study):
    def change(job: Job) -> Job:
        return replace(job, scored={}) if job.row == "model, sup" else job

    for sample in group_of(with_jobs(study, change), "ar").samples:
        assert "MODEL, SUP" not in {*outputs(sample), *sample.absent}
        assert "LEAD-64" in outputs(sample)


def test_only_the_largest_size_is_shown(study: Study):
    smaller = with_jobs(study, lambda job: replace(job, size="pico") if job.size else job)
    both = replace(
        study, jobs=(*smaller.jobs, *(j for j in study.jobs if j.row == "model")),
        sizes=("pico", "nano"), _parts={},
    )  # fmt: skip
    for sample in group_of(both, "vi").samples:
        assert list(outputs(sample)) == ["LEAD-64", "MODEL"]


def test_texts_are_read_only_of_the_runs_that_are_shown(study: Study, monkeypatch):
    read: list[Path] = []
    monkeypatch.setattr(module, "read_run", lambda folder: read.append(folder) or read_run(folder))
    study_samples(study, mark=lambda text, language: [Segment(text)])
    shown = [job for job in study.jobs if job.seed in (None, 0)]
    assert sorted(read) == sorted(job.scored[PROTOCOL].folder for job in shown)


def test_an_empty_output_is_told(sweep: Path, tmp_path: Path):
    copy = Path(shutil.copytree(sweep, tmp_path / "sweep"))
    folder = folder_of(copy, "model", seed=0, target=None) / PROTOCOL
    path = folder / "predictions" / "howto0-short-test.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    text = "".join(json.dumps(line | {"prediction": ""}) + "\n" for line in lines)
    path.write_text(text, "utf-8")
    for group in study_samples(read_study(copy)):
        for sample in group.samples:
            (output,) = [output for output in sample.outputs if output.name == "MODEL"]
            assert output.is_empty
            assert not output.is_wrong


TEXT = re.compile(r'<div class="text".*?</div>', re.DOTALL)


def test_texts_look_as_in_a_report_of_runs(sweep: Path, made: StudyReport, tmp_path: Path):
    page = made.path.read_text("utf-8")
    folder = folder_of(sweep, "model", seed=0, target=None) / PROTOCOL
    runs = make_report([folder], tmp_path / "runs.html", samples=COUNT).path.read_text("utf-8")
    ours = set(TEXT.findall(page.split('id="samples"')[1]))
    english = '<div class="text" lang="en"'  # English is no language of the study's samples
    theirs = {text for text in TEXT.findall(runs) if not text.startswith(english)}
    assert theirs
    assert theirs <= ours
    assert any('<span class="wrong' in text for text in theirs)


@pytest.mark.usefixtures("without_figures")
def test_a_study_without_texts_says_so(sweep: Path, tmp_path: Path):
    copy = Path(shutil.copytree(sweep, tmp_path / "sweep"))
    for path in list(copy.rglob("predictions")):
        shutil.rmtree(path)
    assert study_samples(read_study(copy)) == ()
    page = make_study_report(copy, tmp_path / "study.html").path.read_text("utf-8")
    assert "No run at nano left its predictions." in page
