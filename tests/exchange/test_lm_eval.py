"""Exports for lm-evaluation-harness say what its own files say, of the same documents and outputs."""

import json
import shutil
import time
from pathlib import Path

import pytest
from copied import CODES, DATE

from xlgen.errors import InputError
from xlgen.exchange.base import parse_date
from xlgen.exchange.lm_eval import LmEval, sanitized
from xlgen.reports.read import read_run


def exported(folder: Path, **settings):
    """Return the results, and the samples by task."""
    files = LmEval(**{"date": DATE, **settings}).files(read_run(folder))
    results, samples = {}, {}
    for name, text in files.items():
        if Path(name).name.startswith("results_"):
            results = json.loads(text)
        else:
            task = Path(name).name.removeprefix("samples_").rpartition("_")[0]
            samples[task] = [json.loads(line) for line in text.split("\n")[:-1]]
    return results, samples


def kind(value):
    """Return what a reader may expect of a value: numbers are alike, and null is always allowed."""
    return float if type(value) in (int, float) else type(value)


def test_samples_are_those_of_lm_eval_itself(recorded_run, recorded_samples):
    _, samples = exported(recorded_run)
    assert samples.keys() == recorded_samples.keys()
    same = (
        "doc_id", "doc", "target", "resps", "filtered_resps", "filter",
        "doc_hash", "prompt_hash", "target_hash",
    )  # fmt: skip
    for task, theirs in recorded_samples.items():
        assert [{key: s[key] for key in same} for s in samples[task]] == [
            {key: s[key] for key in same} for s in theirs
        ]
        for own, their in zip(samples[task], theirs, strict=True):
            assert their.keys() - own.keys() == {"chrf"}
            prompts = [s["arguments"]["gen_args_0"]["arg_0"] for s in (own, their)]
            assert prompts[0] == prompts[1]


def test_results_have_the_shape_of_lm_eval_itself(recorded_run, recorded_results):
    results, _ = exported(recorded_run)
    assert results["task_hashes"] == recorded_results["task_hashes"]
    assert results.keys() == recorded_results.keys()
    for key, theirs in recorded_results.items():
        assert results[key] is None or kind(results[key]) is kind(theirs), key
    for part in (
        "results",
        "groups",
        "group_subtasks",
        "configs",
        "versions",
        "n-shot",
        "n-samples",
    ):
        assert results[part].keys() == recorded_results[part].keys()
    assert results["config"].keys() == recorded_results["config"].keys()
    for task, theirs in recorded_results["results"].items():
        fixed = {key for key in theirs if "chrf" not in key}
        assert fixed <= results["results"][task].keys()
    for group in results["group_subtasks"].values():
        assert set(group) <= results["results"].keys()


def test_values_are_the_runs_and_errors_are_lm_evals(six_run):
    results, samples = exported(six_run)
    run = read_run(six_run)
    cells = {(f"{c.benchmark}_{c.language}", c.metric): c for c in run.cells if c.split == "test"}
    for (task, metric), cell in cells.items():
        assert results["results"][task][f"{metric},none"] == cell.value
        about = results["configs"][task]["metadata"]["scores"][metric]
        assert about["signature"] == cell.signature
        assert (about["low"], about["high"], about["n"]) == (cell.low, cell.high, cell.n)
    group = results["groups"]["howto0-short"]
    means = [results["results"][f"howto0-short_{c}"]["lid,none"] for c in CODES]
    assert group["lid,none"] == pytest.approx(sum(means) / 6)
    assert group["lid_stderr,none"] == "N/A"  # translations of one page are no independent evidence
    assert group["sample_len"] == 24
    # no output of five words of English asked for in English has a WPR
    assert "wpr,none" not in results["results"]["howto0-short_en"]
    assert [s["resps"] for s in samples["howto0-short_hi"]][3] == [[""]]


def test_the_standard_error_is_that_of_lm_eval(recorded_run):
    """lm_eval.api.metrics.mean_stderr([10.0, 0.0, 35.5, 20.25]) of 0.4.13 is 7.580385187002923."""
    values = [10.0, 0.0, 35.5, 20.25]
    path = recorded_run / "predictions/howto0-short-test.scores.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    thai = [line for line in lines if line["language"] == "th"]
    for line, value in zip(thai, values, strict=True):
        line["scores"] = {"lid": value}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    scores = json.loads((recorded_run / "scores.json").read_text("utf-8"))
    for cell in scores["cells"]:
        if (cell["language"], cell["metric"]) == ("th", "lid"):
            cell["value"] = sum(values) / 4
    (recorded_run / "scores.json").write_text(json.dumps(scores), "utf-8")
    found = exported(recorded_run)[0]["results"]["howto0-short_th"]
    assert found["lid_stderr,none"] == pytest.approx(7.580385187002923, abs=1e-12)
    # the others' samples have no such score any more, so that it cannot be told
    assert found["sp_rouge_l_stderr,none"] == "N/A"


