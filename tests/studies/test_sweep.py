"""A sweep skips what is done, continues what was killed, and outlives a job that fails."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from xlgen.cli import app
from xlgen.config import to_json
from xlgen.errors import InputError
from xlgen.recipes.evaluation import Evaluation
from xlgen.reports.read import read_run
from xlgen.run import Adaptation
from xlgen.studies.index import Row
from xlgen.studies.plan import Grid, Plan
from xlgen.studies.product import Product
from xlgen.studies.publish import publish
from xlgen.studies.sweep import Sweep, describe, seconds_of, sweep, to_do
from xlgen.training.signals import Stopped


@dataclass(frozen=True)
class Chain(Grid):
    """Two runs, an evaluation of each; the jobs are small scripts in these tests."""

    name: ClassVar[str] = "chain"

    def plan(self, root: Path) -> Plan:
        plan = Plan(root)
        for label, limit in (("one", 1), ("two", 2)):
            run = plan.job(label, Evaluation(limit=limit))
            scores = plan.job(f"{label} scores", Evaluation(run_folder=run, limit=limit))
            plan.row(Row(label, scores.name, model="nano", seed=limit))
        return plan


@dataclass(frozen=True)
class Continued(Grid):
    """A run, a second that goes on from it and is scored, and a third that nothing needs."""

    name: ClassVar[str] = "continued"

    def plan(self, root: Path) -> Plan:
        plan = Plan(root)
        first = plan.job("first", Adaptation())
        second = plan.job("second", Adaptation(model=str(first / "export")))
        plan.job("scores", Evaluation(run_folder=second))
        plan.job("third", Adaptation(model="pico"))
        return plan


@pytest.fixture
def scripted(monkeypatch):
    """Return a function that makes every job a Python script which sees its folder as `place`."""
    monkeypatch.setattr("xlgen.studies.sweep.POLL", 0.01)

    def make(script: str) -> list[str]:
        started: list[str] = []

        def process(self, job):
            folder = self.plan.root / job.folder
            folder.mkdir(parents=True, exist_ok=True)
            (self.plan.root / "logs").mkdir(exist_ok=True)
            started.append(job.folder)
            code = f"import sys, time, pathlib\nplace = pathlib.Path({str(folder)!r})\n{script}"
            with (self.plan.root / "logs" / f"{job.folder}.log").open("wb") as log:
                return subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log)

        monkeypatch.setattr(Sweep, "_process", process)
        return started

    return make


def test_jobs_run_once_and_in_order(tmp_path, scripted):
    started = scripted("place.joinpath('work').write_text('done')")
    outcome = sweep(Chain(), tmp_path)
    jobs = list(Chain().plan(tmp_path).jobs)
    assert started == jobs
    assert list(outcome.done) == jobs
    again = sweep(Chain(), tmp_path)
    assert started == jobs
    assert again.before == jobs
    assert "0 jobs done, 4 were done before" in str(again)
    assert to_do(Chain().plan(tmp_path)) == []
    assert "4 jobs, 4 done, for 2 rows" in describe(Chain(), tmp_path)


def test_several_at_a_time_and_dependents_wait(tmp_path, scripted):
    scripted(
        "place.joinpath('start').write_text(str(time.time())); time.sleep(0.5); "
        "place.joinpath('end').write_text(str(time.time()))"
    )
    sweep(Chain(), tmp_path, at_once=2)
    at = {
        job.partition("-")[0] + ("-scores" if "scores" in job else ""): {
            name: float((tmp_path / job / name).read_text()) for name in ("start", "end")
        }
        for job in Chain().plan(tmp_path).jobs
    }
    assert at["two"]["start"] < at["one"]["end"]  # side by side
    for label in ("one", "two"):
        assert at[f"{label}-scores"]["start"] >= at[label]["end"]


def test_a_job_that_fails_leaves_the_others(tmp_path, scripted):
    scripted("print('error: no text in ไทย'); sys.exit(2 if place.name.startswith('one-') else 0)")
    said: list[str] = []
    outcome = sweep(Chain(), tmp_path, say=said.append)
    jobs = list(Chain().plan(tmp_path).jobs)
    assert list(outcome.failed) == [jobs[0]]
    assert outcome.failed[jobs[0]].startswith("no text in ไทย (exit code 2")
    assert outcome.skipped == {jobs[1]: f"needs {jobs[0]}"}
    assert f"skipped: {jobs[1]}: needs {jobs[0]}" in str(outcome)
    assert list(outcome.done) == jobs[2:]
    assert any(line.startswith("failed: one-") for line in said)
    scripted("pass")  # mended
    assert list(sweep(Chain(), tmp_path).done) == jobs[:2]


def test_the_budget_stops_running_jobs_and_the_next_call_continues(tmp_path, scripted):
    scripted("place.joinpath('begun').write_text(''); time.sleep(60)")
    start = time.monotonic()
    outcome = sweep(Chain(), tmp_path, budget=1.5)
    assert time.monotonic() - start < 20
    jobs = list(Chain().plan(tmp_path).jobs)
    assert outcome.left == jobs
    assert "left: 4 jobs; the same command continues" in str(outcome)
    scripted(f"assert place.name != {jobs[0]!r} or place.joinpath('begun').exists()")
    assert list(sweep(Chain(), tmp_path).done) == jobs


def test_a_signal_stops_the_jobs_too(tmp_path, scripted):
    scripted("time.sleep(60)")
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Stopped, match="left: 4 jobs") as stopped:
        sweep(Chain(), tmp_path)
    assert stopped.value.exit_code == 143


def test_two_sweeps_do_not_share_a_folder(tmp_path, scripted):
    scripted("time.sleep(3)")
    first = threading.Thread(target=lambda: sweep(Chain(), tmp_path, budget=2))
    first.start()
    time.sleep(1)
    with pytest.raises(InputError, match="is in use by process"):
        sweep(Chain(), tmp_path)
    first.join()


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("90", 90), ("1.5m", 90), ("45s", 45)])
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["8 hours", "-1h", "", "h"])
def test_other_times_are_refused(text):
    with pytest.raises(InputError, match="expected a time such as 8h"):
        seconds_of(text)


@pytest.fixture
def grid_file(run_config, tmp_path):
    """Return the file of a grid of two real runs, each scored in six languages."""
    (tmp_path / "run.json").write_text(json.dumps(to_json(run_config)))
    grid = Product(
        str(tmp_path / "run.json"),
        over={"training.seed": (0, 1)},
        benchmark="howto0-short",
        languages=("en", "th", "ar", "hi", "vi", "zh"),
        validation_limit=1,
        limit=1,
    )
    path = tmp_path / "grid.json"
    path.write_text(json.dumps(to_json(grid)))
    return path


def test_a_real_grid_from_the_command_line(grid_file, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "xlgen.cli", "sweep", str(grid_file), "--out", str(out)]
    ran = subprocess.run(
        [*command, "--light", "--json"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert len(json.loads(ran.stdout)["done"]) == 4
    index = json.loads((out / "sweep.json").read_text())
    assert [row["seed"] for row in index["rows"]] == [0, 1]
    for row in index["rows"]:
        read = read_run(out / row["folder"] / "by-target")
        assert {cell.language for cell in read.cells} == {"en", "th", "ar", "hi", "vi", "zh"}
    runs = [folder for folder in index["jobs"] if "scores" not in folder]
    assert not any((out / folder / "steps").exists() for folder in runs)  # --light
    again = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert len(json.loads(again.stdout)["before"]) == 4


def test_weights_that_are_gone_are_made_anew_where_they_are_needed(tmp_path, scripted):
    started = scripted("pass")
    sweep(Chain(), tmp_path)
    jobs = list(Chain().plan(tmp_path).jobs)
    (tmp_path / jobs[0] / "finished.json").write_text('{"seconds": 1, "light": true}')
    assert to_do(Chain().plan(tmp_path)) == []
    (tmp_path / jobs[1] / "finished.json").unlink()
    started.clear()
    sweep(Chain(), tmp_path)
    assert started == jobs[:2]


def test_all_that_comes_after_a_failure_is_given_up_for_it(tmp_path, scripted):
    scripted("sys.exit(place.name.startswith('first'))")
    outcome = sweep(Continued(), tmp_path)
    first, second, scores, third = Continued().plan(tmp_path).jobs
    assert outcome.skipped == {second: f"needs {first}", scores: f"needs {first}"}
    assert list(outcome.done) == [third]


def test_jobs_have_time_to_store_what_they_did_and_no_more(tmp_path, scripted, monkeypatch):
    """One takes a while over it, the other never ends by itself."""
    monkeypatch.setattr("xlgen.studies.sweep.PATIENCE", 1.0)
    scripted(
        "import os, signal\n"
        "def stop(*_):\n"
        "    time.sleep(0.3)\n"
        "    place.joinpath('stored').write_text('')\n"
        "    'one' in place.name and os._exit(1)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "place.joinpath('pid').write_text(str(os.getpid()))\n"
        "end = time.monotonic() + 30\n"
        "while time.monotonic() < end: time.sleep(0.1)"
    )
    begun = time.monotonic()
    outcome = sweep(Chain(), tmp_path, at_once=2, budget=1.0)
    assert time.monotonic() - begun < 15
    assert len(outcome.left) == 4
    jobs = [job for job in outcome.left if "scores" not in job]
    for job in jobs:
        assert (tmp_path / job / "stored").exists()
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / job / "pid").read_text()), 0)


COMMAND = """\
#!/bin/sh
mkdir -p "$6"
echo "$1 $2 $3 $5 threads:$OMP_NUM_THREADS config:$(head -c 1 "$4") session:$(cut -d' ' -f6 /proc/$$/stat)"
"""


@pytest.mark.parametrize(("at_once", "threads"), [(1, "7"), (2, "4"), (16, "1")])
def test_jobs_share_the_processors_and_hear_signals_from_the_sweep_alone(
    tmp_path, monkeypatch, at_once, threads
):
    (tmp_path / "python").write_text(COMMAND)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr("xlgen.studies.sweep.POLL", 0.01)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    outcome = sweep(Chain(), tmp_path / "out", at_once=at_once)
    assert len(outcome.done) == 4
    for log in (tmp_path / "out" / "logs").iterdir():
        told, _, session = log.read_text().strip().rpartition(" session:")
        assert told == f"-m xlgen.cli train --out threads:{threads} config:{{"
        assert int(session) != os.getsid(0)


def test_what_is_left_is_told_in_hours_of_so_many_at_a_time(tmp_path, monkeypatch):
    class Ended:
        returncode = 0

        def poll(self) -> int:
            return 0

    ticks = iter(range(10**6))
    monkeypatch.setattr(Sweep, "_process", lambda self, job: Ended())
    monkeypatch.setattr("xlgen.studies.sweep.time.sleep", lambda seconds: None)
    monkeypatch.setattr("xlgen.studies.sweep.time.monotonic", lambda: 1800.0 * next(ticks))
    said: list[str] = []
    sweep(Chain(), tmp_path, at_once=2, say=said.append)
    told = [line.split("; about ") for line in said]
    assert [line.split(" ")[0] for line, _ in told] == ["1/4", "2/4", "3/4", "4/4"]
    # two began at once, so an hour passed until each was seen to have ended; three are left
    assert told[0] == [f"1/4 {next(iter(Chain().plan(tmp_path).jobs))}: 3,600 s", "1.5 hours left"]
    assert told[-1][1] == "0.0 hours left"


WITH_WEIGHTS = """
for name in ('steps', 'curves', *['export'] * ('second' not in place.name)):
    place.joinpath(name).mkdir(exist_ok=True)
