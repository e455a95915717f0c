"""Run folders made once per session, and the page about them."""

from pathlib import Path

import pytest
from made_runs import make_runs

from xlgen.reports import Report, make_report


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
