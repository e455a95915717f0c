"""What a plan is said to need and cost: counted by torch itself, and by what lies there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from real_formats import write_gem_zip, write_mc4
from torch.utils.flop_counter import FlopCounterMode

from xlgen.benchmarks.text import encode_web
from xlgen.config import override
from xlgen.data.tokenizer import packaged_tokenizer
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import random_model
from xlgen.model.t5 import T5Config, count_parameters, shift_right
from xlgen.recipes.evaluation import Baseline, BestValidation, Evaluation
from xlgen.recipes.paper import SIZES
from xlgen.run import Adaptation, Data
from xlgen.studies.named import night, paper
from xlgen.studies.needs import Cost, cost, forward_flop, needs
from xlgen.studies.plan import Plan
from xlgen.tasks import Limits
from xlgen.tasks.mixing import Mix

ROOT = Path("runs/study")
SHAPE = T5Config(512, 32, 2, 16, 64, 2, 3, dropout=0.0)


@pytest.mark.parametrize(("inputs", "targets"), [(7, 5), (24, 3), (1, 30)])
def test_a_forward_pass_costs_what_torch_counts(inputs, targets):
    model = random_model(SHAPE, seed=0).eval()
    input_BL = torch.ones(1, inputs, dtype=torch.long)
    target_BT = torch.ones(1, targets, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoded = model.encode(input_BL, input_BL.bool())
        model.head(model.decode(shift_right(target_BT), encoded))
    assert counter.get_total_flops() == forward_flop(SHAPE, input=inputs, target=targets)


def test_the_papers_sizes_have_as_many_weights_as_published():
    # Xue et al. 2021, table 1: 300 M, 580 M, 1.2 B, 3.7 B, 13 B
    sizes = {size: count_parameters(shape) / 1e9 for size, shape in SIZES.items()}
    assert sizes == pytest.approx(
        {"small": 0.30, "base": 0.58, "large": 1.23, "xl": 3.74, "xxl": 12.9}, rel=0.02
    )


def test_what_is_not_there_is_named_once_and_what_the_plan_makes_is_not():
    study = paper()
    shapes = {name: SIZES[size] for size, names in study.sizes.items() for name in names.values()}
    found = needs(study.plan(ROOT), shapes)
    assert len({(need.kind, need.name) for need in found}) == len(found)
    missing = {(need.kind, need.name) for need in found if need.missing}
    data = {
        ("text", "mc4"),
        ("labels", "wikilingua0"),
        ("labels", "gigaword"),
        ("pieces", "mt5-pieces"),
    }
    assert {("model", name) for name in shapes} | data <= missing
    assert not any("runs/study" in need.name for need in found)


def test_a_missing_mt5_is_told_with_the_command_that_makes_it(tmp_path):
    """The addresses are those of T5X, docs/models.md, and of multilingual-t5's vocabulary."""

    def missing(model):
        plan, labels = Plan(tmp_path), Data("howto0")
        plan.job("run", Adaptation(model=model, train=labels, validation=labels))
        return next(need.missing for need in needs(plan, {}) if need.kind == "model")

    google, spm = (
        "gs://t5-data/pretrained_models/t5x",
        "--spm gs://t5-data/vocabs/mc4.250000.100extra",
    )
    for model, place in {
        "mt5-small-lm": "mt5_lm_adapted/small/checkpoint_1100000",
        "mt5-xxl": "mt5_xxl/checkpoint_1000000",
        "models/mt5-base": "mt5_base/checkpoint_1000000",
    }.items():
        told = f"`xlgen convert {google}/{place} {model} {spm}/sentencepiece.model` makes it"
        assert missing(model) == f"no such folder; {told}"
    for other in ("mt5-huge", "mt5-small-lm-2", "models/own"):
        assert missing(other) == "no such folder"


def test_published_data_are_here_once_their_files_are(tmp_path, monkeypatch, article_1):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    run = Adaptation(
        model="nano",
        train=Data("wikilingua0"),
        validation=Data("wikilingua0"),
        mix=Mix(kappa=1.0, text="mc4"),
    )
    plan = Plan(ROOT)
    plan.job("run", run)

    def missing():
        return {need.name: need.missing for need in needs(plan, {}) if need.missing}

    assert set(missing()) == {"wikilingua0", "mc4"}
    for name in ("wikilingua0", "mc4"):
        assert f"xlgen data fetch {name}" in missing()[name]
    (tmp_path / "wikilingua0").mkdir()
    assert missing()["wikilingua0"].startswith(
        f"{tmp_path}/wikilingua0: nothing of WikiLingua in en"
    )
    write_gem_zip(tmp_path / "wikilingua0", "en")
    assert set(missing()) == {"mc4"}
    plan.job("scores", Baseline("lead-64", "wikilingua0", ("en", "th", "hi")))
    assert missing()["wikilingua0"].startswith(f"{tmp_path}/wikilingua0: no test in hi, th; put ")
    assert "xlgen data fetch mt5-pieces" in missing()["mt5-pieces"]
    (tmp_path / "mt5-pieces").mkdir()
    (tmp_path / "mt5-pieces" / "spiece.model").write_bytes(b"a SentencePiece model")
    for code in ("th", "hi"):
        write_gem_zip(tmp_path / "wikilingua0", code)
    write_mc4(tmp_path / "mc4", "th", [f"{article_1['th']} {n}" for n in range(9)])
    assert set(missing()) == {"mc4"}
    assert "not encoded for the tokenizer" in missing()["mc4"]
    encode_web(tmp_path / "mc4", packaged_tokenizer())
    assert missing() == {}


