"""Every row of ROWS is trained and scored: a tiny model, two steps, labels and text in eighteen languages."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from shouting import Shouting
from udhr import ARTICLE_1

from xlgen.config import override
from xlgen.errors import InputError
from xlgen.methods.bank import read_bank
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.load import save_model, tiny_model
from xlgen.recipes.text_tuning import TextTuning
from xlgen.run import Adaptation, Data
from xlgen.studies.named import ways
from xlgen.studies.rows import Rows
from xlgen.tasks import unsupervised_tasks

TARGETS = ("th", "hi")
LIKE_OTHERS = {
    *(f"prompt, l={n}" for n in (10, 100, 1000)),
    *(f"{way}, kappa={n}" for way in ("prompt", "model") for n in (1, 10, 30, 50)),
}
SMALL = [
    "training.batch_size=2", "training.steps=2", "training.validate_every=2", "training.log_every=1",
    "training.checkpoint_every=2", 'limits={"input": 32, "target": 16}',
]  # fmt: skip


@pytest.fixture
def study(tmp_path, spiece, write_jsonl, shouting, monkeypatch) -> Rows:
    """Return all rows, over labels and text in every language."""
    # a leak check against everything packaged would take longer than the run
    monkeypatch.setattr("xlgen.run.held_out_examples", lambda *_: [])
    model = tmp_path / "model"
    save_model(tiny_model(1, vocabulary=704), model, dtype=torch.float32)
    (model / "spiece.model").write_bytes(spiece.path.read_bytes())
    records = [
        {"id": f"{n}@{code}", "language": code, "input": f"{text} {n}", "target": text[: 20 + n]}
        for code, text in ARTICLE_1.items()
        for n in range(3)
    ]
    labels = Data(source=str(write_jsonl(tmp_path / "labels.jsonl", records)), languages=("en",))
    (tmp_path / "text").mkdir()
    for code, text in ARTICLE_1.items():
        documents = "\n\n".join(f"{text} {n}\n{text}" for n in range(12))
        (tmp_path / "text" / f"{code}.txt").write_text(documents, "utf-8")
    prompt = override(
        Adaptation(train=labels, validation=replace(labels, languages=None)),
        [*SMALL, "method.length=4", "method.population=100", "decoding.max_length=6", "decoding.beams=2",
            f"mix.text={tmp_path / 'text'}", "validation.limit=1", "leaks=keep"],
    )  # fmt: skip
    text = override(TextTuning(text=str(tmp_path / "text")), [*SMALL, "held_out=0.2"])
    tasks = tuple(task() for task in unsupervised_tasks().values())
    return Rows(
        rows=("lead-5", *(row for row in ways(rate=True) if row not in LIKE_OTHERS)),
        seeds=(0,),
        sizes={"tiny": {"prompt": str(model), "model": str(model)}},
        targets=TARGETS[:1],
        prompt=prompt,
        model=override(prompt, ["method=model-tuning"]),
        bank=replace(text, tasks=tasks),
        intermediate=text,
        labels=replace(labels, languages=("en", "hi")),
        translators={"th": Shouting()},
        benchmark="howto0-short",
        languages=("en", *TARGETS),
        validation_limit=1,
        limit=1,
    )


def cells_of(folder: Path) -> list[dict]:
    return json.loads((folder / "scores.json").read_text("utf-8"))["cells"]


def predictions_of(folder: Path) -> list[dict]:
    (path,) = (folder / "predictions").glob("*-test.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def test_every_row_is_trained_and_scored_in_the_languages_it_is_for(study, tmp_path):
    root = tmp_path / "sweep"
    plan = study.plan(root)
    for job in plan.jobs.values():
        job.config.run(root / job.folder)
    for row in plan.rows:
        folder = root / row.folder
        folder = folder if row.row.startswith("lead") else folder / "by-target"
        scored = {cell["language"] for cell in cells_of(folder)}
        assert scored == ({"en", row.target} if row.target else {"en", *TARGETS}), row.row
    made = {row.row: root / row.folder for row in plan.rows}
    (bank,) = (job for job in plan.jobs if job.startswith("bank-"))
    assert set(read_bank(root / bank / "export" / "bank.safetensors").languages) == set(ARTICLE_1)
    stored = {
        name: json.loads((made[f"prompt, {name}"] / "by-target" / "config.json").read_text())
        for name in ("fp", "fp-en")
    }
    assert [stored[name]["method"]["swap"] for name in ("fp", "fp-en")] == [True, False]
    for way in ("prompt", "model"):
        thai = [
            line["prediction"]
            for line in predictions_of(made[f"{way}, trans-test"] / "by-target")
            if line["language"] == "th"
        ]
        assert len(thai) == 1 and thai[0].startswith("TH(")


def test_a_translator_that_fails_keeps_what_is_finished(study, tmp_path, monkeypatch):
    plan = replace(study, rows=("prompt, trans-test",)).plan(tmp_path / "sweep")
    *before, evaluation = plan.jobs.values()
    for job in before:
        job.config.run(tmp_path / "sweep" / job.folder)
    folder = tmp_path / "sweep" / evaluation.folder

    def fail(*_):
        raise InputError("the system failed")

    with monkeypatch.context() as broken, pytest.raises(InputError, match="the system failed"):
        broken.setattr(Shouting, "open", fail)
        evaluation.config.run(folder)
    assert [line["language"] for line in lines_of(folder)] == ["en"]  # finished before
    evaluation.config.run(folder)
    assert {line["language"] for line in lines_of(folder)} == {"en", "th"}


def lines_of(folder: Path) -> list[dict]:
    found = (folder / "checkpoints").glob("*/predictions/*-validation.jsonl")
    return [json.loads(line) for path in found for line in path.read_text("utf-8").split("\n")[:-1]]


def test_a_model_is_tuned_on_text_and_gone_on_from(study, tmp_path):
    """LM adaptation and IT-LM for ModelTuning: `export/` is a model folder."""
    model = study.sizes["tiny"]["model"]
    tuning = replace(
        study.intermediate, model=model, method=ModelTuning(), languages=("vi", "ar", "zh")
    )
    tuning.run(tmp_path / "adapted")
    begun, _ = replace(study.model, model=str(tmp_path / "adapted" / "export")).attach()
    first, _ = replace(study.model, model=model).attach()
    before, after = first.state(), begun.state()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