def test_a_score_that_is_no_mean_of_its_samples_has_no_error(recorded_run):
    path = recorded_run / "scores.json"
    scores = json.loads(path.read_text("utf-8"))
    for cell in scores["cells"]:
        cell["value"] += 1
    path.write_text(json.dumps(scores), "utf-8")
    results = exported(recorded_run)[0]["results"]["howto0-short_th"]
    assert {v for key, v in results.items() if key.endswith("_stderr,none")} == {"N/A"}


def test_which_way_is_better_is_told(six_run):
    better = exported(six_run)[0]["higher_is_better"]["howto0-short_th"]
    assert better["sp_rouge_lsum"] is better["lid"] is True
    assert better["wrong_words"] is better["all_english"] is False
    assert better["ascii"] is better["lid_en"] is None


def test_a_limited_set_says_how_many_there_are(six_run):
    from xlgen.sources.packaged import read_packaged

    found = exported(six_run)[0]["n-samples"]["howto0-short_th"]
    thai = [e for e in read_packaged("howto0-short", "test") if e.language == "th"]
    assert found == {"original": len(thai), "effective": 4}
    assert len(thai) > 4


def test_the_name_is_the_model_and_the_date(six_run):
    names = list(LmEval(date="2026-11-23T13:00:00+01:00").files(read_run(six_run)))
    assert names[0] == "nano__copy/results_2026-11-23T12-00-00.json"
    assert names[1] == "nano__copy/samples_howto0-short_en_2026-11-23T12-00-00.jsonl"
    noted = next(iter(LmEval().files(read_run(six_run))))  # what the run itself noted
    stamp = json.loads((six_run / "predictions/howto0-short-test.json").read_text("utf-8"))
    assert noted == f"nano__copy/results_{stamp['date'][:19].replace(':', '-')}.json"
    assert exported(six_run, model="mine")[0]["model_name"] == "mine"


def test_only_the_chosen_split_goes(six_run):
    assert (
        exported(six_run, split="validation")[0]["configs"]["howto0-short_th"]
        != (exported(six_run)[0]["configs"]["howto0-short_th"])
    )
    with pytest.raises(InputError, match="no scores of any benchmark train, only of howto0-short"):
        exported(six_run, split="train")


def test_scores_without_outputs_still_travel(six_run, tmp_path):
    shutil.copy(six_run / "scores.json", tmp_path)
    with pytest.raises(InputError, match=r"does not say when .* give date="):
        LmEval().files(read_run(tmp_path))
    results, samples = exported(tmp_path)
    assert samples == {} == results["task_hashes"]
    thai = results["results"]["howto0-short_th"]
    assert thai["sample_len"] == 4
    assert thai["sp_rouge_lsum_stderr,none"] == "N/A"


def test_nothing_is_said_of_what_an_imported_system_read(recorded_run):
    path = recorded_run / "config.json"
    path.write_text('{"name": "imported", "system": "theirs"}', "utf-8")
    results, samples = exported(recorded_run)
    sample = samples["howto0-short_th"][0]
    assert (sample["arguments"], sample["prompt_hash"]) == ({}, None)
    assert results["n-shot"] == {}
    assert set(results["task_hashes"].values()) == {None}
    assert results["configs"]["howto0-short_th"]["num_fewshot"] is None


@pytest.mark.parametrize("name", ["..", ".", "", " "])
def test_a_model_cannot_name_another_folder(name):
    with pytest.raises(InputError, match="cannot name a folder"):
        sanitized(name)


@pytest.mark.parametrize("date", ["yesterday", "23.11.2026", ""])
def test_a_date_is_a_date(date):
    with pytest.raises(InputError, match="expected ISO 8601"):
        LmEval(date=date)


def test_a_date_without_a_zone_is_utc_wherever_one_is(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Bangkok")
    time.tzset()
    try:
        assert parse_date("2026-11-23T12:00").isoformat() == "2026-11-23T12:00:00+00:00"
        assert parse_date("2026-11-23T12:00+07:00").isoformat() == "2026-11-23T05:00:00+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()