"""


def weights(root: Path) -> dict[str, list[str]]:
    """Return what is left of each job's three folders."""
    return {
        job.partition("-")[0]: sorted(path.name for path in (root / job).iterdir() if path.is_dir())
        for job in Continued().plan(root).jobs
    }


def test_weights_go_once_nothing_that_is_left_reads_them(tmp_path, scripted):
    """The first run's stay until the scores of the second are there: to open that is to read them."""
    seen = "assert 'scores' not in place.name or len(list(place.parent.glob('*/steps'))) == 2"
    scripted(f"{seen}\n{WITH_WEIGHTS}")
    outcome = sweep(Continued(), tmp_path, light=True)
    assert not outcome.failed
    whole = ["curves", "export", "steps"]
    assert weights(tmp_path) == {
        "first": ["curves"], "second": ["curves"], "scores": whole, "third": whole,
    }  # fmt: skip
    first, *_ = Continued().plan(tmp_path).jobs
    facts = json.loads((tmp_path / first / "finished.json").read_text())
    assert facts.keys() == {"seconds", "light"}


@pytest.mark.parametrize("light", [False, True])
def test_weights_stay_where_scores_failed_or_nobody_asked(tmp_path, scripted, light):
    scripted(f"{WITH_WEIGHTS}sys.exit({light} and 'scores' in place.name)")
    sweep(Continued(), tmp_path, light=light)
    assert all("steps" in names for names in weights(tmp_path).values())


