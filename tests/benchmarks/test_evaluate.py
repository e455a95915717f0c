"""Evaluation keeps what was made: whatever the limit, the languages, the folder's name, the company."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from udhr import ARTICLE_1

from xlgen.benchmarks.base import Benchmark
from xlgen.benchmarks.evaluate import System, evaluate
from xlgen.errors import InputError
from xlgen.run import evaluate_baseline
from xlgen.training.folder import RunFolder

CODES = ("en", "th", "ar")


@pytest.fixture
def benchmark(tmp_path: Path, write_jsonl: Any) -> Benchmark:
    """Five documents in three languages."""
    records = [
        {
            "id": f"page-{n}@{code}", "language": code, "document": f"page-{n}",
            "input": f"{n} {ARTICLE_1[code]}", "target": ARTICLE_1[code][: 20 + n],
        }
        for code in CODES
        for n in range(5)
    ]  # fmt: skip
    source = write_jsonl(tmp_path / "articles.jsonl", records)
    return Benchmark("own", str(source), CODES, "articles", metrics=("sp_rouge_l", "ascii"))


class Asked:
    """A system that copies, and remembers what it was asked for."""

    def __init__(self, **stamp: Any) -> None:
        self.ids: list[str] = []
        self.system = System("copy", {"decoding": "cut", **stamp}, self.predict)

    def predict(self, examples: Any) -> list[str]:
        self.ids += [example.id for example in examples]
        return [example.input[:30] for example in examples]


def run(asked: Asked, benchmark: Benchmark, folder: Path, **options: Any) -> dict[str, Any]:
    return evaluate(asked.system, benchmark, folder=folder, split="test", **options)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def counts(scores: dict[str, Any]) -> dict[str, int]:
    return {c["language"]: c["n"] for c in scores["cells"] if c["metric"] == "sp_rouge_l"}


def test_a_larger_limit_predicts_only_what_is_new(benchmark: Benchmark, tmp_path: Path):
    asked, folder = Asked(), tmp_path / "run"
    run(asked, benchmark, folder, limit=2)
    first = list(asked.ids)
    run(asked, benchmark, folder)
    assert len(first) == 6
    assert len(set(asked.ids)) == len(asked.ids) == 15
    again = run(asked, benchmark, folder, limit=2)
    assert len(asked.ids) == 15
    assert counts(again) == dict.fromkeys(CODES, 2)
    assert len(lines(folder / "predictions/own-test.jsonl")) == 15
    assert len(lines(folder / "predictions/own-test.scores.jsonl")) == 6


def test_small_languages_are_predicted_together_and_finished_ones_are_kept(
    benchmark: Benchmark, tmp_path: Path
):
    asked, calls = Asked(), []

    def predict(examples: Any) -> list[str]:
        calls.append({example.language for example in examples})
        if calls[-1] == {"ar"} and len(calls) == 2:
            raise KeyboardInterrupt
        return asked.predict(examples)

    system = System("copy", {"decoding": "cut"}, predict, together=6)
    with pytest.raises(KeyboardInterrupt):
        evaluate(system, benchmark, folder=tmp_path / "run", split="test")
    scores = evaluate(system, benchmark, folder=tmp_path / "run", split="test")
    assert calls == [{"en", "th"}, {"ar"}, {"ar"}]
    assert len(asked.ids) == len(set(asked.ids)) == 15
    assert counts(scores) == dict.fromkeys(CODES, 5)


def test_the_order_of_evaluations_does_not_change_a_score(benchmark: Benchmark, tmp_path: Path):
    whole = run(Asked(), benchmark, tmp_path / "whole")
    for limit in (2, None):
        parts = run(Asked(), benchmark, tmp_path / "parts", limit=limit)
    assert parts == whole


def test_a_subset_of_languages_keeps_the_others(benchmark: Benchmark, tmp_path: Path):
    folder = tmp_path / "run"
    whole = run(Asked(), benchmark, folder)
    per_example = lines(folder / "predictions/own-test.scores.jsonl")
    asked = Asked()
    assert run(asked, benchmark, folder, languages=["th", "th"]) == whole
    assert asked.ids == []
    written = lines(folder / "predictions/own-test.scores.jsonl")
    assert sorted(written, key=str) == sorted(per_example, key=str)


def test_scores_of_two_limits_are_never_mixed(benchmark: Benchmark, tmp_path: Path):
    folder = tmp_path / "run"
    run(Asked(), benchmark, folder, limit=4)
    scores = run(Asked(), benchmark, folder, languages=["th"], limit=3)
    assert counts(scores) == {"th": 3}
    assert {cell["limit"] for cell in scores["cells"]} == {3}
    assert {r["language"] for r in lines(folder / "predictions/own-test.scores.jsonl")} == {"th"}


def test_scores_of_two_tokenizers_are_never_mixed(
    benchmark: Benchmark, tmp_path: Path, small_tokenizer: Any
):
    folder = tmp_path / "run"
    run(Asked(), benchmark, folder)
    scores = run(Asked(), benchmark, folder, languages=["th"], tokenizer_path=small_tokenizer.path)
    assert counts(scores) == {"th": 5}
    assert small_tokenizer.sha256[:8] in scores["cells"][0]["signature"]
    assert {cell["spm"] for cell in scores["cells"]} == {str(small_tokenizer.path)}


def test_other_benchmarks_keep_their_scores_and_their_place(benchmark: Benchmark, tmp_path: Path):
    other = Benchmark("other", benchmark.source, CODES, "the same again", metrics=benchmark.metrics)
    folder = tmp_path / "run"
    for chosen in (benchmark, other):
        run(Asked(), chosen, folder)
    scores = run(Asked(), benchmark, folder, limit=1)
    names = [cell["benchmark"] for cell in scores["cells"]]
    assert names == ["own"] * 6 + ["other"] * 6


def test_the_date_is_that_of_the_last_prediction(benchmark: Benchmark, tmp_path: Path):
    folder = tmp_path / "run"
    run(Asked(), benchmark, folder, limit=1)
    path = folder / "predictions/own-test.json"
    stamp = json.loads(path.read_text("utf-8"))
    assert abs(datetime.fromisoformat(stamp["date"]) - datetime.now(UTC)) < timedelta(hours=1)
    old = json.dumps(stamp | {"date": "2020-02-20T20:20:20+00:00"})
    path.write_text(old, "utf-8")
    asked = Asked()
    run(asked, benchmark, folder, limit=1)  # another date decides no prediction
    assert (asked.ids, path.read_text("utf-8")) == ([], old)
    run(asked, benchmark, folder, limit=2)
    assert json.loads(path.read_text("utf-8"))["date"] > "2026"
    given = Asked(date="2021-01-01")
    run(given, benchmark, tmp_path / "given", limit=1)
    assert (
        json.loads((tmp_path / "given/predictions/own-test.json").read_text())["date"]
        == "2021-01-01"
    )


def test_another_checkpoint_starts_anew(benchmark: Benchmark, tmp_path: Path):
    run(Asked(checkpoint=3), benchmark, tmp_path / "run", limit=1)
    asked = Asked(checkpoint=6)
    scores = run(asked, benchmark, tmp_path / "run", limit=1, languages=["th"])
    assert len(asked.ids) == 1
    assert (scores["checkpoint"], counts(scores)) == (6, {"th": 1})


def test_changed_texts_are_predicted_anew(benchmark: Benchmark, tmp_path: Path):
    run(Asked(), benchmark, tmp_path / "run", languages=["ar"])
    source = Path(benchmark.source)
    source.write_text(source.read_text("utf-8").replace('"input": "3 ', '"input": "9 '), "utf-8")
    asked = Asked()
    run(asked, benchmark, tmp_path / "run", languages=["ar"])
    assert asked.ids == ["page-3@ar"]


def test_predictions_of_an_earlier_version_are_kept(benchmark: Benchmark, tmp_path: Path):
    """Its stamps named the folder and the limit, its cells no limit."""
    folder = tmp_path / "run"
    scores = run(Asked(), benchmark, folder, limit=4)
    stamp = folder / "predictions/own-test.json"
    old = {"run": "runs/p", **json.loads(stamp.read_text("utf-8"))}
    stamp.write_text(json.dumps({**old, "limit": 4}), "utf-8")
    for cell in scores["cells"]:
        del cell["limit"], cell["spm"]
    (folder / "scores.json").write_text(json.dumps({**scores, "run": old}), "utf-8")
    asked = Asked()
    again = run(asked, benchmark, folder, languages=["en", "th"])
    assert len(asked.ids) == 2
    assert counts(again) == {"en": 5, "th": 5}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scores.json", b"[]", "scores.json: expected a JSON object"),
        ("scores.json", b"{", "scores.json: not JSON"),
        ("scores.json", b'{"run": {"decoding": "cut"}, "cells": [1]}', "expected a list of cells"),
        ("predictions/own-test.json", b"\xff", "own-test.json: not JSON .*; delete it"),
        ("predictions/own-test.jsonl", b"{}\n", "own-test.jsonl:1: damaged"),
        ("predictions/own-test.jsonl", b"\n", "own-test.jsonl:1: damaged"),
        ("predictions/own-test.scores.jsonl", b"[" * 99999 + b"\n", "scores.jsonl:1: damaged"),
    ],
)
def test_damage_is_named(benchmark: Benchmark, tmp_path: Path, name: str, content, message: str):
    folder = tmp_path / "run"
    run(Asked(), benchmark, folder, limit=1)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        run(Asked(), benchmark, folder, limit=1)


@pytest.mark.parametrize("name", ["own-test.jsonl", "own-test.json", "own-test.scores.jsonl"])
def test_what_cannot_be_written_is_said_before_the_work(
    benchmark: Benchmark, tmp_path: Path, name: str
):
    (tmp_path / "run" / "predictions" / name).mkdir(parents=True)
    asked = Asked()
    with pytest.raises(InputError, match="expected a file to write, this is a folder"):
        run(asked, benchmark, tmp_path / "run")
    assert asked.ids == []


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name[0] != "."}


@pytest.mark.parametrize(
    "name", ["steps/step-0000001/manifest.json", "config.json", "predictions/own.jsonl"]
)
def test_a_baseline_never_overwrites_a_run(tmp_path: Path, name: str):
    folder = tmp_path / "run"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text('{"name": "adaptation"}')
    (folder / "scores.json").write_text('{"method": "prompt-tuning", "cells": []}')
    before = contents(folder)
    with pytest.raises(InputError, match="holds another run, which lead-64 would overwrite"):
        evaluate_baseline(folder, "howto0", languages=["en"], limit=1)
    assert contents(folder) == before


def test_a_baseline_goes_on_in_its_own_folder(tmp_path: Path):
    folder = tmp_path / "lead"
    for languages in (["th"], ["hi"]):
        scores = evaluate_baseline(folder, "howto0-short", languages=languages, limit=1)
    assert {cell["language"] for cell in scores["cells"]} == {"th", "hi"}
    with pytest.raises(InputError, match="choose another folder"):
        evaluate_baseline(folder, "howto0-short", baseline="lead-32", languages=["th"], limit=1)


def test_a_folder_is_not_evaluated_by_two_at_once(tmp_path: Path):
    with (
        RunFolder(tmp_path / "lead").evaluating(),
        pytest.raises(InputError, match="is in use by process"),
    ):
        evaluate_baseline(tmp_path / "lead", "howto0", languages=["en"], limit=1)


def test_a_folder_is_evaluated_while_it_trains(tmp_path: Path):
    unfinished = tmp_path / "lead" / ".tmp-step"
    with RunFolder(tmp_path / "lead"):
        unfinished.write_text("of the trainer")
        evaluate_baseline(tmp_path / "lead", "howto0", languages=["en"], limit=1)
        assert unfinished.exists()
