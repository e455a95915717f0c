"""Run folders and a sweep made once per session, and the pages about them."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import make_runs
from made_sweeps import SWEEP, make_sweep

from xlgen.reports import study_page
from xlgen.reports.html import Report, make_report
from xlgen.reports.study import Study, read_study
from xlgen.reports.study_page import StudyReport, make_study_report


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """PromptTuning, ModelTuning and LEAD-64 on howto0 and howto0-short; only for reading."""
    return make_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report about `runs`."""
    return make_report(runs, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def page(report: Report) -> str:
    """The report's text."""
    return report.path.read_text("utf-8")


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of one size and two seeds, one row unfinished; only for reading."""
    return make_sweep(tmp_path_factory.mktemp("sweep"), SWEEP)


@pytest.fixture(scope="session")
def study(sweep: Path) -> Study:
    """The study of `sweep`."""
    return read_study(sweep)


@pytest.fixture(scope="session")
def waiting(study: Study) -> Study:
    """The study, whose MIX-UNSUP of prompts is for Vietnamese, of which one seed has run, and for Chinese."""
    row, run = "prompt, mix-unsup", ("vi", 0)
    kept = [job for job in study.jobs if job.row != row or job.target in ("vi", "zh")]
    jobs = tuple(
        replace(job, scored={}) if job.row == row and (job.target, job.seed) != run else job
        for job in kept
    )
    return replace(study, jobs=jobs, _parts={})


@pytest.fixture(scope="session")
def made(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    """The report of `sweep`, with its findings as Markdown."""
    folder = tmp_path_factory.mktemp("study")
    return make_study_report(sweep, folder / "report.html", findings=folder / "findings.md")


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing on a study's page, where only its texts are looked at: figures take most of the time."""
    monkeypatch.setattr(study_page, "draw_study", lambda study: ())
