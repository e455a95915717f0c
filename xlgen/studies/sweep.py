"""Run a plan: what is done is skipped, what was killed continues, several jobs at a time, each a process.

Below the folder lie the jobs', `sweep.json` (the rows and which job measures each), `jobs/` (configurations)
and `logs/`. A job that fails leaves the others alone; those that need it are skipped and named.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from xlgen.config import to_json
from xlgen.errors import InputError
from xlgen.files import read_object, write_json
from xlgen.recipes.evaluation import Baseline, Evaluation
from xlgen.studies.index import Gap
from xlgen.studies.plan import Grid, Job, Plan
from xlgen.training.disk import Disk
from xlgen.training.folder import RunLock
from xlgen.training.signals import Stopped, StopRequest

DONE = "finished.json"
SOURCE_OF_WEIGHTS = ("steps", "export")  # what `light` removes of a run that nothing needs any more
PATIENCE = 120  # seconds a job has to store its state when it is asked to stop
POLL = 0.1  # seconds


@dataclass
class Outcome:
    """What became of each job, by folder: seconds of those done now, and why others were not."""

    root: Path
    before: list[str] = field(default_factory=list)
    done: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"gap: {gap}" for gap in self.gaps]
        lines += [f"failed: {folder}: {why}" for folder, why in self.failed.items()]
        lines += [f"skipped: {folder}: {why}" for folder, why in self.skipped.items()]
        if self.left:
            lines.append(f"left: {len(self.left)} jobs; the same command continues")
        done = f"{len(self.done)} jobs done, {len(self.before)} were done before"
        return "\n".join([*lines, f"{self.root}: {done}"])


def seconds_of(text: str) -> float:
    """Return the seconds that a time such as 8h, 30m, 45s or 90 (seconds) says.

    >>> seconds_of("1.5h")
    5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hms]?)", text.strip())
    if match is None:
        raise InputError(f"expected a time such as 8h, 30m or 45s, got {text!r}")
    return float(match[1]) * {"h": 3600, "m": 60, "s": 1, "": 1}[match[2]]


def is_done(root: Path, job: Job) -> bool:
    """Return whether a job has ended well."""
    return (root / job.folder / DONE).is_file()


def to_do(plan: Plan) -> list[Job]:
    """Return the jobs to run, in order: those not done, and those whose weights are gone but needed again."""
    wanted = {job.folder for job in plan.jobs.values() if not is_done(plan.root, job)}
    for job in reversed(plan.jobs.values()):  # a job comes after what it needs
        if job.folder in wanted:
            wanted.update(need for need in job.needs if _is_light(plan.root / need))
    return [job for job in plan.jobs.values() if job.folder in wanted]


def _is_light(folder: Path) -> bool:
    path = folder / DONE
    remedy = "delete it, and the job is done again"
    return path.is_file() and read_object(path, remedy=remedy).get("light") is True


