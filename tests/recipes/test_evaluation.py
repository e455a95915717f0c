"""The protocol: every checkpoint on validation, the best one per language on the test split."""

import json

import pytest

from xlgen.config import from_json, override, to_json
from xlgen.errors import InputError
from xlgen.methods.model_tuning import ModelTuning
from xlgen.recipes.base import RunConfig
from xlgen.recipes.evaluation import Baseline, Evaluation, best_of
from xlgen.reports.read import read_run
from xlgen.run import OpenedRun, evaluate_run, open_run

LANGUAGES = ("en", "th", "ar", "hi", "vi", "zh")


@pytest.fixture
def trained(run_config, tmp_path):
    run_config.run(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def evaluation(trained):
    return Evaluation(
        run_folder=trained,
        benchmark="howto0-short",
        languages=LANGUAGES,
        validation_limit=2,
        limit=3,
    )


def curve_of(folder):
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().split("\n")[:-1]]


LATER = ("th", "hi", "zh")  # the languages that the second checkpoint is made best in


@pytest.fixture
def uneven(monkeypatch):
    """Let each checkpoint answer with the reference in some languages, and with half of it in the others."""

    def predict(self, examples):
        good = [(self.step == 6) == (example.language in LATER) for example in examples]
        return [e.target if g else e.target[: len(e.target) // 2] for e, g in zip(examples, good)]

    monkeypatch.setattr(OpenedRun, "predict", predict)


def test_each_language_gets_the_checkpoint_that_is_best_on_its_validation_texts(
    evaluation, uneven, tmp_path
):
    folder = tmp_path / "evaluated"
    result = evaluation.run(folder)
    curve = curve_of(folder)
    assert {(line["step"], line["language"]) for line in curve} == {
        (step, code) for step in (3, 6) for code in LANGUAGES
    }
    for code in LANGUAGES:
        assert result.target[code] == (6 if code in LATER else 3)
        cells = [cell for cell in read_cells(folder / "by-target") if cell["language"] == code]
        assert {cell["checkpoint"] for cell in cells} == {result.target[code]}
        assert {c["value"] for c in cells if c["metric"] == "sp_rouge_lsum"} == {100.0}


def test_beside_it_stands_the_choice_on_english_alone(evaluation, uneven, tmp_path):
    folder = tmp_path / "evaluated"
    assert evaluation.run(folder).english == 3
    for cell in read_cells(folder / "by-english"):
        assert cell["checkpoint"] == 3
        if cell["metric"] == "sp_rouge_lsum":
            assert (cell["value"] < 100) == (cell["language"] in LATER)
    read = read_run(folder / "by-english")
    assert read.checkpoint == 3
    assert read_run(folder / "by-target").checkpoint is None  # several


def test_the_chosen_scores_are_those_of_evaluating_that_checkpoint(evaluation, trained, tmp_path):
    folder = tmp_path / "evaluated"
    result = evaluation.run(folder)
    code = "th"
    scores = evaluate_run(
        trained,
        "howto0-short",
        languages=[code],
        limit=3,
        checkpoint=str(result.target[code]),
    )
    alone = {cell["metric"]: cell["value"] for cell in scores["cells"]}
    cells = read_cells(folder / "by-target")
    assert {c["metric"]: c["value"] for c in cells if c["language"] == code} == alone
    read = read_run(folder / "by-target")
    assert {p.language for p in read.predictions["howto0-short", "test"]} == set(LANGUAGES)
    assert read.method == "prompt-tuning"
    assert read.config["method"]["length"] == 5
    assert read.history


def read_cells(folder):
    return json.loads((folder / "scores.json").read_text("utf-8"))["cells"]


def test_what_was_predicted_is_not_predicted_again(evaluation, tmp_path, monkeypatch):
    asked = []
    predict = OpenedRun.predict

    def count(self, examples):
        asked.append({(self.step, example.language, example.id) for example in examples})
        if len(asked) == 2:
            raise KeyboardInterrupt
        return predict(self, examples)

    monkeypatch.setattr(OpenedRun, "predict", count)
    with pytest.raises(KeyboardInterrupt):
        evaluation.run(tmp_path / "evaluated")
    evaluation.run(tmp_path / "evaluated")
    _, cut_off, *after = asked
    assert cut_off in after
    assert not set.intersection(asked[0], *after)
    assert sum(map(len, asked)) == len(set.union(*asked)) + len(cut_off)  # nothing else twice
    evaluation.run(tmp_path / "evaluated")
    assert len(asked) == 2 + len(after)


def test_only_what_generation_depends_on_can_change(evaluation, trained, tmp_path):
    shorter = override(evaluation, ['settings=["decoding.max_length=4"]', 'languages=["vi"]'])
    shorter.run(tmp_path / "shorter")
    stored = json.loads((tmp_path / "shorter" / "by-target" / "config.json").read_text())
    assert stored["decoding"]["max_length"] == 4
    with pytest.raises(InputError, match=r"method\.length=7: .* was trained with its own"):
        open_run(trained, settings=["method.length=7"])


def test_a_run_that_is_not_done_is_refused(evaluation, trained, tmp_path):
    longer = override(evaluation, [f"run_folder={tmp_path / 'none'}"])
    with pytest.raises(InputError, match="cannot read it"):
        longer.run(tmp_path / "evaluated")
    config = json.loads((trained / "config.json").read_text())
    config["training"]["steps"] = 9
    (trained / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="expected an adaptation with all its steps"):
        evaluation.run(tmp_path / "evaluated")
    assert not (tmp_path / "evaluated").exists()


def test_a_language_without_validation_texts_is_named():
    with pytest.raises(InputError, match="no checkpoint has a validation score in ko"):
        best_of({3: {"fr": 9.0}}, "ko")


def test_a_baseline_is_a_run_too(tmp_path):
    baseline = Baseline(benchmark="howto0-short", languages=("th", "zh"), limit=2)
    assert from_json(RunConfig, to_json(baseline)) == baseline
    assert "scores" in str(baseline.run(tmp_path / "lead"))
    assert {cell["language"] for cell in read_cells(tmp_path / "lead")} == {"th", "zh"}


def test_a_tuned_model_is_a_folder_that_a_run_starts_from(run_config, tmp_path):
    tuned = override(run_config, ["method=model-tuning"])
    assert tuned.method == ModelTuning()
    tuned.run(tmp_path / "first")
    first = open_run(tmp_path / "first").adapted.state()
    again = override(tuned, [f"model={tmp_path / 'first' / 'export'}"])
    begun, _ = again.attach()
    for name, tensor in begun.state().items():
        assert tensor.equal(first[name]), name
    again.run(tmp_path / "second")
