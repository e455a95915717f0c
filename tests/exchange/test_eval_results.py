"""`.eval_results/*.yaml` is what huggingface_hub reads and would itself write."""

import shutil

import pytest
import yaml
from copied import CODES
from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries

from xlgen.errors import InputError
from xlgen.exchange.eval_results import EvalResults
from xlgen.reports.read import read_run

FULL = {
    "dataset": "GEM/wiki_lingua",
    "revision": "5503434ddd753f426f4b38109466949a1217c2bb",
    "date": "2026-11-23",
    "source_url": "https://example.org/scores",
    "source_name": "คะแนน",
    "source_user": "someone",
    "source_org": "lab",
}


def entries(folder, **settings):
    (text,) = EvalResults(**settings).files(read_run(folder)).values()
    return yaml.safe_load(text)


def test_the_hub_reads_every_field_and_would_write_the_same(six_run):
    written = entries(six_run, **FULL)
    parsed = parse_eval_result_entries(written)
    assert eval_result_entries_to_yaml(parsed) == written
    cells = {c.language: c for c in read_run(six_run).cells
             if (c.split, c.metric) == ("test", "sp_rouge_lsum")}  # fmt: skip
    assert sorted(entry.task_id for entry in parsed) == sorted(CODES)
    for entry in parsed:
        cell = cells[entry.task_id]
        assert (entry.value, entry.notes) == (cell.value, cell.signature)
        assert (entry.dataset_id, entry.dataset_revision) == (FULL["dataset"], FULL["revision"])
        assert entry.date == "2026-11-23"  # a text still: YAML would read a bare one as a date
        assert (entry.source_url, entry.source_name) == (FULL["source_url"], "คะแนน")
        assert (entry.source_user, entry.source_org) == ("someone", "lab")


def test_what_is_unknown_is_left_out(six_run, tmp_path):
    shutil.copy(six_run / "scores.json", tmp_path)
    entry = entries(tmp_path, dataset="me/howto0")[0]
    assert entry.keys() == {"dataset", "value", "notes"}
    assert entry["dataset"] == {"id": "me/howto0", "task_id": "en"}


def test_several_metrics_need_names_of_their_own(six_run):
    chosen = {"dataset": "me/howto0", "metrics": ("lid", "ascii")}
    with pytest.raises(InputError, match=r"task 'en'; tell them apart, as task=\{language\}_"):
        entries(six_run, **chosen)
    written = entries(six_run, **chosen, task="{benchmark}/{language}_{metric}")
    assert len(written) == 12
    assert written[0]["dataset"]["task_id"] == "howto0-short/en_lid"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "give dataset=ORGANIZATION/NAME"),
        ({"dataset": "me/you/they"}, "expected ORGANIZATION/NAME"),
        ({"dataset": "me/my data"}, "expected ORGANIZATION/NAME"),
        ({"dataset": "me/d", "source_name": "x"}, "source_name needs source_url"),
        ({"dataset": "me/d", "task": "{split}"}, "task: expected a text with {language}"),
        ({"dataset": "me/d", "task": "{"}, "task: expected a text with {language}"),
        ({"dataset": "me/d", "task": "all"}, "several scores would be the result of task 'all'"),
        ({"dataset": "me/d", "metrics": ("lidd",)}, "no 'lidd': did you mean lid"),
        (
            {"dataset": "me/d", "benchmark": "howto0"},
            "no scores of howto0 test, only of howto0-short",
        ),
    ],
)
def test_what_does_not_fit_is_refused(six_run, settings, message):
    with pytest.raises(InputError) as refused:
        entries(six_run, **settings)
    assert message in str(refused.value)