def sweep(
    grid: Grid,
    root: Path,
    *,
    name: str = "grid",
    at_once: int = 1,
    budget: float | None = None,
    light: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Run what is left of a grid below `root`, `at_once` jobs at a time, for `budget` seconds at most.

    `name` is what reports call it.

    When the time is up, or on SIGTERM and SIGINT, running jobs are asked to stop with their state stored;
    a signal raises Stopped then. `light` removes the weights of runs that no job needs any more. `say` is
    told what happens, a line at a time.
    """
    plan = grid.plan(root)
    lock = RunLock(root, Disk())
    lock.acquire()
    try:
        write_json(root / "sweep.json", plan.index(grid=name, settings=grid))
        with StopRequest() as stop:
            running = Sweep(plan, at_once=at_once, light=light, say=say)
            outcome = running.run(stop, until=None if budget is None else time.monotonic() + budget)
            if stop.number is not None:
                raise Stopped(stop.number, f"stopped; {outcome}")
            return outcome
    finally:
        lock.release()


class Sweep:
    """A plan being worked off."""

    def __init__(
        self, plan: Plan, *, at_once: int, light: bool, say: Callable[[str], None]
    ) -> None:
        self.plan, self.at_once, self.light, self.say = plan, at_once, light, say
        self.waiting = to_do(plan)
        before = plan.jobs.keys() - {job.folder for job in self.waiting}
        done = [name for name in plan.jobs if name in before]
        self.outcome = Outcome(plan.root, before=done, gaps=plan.gaps)
        self.running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}

    def run(self, stop: StopRequest, *, until: float | None) -> Outcome:
        """Work until all is done, or until it is time to stop."""
        while self.waiting or self.running:
            if stop.number is not None or (until is not None and time.monotonic() >= until):
                self._stop_running()
                break
            self._collect()
            self._skip()
            self._start()
            time.sleep(POLL)
        self.outcome.left = [job.folder for job in self.waiting]
        return self.outcome

    def _start(self) -> None:
        settled = {*self.outcome.before, *self.outcome.done}
        for job in list(self.waiting):
            if len(self.running) >= self.at_once:
                return
            if settled.issuperset(job.needs):
                self.waiting.remove(job)
                self.running[job.folder] = self._process(job), time.monotonic()

    def _process(self, job: Job) -> subprocess.Popen[bytes]:
        root = self.plan.root
        (root / "jobs").mkdir(exist_ok=True)
        (root / "logs").mkdir(exist_ok=True)
        config = root / "jobs" / f"{job.folder}.json"
        write_json(config, to_json(job.config))
        command = [sys.executable, "-m", "xlgen.cli", "train", str(config)]
        environment = dict(os.environ)
        if self.at_once > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self.at_once))
        with (root / "logs" / f"{job.folder}.log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--out", str(root / job.folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # a signal to the sweep is passed on once, by it
            )

    def _collect(self) -> None:
        """Take in the jobs that have ended."""
        for folder, (process, start) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[folder]
            seconds = time.monotonic() - start
            if process.returncode == 0:
                self._finish(folder, seconds)
            else:
                self.outcome.failed[folder] = why = self._reason(folder, process.returncode)
                self.say(f"failed: {folder}: {why}")

    def _finish(self, folder: str, seconds: float) -> None:
        self.outcome.done[folder] = seconds
        write_json(self.plan.root / folder / DONE, {"seconds": round(seconds, 1)})
        left = len(self.waiting) + len(self.running)
        mean = sum(self.outcome.done.values()) / len(self.outcome.done)
        hours = left * mean / self.at_once / 3600
        done = len(self.plan.jobs) - left
        self.say(
            f"{done}/{len(self.plan.jobs)} {folder}: {seconds:,.0f} s; about {hours:.1f} hours left"
        )
        if self.light:
            self._lighten()

    def _lighten(self) -> None:
        """Remove the weights of runs whose every dependent is done."""
        settled = {*self.outcome.before, *self.outcome.done}
        for job in self.plan.jobs.values():
            needing = {j.folder for j in self.plan.jobs.values() if job.folder in j.needs}
            place = self.plan.root / job.folder
            is_run = not isinstance(job.config, Evaluation | Baseline)
            if is_run and needing and {job.folder, *needing} <= settled and not _is_light(place):
                facts = read_object(place / DONE, remedy="delete it, and the job is done again")
                write_json(place / DONE, facts | {"light": True})
                for name in SOURCE_OF_WEIGHTS:
                    shutil.rmtree(place / name, ignore_errors=True)

    def _skip(self) -> None:
        """Give up the jobs that need one which failed."""
        for job in list(self.waiting):
            missing = [need for need in job.needs if need in self.outcome.failed]
            if missing:  # `needs` holds what those that it names need
                self.waiting.remove(job)
                self.outcome.skipped[job.folder] = f"needs {missing[0]}"

    def _stop_running(self) -> None:
        """Ask the running jobs to stop, and wait until they have stored what they did."""
        for process, _ in self.running.values():
            process.terminate()
        until = time.monotonic() + PATIENCE
        for folder, (process, _) in self.running.items():
            try:
                process.wait(timeout=max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.waiting.insert(0, self.plan.jobs[folder])
        self.running.clear()

    def _reason(self, folder: str, code: int) -> str:
        log = self.plan.root / "logs" / f"{folder}.log"
        lines = [line.strip() for line in log.read_text("utf-8", errors="replace").split("\n")]
        said = next((line for line in reversed(lines) if line), "it said nothing")
        return f"{said.removeprefix('error: ')} (exit code {code}, {log})"


def describe(grid: Grid, root: Path) -> str:
    """Return what a sweep would do: each job, whether it is done, and what it needs."""
    plan = grid.plan(root)
    open_jobs = {job.folder for job in to_do(plan)}
    lines = [
        f"{'to do' if job.folder in open_jobs else 'done '}  {job.folder}"
        + (f"  after {', '.join(job.needs)}" if job.needs else "")
        for job in plan.jobs.values()
    ]
    lines += [f"gap    {gap}" for gap in plan.gaps]
    done = len(plan.jobs) - len(open_jobs)
    return "\n".join([*lines, f"{len(plan.jobs)} jobs, {done} done, for {len(plan.rows)} rows"])