def test_weights_that_made_the_weights_are_made_anew_too(tmp_path, scripted):
    started = scripted("pass")
    sweep(Continued(), tmp_path, light=True)
    first, second, scores, _ = Continued().plan(tmp_path).jobs
    (tmp_path / scores / "finished.json").unlink()
    (tmp_path / second / "finished.json").write_text('{"seconds": 1, "light": true}')
    started.clear()
    sweep(Continued(), tmp_path)
    assert started == [first, second, scores]


def test_an_unknown_study_is_named():
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, ["sweep", "nigth", "--dry-run"])
    assert isinstance(result.exception, InputError)
    assert "did you mean night" in str(result.exception)


def test_a_published_sweep_continues_where_the_sweep_stands(tmp_path, scripted):
    root, out = tmp_path / "sweep", tmp_path / "published"
    scripted("sys.exit(1 if place.name.startswith('two-scores') else 0)")
    sweep(Chain(), root)
    publish(root, out)
    one, _, two, scores = Chain().plan(out).jobs
    # the run of what is left is made again, since its weights were not published; the other is done
    assert [job.folder for job in to_do(Chain().plan(out))] == [two, scores]
    assert json.loads((out / one / "finished.json").read_text())["light"] is True
    assert [job.folder for job in to_do(Chain().plan(root))] == [scores]
