"""The main job end to end on small real text: train, stop, resume, evaluate, generate, report."""

import hashlib
import json

import pytest
import torch

from xlgen.config import override
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.methods.prompt_files import read_prompt
from xlgen.model.load import save_model, tiny_model, weights_sha256
from xlgen.reports.html import make_report
from xlgen.run import Adaptation, evaluate_baseline, evaluate_run, generate_file, open_run


def test_a_run_trains_resumes_evaluates_and_reports(run_config, tmp_path, article_1):
    folder = tmp_path / "run"
    half = override(run_config, ["training.steps=3"])
    half.run(folder)
    run_config.run(folder)
    whole = tmp_path / "whole"
    result = run_config.run(whole)
    assert result.steps == 6
    states = [open_run(place, "last").adapted.state() for place in (folder, whole)]
    assert torch.equal(states[0]["prompt"], states[1]["prompt"])  # resumed equals never stopped
    assert "done already" in str(run_config.run(whole))
    best = open_run(whole).adapted.state()["prompt"]
    assert torch.equal(read_prompt(whole / "export"), best)  # PEFT's format, tested against peft

    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().split("\n")[:-1]]
    watched = [line["validation"] for line in metrics if "validation" in line]
    assert [set(line) for line in watched] == [set(article_1)] * 2

    scores = evaluate_run(folder, "howto0-short", languages=["th", "hi", "ar"], limit=2)
    languages = {cell["language"] for cell in scores["cells"]}
    assert languages == {"th", "hi", "ar"}
    evaluate_baseline(tmp_path / "lead", "howto0-short", languages=["th", "hi", "ar"], limit=2)
    made = make_report([folder, tmp_path / "lead"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "lead-64" in page.lower()
    assert made.headline


def test_evaluation_keeps_finished_languages(run_config, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    run_config.run(folder)
    first = evaluate_run(folder, "howto0-short", languages=["th"], limit=2)
    from xlgen.run import OpenedRun

    asked = []
    predict = OpenedRun.predict
    monkeypatch.setattr(
        OpenedRun, "predict", lambda self, e: asked.append(e[0].language) or predict(self, e)
    )
    both = evaluate_run(folder, "howto0-short", languages=["th", "vi"], limit=2)
    assert asked == ["vi"]
    kept = {(c["language"], c["metric"]): c["value"] for c in both["cells"]}
    for cell in first["cells"]:
        assert kept[cell["language"], cell["metric"]] == cell["value"]


def test_own_file_in_own_predictions_out(run_config, tmp_path, article_1, write_jsonl):
    run_config.run(tmp_path / "run")
    inputs = [{"id": str(i), "input": article_1[code]} for i, code in enumerate(["th", "hi", "zh"])]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    output = tmp_path / "out.jsonl"
    assert generate_file(tmp_path / "run", language="th", input=source, output=output) == 3
    records = [json.loads(line) for line in output.read_text("utf-8").split("\n")[:-1]]
    assert [record["id"] for record in records] == ["0", "1", "2"]
    assert all("prediction" in record and record["language"] == "th" for record in records)


def test_runs_are_scored_with_one_tokenizer_whatever_their_own(
    run_config, tmp_path, small_tokenizer
):
    run_config.run(tmp_path / "run")
    few = {"languages": ["th"], "limit": 1}
    scores = evaluate_run(tmp_path / "run", "howto0-short", **few)
    lead = evaluate_baseline(tmp_path / "lead", "howto0-short", **few)
    for cells in (scores["cells"], lead["cells"]):
        assert "|spm:packaged@" in cells[0]["signature"]
    own = evaluate_run(tmp_path / "run", "howto0-short", spm=small_tokenizer.path, **few)
    assert f"|spm:{small_tokenizer.sha256[:8]}|" in own["cells"][0]["signature"]


def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    run_config, tmp_path, write_jsonl
):
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "0", "input": "สวัสดี"}])
    (tmp_path / "file").write_text("")
    for output in (tmp_path, tmp_path / "file" / "out.jsonl"):
        with pytest.raises(InputError, match=f"^{output}: .* a folder|cannot write it"):
            generate_file(tmp_path / "no run", language="th", input=source, output=output)


def test_the_input_is_not_written_over(run_config, tmp_path, write_jsonl):
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "0", "input": "สวัสดี"}])
    before = source.read_bytes()
    with pytest.raises(InputError, match="is the input too"):
        generate_file(tmp_path / "no run", language="th", input=source, output=source)
    assert source.read_bytes() == before


def test_progress_is_shown_within_a_language(run_config, tmp_path, article_1, monkeypatch):
    import xlgen.run

    bars = []
    shown = xlgen.run.progress
    monkeypatch.setattr(xlgen.run, "progress", lambda *work: bars.append(shown(*work)) or bars[-1])
    run_config.run(tmp_path / "run")
    examples = [Example(code, code, text, "") for code, text in article_1.items()]
    open_run(tmp_path / "run").predict(examples)
    assert [(bar.done, bar.total) for bar in bars] == [(len(examples), len(examples))]