def test_packaged_models_and_data_are_there():
    found = needs(replace(night(), translators={}).plan(ROOT), {})
    assert {need.kind for need in found} == {"model", "labels", "text"}
    assert not [need for need in found if need.missing]


def test_a_folder_of_another_size_is_told(tmp_path):
    study = override(night(), ['sizes={"nano": {"prompt": "nano", "model": "nano"}}', "seeds=[0]"])
    found = needs(study.plan(ROOT), {"nano": SIZES["small"]})
    assert any(need.missing.startswith("its shape is") for need in found)


def test_model_tuning_costs_more_of_everything_and_continued_runs_know_their_model():
    plan = night().plan(ROOT)
    costs = {job.folder: cost(job, plan=plan, shapes={}) for job in plan.jobs.values()}
    prompt, model, continued = (
        next(costs[folder] for folder in costs if folder.startswith(name))
        for name in ("prompt-nano-s0", "model-nano-s0", "model-it-lm-fr-nano-s0")
    )
    assert model.memory == pytest.approx(2 * prompt.memory, rel=0.01)
    assert model.disk > 100 * prompt.disk
    assert continued == model
    short = replace(SHAPE, vocabulary=64)
    assert 1.4 < _ratio(short, prompt_length=1) < 1.5  # 3 passes against 2, and one position more
    for job, found in costs.items():
        assert (found == Cost(0.0, 0, 0)) == job.startswith(("lead", "labels-fr"))
        assert found.flop > 0 or found.memory == 0


@pytest.mark.parametrize(("keep", "kept"), [(None, 5), (1, 2), (9, 5)])
def test_disk_holds_the_checkpoints_that_are_kept_and_the_export(keep, kept):
    """With `keep`, the best one stays beside the last ones."""
    run = Adaptation(model="tiny", method=PromptTuning(length=5))
    run = replace(run, training=replace(run.training, steps=50, checkpoint_every=10, keep=keep))
    plan = Plan(ROOT)
    plan.job("run", run)
    (job,) = plan.jobs.values()
    assert cost(job, plan=plan, shapes={"tiny": SHAPE}).disk == 4 * 5 * SHAPE.width * (kept + 1)


EVALUATIONS = {
    # GEM's data card of WikiLingua: 1,475 validation and 2,950 test examples in Thai, 991 and 1,984 in Hindi
    "whole splits": ({"benchmark": "wikilingua0"}, 3 * (1475 + 991) + 2 * (2950 + 1984)),
    "first ones": ({"benchmark": "wikilingua0", "validation_limit": 250, "limit": 7}, 1500 + 28),
    "packaged": ({"benchmark": "howto0-short", "validation_limit": 1}, 3 * 2 + 2 * (52 + 20)),
    "no test": ({"benchmark": "xnli", "validation_limit": 5, "limit": 7}, 3 * 10),
}


@pytest.mark.parametrize("case", EVALUATIONS)
def test_an_evaluation_costs_every_text_of_every_checkpoint(case):
    """And of the test split both choices of a checkpoint; a split without a limit is read whole."""
    settings, texts = EVALUATIONS[case]
    run = Adaptation(model="tiny", method=PromptTuning(length=5))
    run = override(run, ["training.steps=30", "training.checkpoint_every=10", "decoding.beams=2"])
    plan = Plan(ROOT)
    folder = plan.job("run", run)
    kind = BestValidation if case == "no test" else Evaluation
    given = {"validation_limit": None, "languages": ("th", "hi")} | settings
    plan.job("scores", kind(run_folder=folder, **given))
    *_, job = plan.jobs.values()
    found = cost(job, plan=plan, shapes={"tiny": SHAPE})
    once = forward_flop(
        SHAPE, input=run.limits.input + 5, target=2 * run.decoding.max_length
    )  # each beam is written
    assert found.flop == once * texts
    assert found.disk == 0


def _ratio(shape: T5Config, *, prompt_length: int) -> float:
    """Return the arithmetic of a ModelTuning step over that of a PromptTuning step."""
    limits = Limits(input=64, target=16)
    runs = [
        Adaptation(model="tiny", method=method, limits=limits)
        for method in (ModelTuning(), PromptTuning(length=prompt_length))
    ]
    plan = Plan(ROOT)
    for run in runs:
        plan.job("run", run)
    model, prompt = (
        cost(job, plan=plan, shapes={"tiny": shape}).flop for job in plan.jobs.values()
    )
    return model / prompt
