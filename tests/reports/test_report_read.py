"""Reading run folders: what is absent is empty, what is damaged is named by file and line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from made_runs import make_runs

from xlgen.errors import InputError
from xlgen.reports.read import read_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    systems = {"prompt-tuning": (20.0, 10.0, 0.3)}
    return make_runs(tmp_path, systems=systems, examples=3, benchmarks={"howto0": ["en", "th"]})[0]


def test_a_run_is_read_whole(run: Path):
    results = read_run(run)
    assert (results.label, results.checkpoint, results.is_baseline) == ("PromptTuning", 600, False)
    assert len(results.cells) == 2 * 7
    assert [record["step"] for record in results.history] == list(range(10, 801, 10))
    predictions = results.predictions["howto0", "test"]
    assert [p.id for p in predictions] == ["page-000", "page-001", "page-002"] * 2
    assert all("sp_rouge_lsum" in p.scores for p in predictions)


def test_only_scores_are_needed(run: Path):
    for path in [*run.glob("predictions/*"), run / "config.json", run / "metrics.jsonl"]:
        path.unlink()
    results = read_run(run)
    assert (results.history, results.config) == ((), {})
    assert results.predictions == {("howto0", "test"): ()}


def test_a_step_written_again_counts_once(run: Path):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 800, "loss": 9.5}\n{"step": 3, "loss": 9.0}\n')
    history = read_run(run).history
    assert history[-1]["loss"] == 9.5
    steps = [line["step"] for line in history]
    assert steps == sorted(set(steps))


def test_undefined_scores_are_missing(run: Path):
    path = run / "scores.json"
    data = json.loads(path.read_text("utf-8"))
    data["cells"][0]["value"] = None
    path.write_text(json.dumps(data), "utf-8")
    assert len(read_run(run).cells) == 2 * 7 - 1
    _replace("predictions/howto0-test.scores.jsonl", '"ascii": 20.0', '"ascii": null')(run)
    assert "ascii" not in read_run(run).predictions["howto0", "test"][0].scores


def _write(name: str, text: bytes) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(text)


def _replace(name: str, old: str, new: str) -> Callable[[Path], object]:
    def replace(run: Path) -> None:
        text = (run / name).read_text("utf-8")
        assert old in text
        (run / name).write_text(text.replace(old, new, 1), "utf-8")

    return replace


def _cut(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-20])


DAMAGES = [
    (
        lambda run: (run / "scores.json").unlink(),
        r"scores.json: expected this file.*xlgen evaluate",
    ),
    (_cut("scores.json"), r"scores.json: damaged, not JSON"),
    (_write("scores.json", b"\xff\xfe"), r"scores.json: damaged"),
    (_write("scores.json", b"[]"), r"scores.json: expected the file to be an object, got list"),
    (_write("scores.json", b"{}"), r"scores.json: expected 'method' and a list of 'cells'"),
    (
        _replace("scores.json", '"language": "en"', '"language": "xx"'),
        r"unknown language code 'xx'",
    ),
    (_replace("scores.json", '"n": 3', '"n": -1'), r"cell 1: expected n, a count, got -1"),
    (
        _replace("scores.json", '"value": ', '"value": NaN, "x": '),
        r"cell 1: expected a number in 'value'",
    ),
    (
        _replace("scores.json", '"benchmark": "howto0"', '"benchmark": "../x"'),
        r"cell 1: expected a plain benchmark name",
    ),
    (_replace("scores.json", '"language": "th"', '"language": "en"'), r"repeats howto0 test en"),
    (
        _replace("scores.json", '"metric": "lid"', '"metric": "<b>"'),
        r"cell 2: expected a plain metric name",
    ),
    (
        _replace("scores.json", '"metric": "lid"', '"metric": 3'),
        r"cell 2: expected a text in 'metric'",
    ),
    (_cut("config.json"), r"config.json: damaged"),
    (_cut("metrics.jsonl"), r"metrics.jsonl:80: damaged"),
    (_replace("metrics.jsonl", '"step": 20', '"step": "x"'), r"metrics.jsonl:2: expected a step"),
    (
        _replace("metrics.jsonl", '"validation": {', '"validation": 3, "x": {'),
        r"expected validation to be",
    ),
    (_cut("predictions/howto0-test.jsonl"), r"howto0-test.jsonl:6: damaged"),
    (
        _write("predictions/howto0-test.jsonl", b'\n\n"x"\n'),
        r"test.jsonl:3: expected an object, got str",
    ),
    (_write("predictions/howto0-test.jsonl", b'{"id": "\xff"}'), r"test.jsonl:1: damaged"),
    (_write("predictions/howto0-test.jsonl", b"[" * 100_000), r"test.jsonl:1: damaged"),
    (_cut("predictions/howto0-test.scores.jsonl"), r"howto0-test.scores.jsonl:6: damaged"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_damage_is_named(run: Path, damage: Callable[[Path], object], message: str):
    damage(run)
    with pytest.raises(InputError, match=message) as caught:
        read_run(run)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path: Path):
    with pytest.raises(InputError, match="expected a run folder, found none"):
        read_run(tmp_path / "absent")