def test_training_on_a_held_out_text_is_refused(run_config, tmp_path, write_jsonl):
    from xlgen.benchmarks.held_out import held_out_examples

    leak = held_out_examples()[0]
    record = {"id": "x", "language": "en", "input": leak.input, "target": leak.target}
    source = write_jsonl(tmp_path / "leaky.jsonl", [record])
    leaky = override(run_config, [f'train={{"source": "{source}"}}'])
    with pytest.raises(InputError, match=leak.id):
        leaky.run(tmp_path / "run")
    assert not (tmp_path / "run" / "steps").exists()


@pytest.mark.parametrize("checkpoint", ["7", "first", "-1"])
def test_checkpoint_that_is_not_there_is_named(run_config, tmp_path, checkpoint):
    run_config.run(tmp_path / "run")
    with pytest.raises(InputError, match="best, last, or one of"):
        open_run(tmp_path / "run", checkpoint)


def test_selecting_on_a_language_that_is_not_validated_is_refused(run_config, tmp_path):
    unwatched = override(run_config, ['select_on=["en", "de"]'])
    with pytest.raises(
        InputError, match=r'chosen on de, but validation has only ar, .*select_on=\["ar"'
    ):
        unwatched.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_step_is_taken_for_the_best_without_a_validation_loss(run_config, tmp_path):
    folder = tmp_path / "run"
    run_config.run(folder)
    metrics = (folder / "metrics.jsonl").read_text("utf-8").replace('"en"', '"de"')
    (folder / "metrics.jsonl").write_text(metrics, "utf-8")
    with pytest.raises(InputError, match=r"validation loss in en, .*validated: ar, .*`last`"):
        open_run(folder)
    assert open_run(folder, "last").step == 6


def test_prompt_of_another_model_is_refused(run_config, tmp_path, model_folder, small_tokenizer):
    run_config.run(tmp_path / "run")
    save_model(tiny_model(1, width=16), model_folder, dtype=torch.float32)
    with pytest.raises(InputError, match=r"with weights .* which now has"):
        open_run(tmp_path / "run")
    (tmp_path / "run" / "model.json").unlink()  # as in runs begun before there was one
    with pytest.raises(InputError, match="has shape"):
        open_run(tmp_path / "run")


def test_a_run_is_of_the_weights_it_began_on(run_config, tmp_path, model_folder, caplog):
    folder = tmp_path / "run"
    override(run_config, ["training.steps=3"]).run(folder)
    weights = model_folder / "model.safetensors"
    began = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert open_run(folder).weights == began
    save_model(tiny_model(2), model_folder, dtype=torch.float32)
    now = hashlib.sha256(weights.read_bytes()).hexdigest()
    for use in (open_run, run_config.run):
        with pytest.raises(
            InputError, match=f"with weights {began[:8]}, which now has {now[:8]}; "
        ):
            use(folder)
    (folder / "model.json").unlink()
    assert open_run(folder).weights == now
    assert "does not say which weights" in caplog.text
    (folder / "model.json").write_text("[]")
    with pytest.raises(InputError, match="with weights None"):
        open_run(folder)


def test_predictions_of_other_weights_are_made_anew(run_config, tmp_path, model_folder):
    folder = tmp_path / "run"
    run_config.run(folder)
    (folder / "model.json").unlink()
    stamps = []
    for seed in (1, 2):
        save_model(tiny_model(seed), model_folder, dtype=torch.float32)
        stamps.append(evaluate_run(folder, "howto0-short", languages=["th"], limit=1)["run"])
    assert stamps[0].pop("weights") != stamps[1].pop("weights")
    assert stamps[0] == stamps[1]


def test_training_ends_without_a_second_model_in_memory(run_config, tmp_path, monkeypatch):
    attached = []
    attach = Adaptation.attach
    monkeypatch.setattr(Adaptation, "attach", lambda self: attached.append(1) or attach(self))
    run_config.run(tmp_path / "run")
    assert attached == [1]


def test_shards_are_hashed_together(tmp_path):
    names = {"a": "1.safetensors", "b": "2.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))
    hashes = set()
    for first, second in ((b"x", b"y"), (b"y", b"x"), (b"xy", b"")):
        (tmp_path / "1.safetensors").write_bytes(first)
        (tmp_path / "2.safetensors").write_bytes(second)
        hashes.add(weights_sha256(tmp_path))
    assert len(hashes) == 3


def test_tokenizer_larger_than_the_model_is_refused(run_config, tmp_path, model_folder):
    save_model(tiny_model(1, vocabulary=64), model_folder, dtype=torch.float32)
    with pytest.raises(InputError, match="pieces"):
        run_config.run(tmp_path / "run")
