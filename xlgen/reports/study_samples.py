"""A few articles of a study with what every row wrote: at the largest size, of the first finished seed."""

from pathlib import Path

from xlgen.reports.read import Prediction, read_run
from xlgen.reports.samples import LanguageSamples, Marker, Shown, mark_words, pick_samples
from xlgen.reports.study import PROTOCOL, Study
from xlgen.reports.study_switching import without_labels
from xlgen.reports.sweep import Job

WAYS = ("prompt", "model")  # in the order of their colours and shapes; all else has the third
COUNT = 3  # articles a language: each comes with an output of every row


def study_samples(
    study: Study, *, count: int = COUNT, mark: Marker = mark_words
) -> tuple[LanguageSamples, ...]:
    """Pick `count` articles in each language without labels; a row shows where a run of it counts there.

    Texts are kept of the runs that are shown alone.
    """
    texts: dict[Path, tuple[Prediction, ...]] = {}
    picked: list[LanguageSamples] = []
    for code in without_labels(study):
        jobs = [job for row in study.rows if (job := _finished(study, row, code))]
        for folder in (job.scored[PROTOCOL].folder for job in jobs):
            if folder not in texts:
                key = (study.benchmark, study.split)
                texts[folder] = read_run(folder).predictions.get(key, ())
        shown = [_shown(study, job, texts[job.scored[PROTOCOL].folder]) for job in jobs]
        picked += pick_samples(shown, languages=[code], count=count, mark=mark)
    return tuple(picked)


def _finished(study: Study, row: str, language: str) -> Job | None:
    """Return the run of a row that is shown in a language."""
    size = study.sizes[-1] if study.sizes else ""
    done = [job for job in study.jobs_of(row, size, language=language) if PROTOCOL in job.scored]
    return min(done, key=lambda job: job.seed or 0, default=None)


def _shown(study: Study, job: Job, predictions: tuple[Prediction, ...]) -> Shown:
    first = min((other.seed for other in study.jobs if other.seed is not None), default=None)
    seed = "" if job.seed in (None, first) else f"seed {job.seed}"
    way = job.row.partition(",")[0]
    system = WAYS.index(way) if way in WAYS else len(WAYS)
    note = "; ".join(filter(None, (study.note(job.row), seed)))
    return Shown(job.row.upper(), system, predictions, note)
