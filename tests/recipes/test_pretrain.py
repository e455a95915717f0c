"""The pretraining recipes, run for real at a tiny size: they resume, export, and keep to their text."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import sentencepiece
import torch

from xlgen.config import from_json, to_json
from xlgen.data.mixture import Mixture
from xlgen.data.tokenizer import packaged_tokenizer
from xlgen.errors import InputError
from xlgen.model.load import load_model, random_model
from xlgen.model.packaged import open_model
from xlgen.model.t5 import count_parameters
from xlgen.recipes import RECIPES
from xlgen.recipes.base import RunConfig
from xlgen.recipes.export import _curve, _machine, export_model
from xlgen.recipes.pretrain import PICO, open_text, start_local
from xlgen.recipes.resolve import resolve
from xlgen.sources.packaged import read_packaged
from xlgen.tasks import span_corruption
from xlgen.training.checkpoint import Checkpoint
from xlgen.training.folder import RunFolder

NAMES = [name for name in RECIPES if name.startswith("pretrain.")]


@pytest.fixture
def tiny(corpus_of_six, spiece):
    """A run of six steps over six languages."""
    settings = ["training.steps=6", "training.batch_size=4", "limits.input=48", "limits.target=48"]
    settings += ["training.checkpoint_every=3", "training.validate_every=3", "held_out=0.2"]
    settings += [f"corpus={corpus_of_six}", f"tokenizer={spiece.path}", "training.log_every=1"]
    return [*settings, "shape.vocabulary=640"]


@pytest.mark.parametrize("name", NAMES)
def test_recipes_survive_json(name):
    recipe = RECIPES[name]()
    assert from_json(RunConfig, json.loads(json.dumps(to_json(recipe)))) == recipe


def test_sizes_are_those_of_the_packaged_models():
    assert count_parameters(RECIPES["pretrain.nano"]().shape) == pytest.approx(13.4e6, rel=0.02)
    assert count_parameters(PICO) * 2 < 4e6  # bytes as bfloat16


def test_two_stages_end_in_a_model_with_a_card(tmp_path, tiny):
    first = resolve("pretrain.pico", tiny)
    first.run(tmp_path / "one")
    model = tmp_path / "one" / "model"
    second = resolve("pretrain.pico_lm", [*tiny, f"start={model}"])
    second.run(tmp_path / "two")
    final = load_model(tmp_path / "two" / "model")
    assert final.config == replace(first.shape, dropout=0.1)
    stored = json.loads((tmp_path / "two" / "model" / "config.json").read_text())
    assert stored["tokenizer_sha256"] == second.open_text()[1].sha256
    assert (tmp_path / "two" / "model" / "spiece.model").is_file()
    card = (tmp_path / "two" / "model" / "README.md").read_text()
    assert "pretrain.pico_lm" in card
    assert re.search(r"- Time: \d+ s on \w+, \d+ threads, torch [\d.]+\S*, float32\n", card)
    assert "The stage before" in card
    for language in ("th", "ar", "hi", "zh", "vi", "en"):
        assert f"| {language} |" in card
    metrics = RunFolder(tmp_path / "two").read_metrics()
    steps = [line["step"] for line in metrics if "validation" in line]
    assert len(steps) > 1
    assert f"| step | {' | '.join(map(str, steps))} |\n" in card.partition("The stage before")[0]


def test_a_run_cut_in_two_ends_with_the_same_bits(tmp_path, tiny):
    whole = resolve("pretrain.pico", tiny)
    whole.run(tmp_path / "whole")
    resolve("pretrain.pico", [*tiny, "training.steps=3"]).run(tmp_path / "cut")
    half = load_model(export_model(tmp_path / "cut", tmp_path / "half"))
    whole.run(tmp_path / "cut")
    ends = [load_model(tmp_path / name / "model").state_dict() for name in ("whole", "cut")]
    assert all(torch.equal(a, b) for a, b in zip(ends[0].values(), ends[1].values()))
    assert not torch.equal(half.shared.weight, ends[0]["shared.weight"])


def test_examples_are_pure_functions_of_their_number(tiny):
    config = resolve("pretrain.pico", tiny)
    text, tokenizer = config.open_text()
    examples = config.examples(text.train, tokenizer)
    order = Mixture(examples.sizes, examples.rates(config.alpha), config.training.seed)
    numbers = [0, 1, 7, 500, 10_001]
    first = [examples.at(*order.locate(number)) for number in numbers]
    again = [examples.at(*order.locate(number)) for number in reversed(numbers)]
    assert first == again[::-1]
    assert len({example.input for example in first}) == len(numbers)
    for number, example in zip(numbers, first):
        part, position, epoch = order.locate(number)
        tokens = text.train[example.language].segment(
            position, raw_length=config.task.raw_length(config.limits), epoch=epoch
        )
        assert example.language == text.languages[part]
        assert span_corruption.restore(example, tokenizer) == tokens.tolist()


def test_held_out_text_is_watched_and_not_trained_on(tiny):
    config = resolve("pretrain.pico", tiny)
    text, tokenizer = config.open_text()
    watched = list(config.examples(text.held_out, tokenizer).first(2))
    assert {example.language for example in watched} == {"th", "ar", "hi", "zh", "vi", "en"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([], "set corpus=DIR"),
        (["corpus=nowhere"], "no <language>.txt"),
    ],
)
def test_missing_text_is_refused(tmp_path, spiece, change, message):
    config = resolve("pretrain.pico", [f"tokenizer={spiece.path}", *change])
    with pytest.raises(InputError, match=message):
        config.run(tmp_path / "run")


@pytest.mark.parametrize(
    ("sentinels", "message"),
    [
        ([], "expected a sentinel <extra_id_99>, the file has 0; use one with T5's 100"),
        ([f"<mask_{k}>" for k in range(100)], "the file has 0"),
        ([f"<extra_id_{k}>" for k in range(49, -1, -1)], "the file has 50"),
        ([f"<extra_id_{k}>" for k in range(100)], "on descending ids, found <extra_id_0> on 3"),
    ],
)
@pytest.mark.parametrize("recipe", ["pretrain.pico_start", "pretrain.pico", "pretrain.pico_lm"])
def test_a_tokenizer_with_other_sentinels_is_refused(
    tmp_path, tiny, corpus_of_six, article_1, recipe, sentinels, message
):
    path = tmp_path / "other.model"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(article_1.values())), model_prefix=str(path.with_suffix("")),
        vocab_size=580, byte_fallback=True, hard_vocab_limit=False, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, control_symbols=sentinels,
    )  # fmt: skip
    if recipe.endswith("start"):  # small, so that a tokenizer that is taken shows at once
        tiny = [f"corpus={corpus_of_six}", "shape.vocabulary=640", "passes=1"]
    config = resolve(recipe, [*tiny, f"tokenizer={path}"])
    with pytest.raises(InputError, match=f"other.model: .*{message}.*`xlgen train pretrain.tok"):
        config.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_shape_that_does_not_fit_is_refused(tmp_path, tiny):
    with pytest.raises(InputError, match=r"shape\.vocabulary"):
        resolve("pretrain.pico", [*tiny, "shape.vocabulary=64"]).run(tmp_path / "run")
    resolve("pretrain.pico", [*tiny, "training.steps=1"]).run(tmp_path / "one")
    with pytest.raises(InputError, match="has the shape"):
        resolve(
            "pretrain.pico", [*tiny, f"start={tmp_path / 'one' / 'model'}", "shape.width=64"]
        ).run(tmp_path / "two")


def test_a_card_without_held_out_text_has_no_curve():
    assert _curve([{"step": step, "validation": {}} for step in (1, 2)]) == []


def test_the_card_of_a_gpu_run_names_the_gpu():
    made = {
        "machine": "x86_64",
        "threads": 8,
        "torch": "2.13.0",
        "device": "NVIDIA H100 (CUDA 12.8)",
    }
    assert _machine(Checkpoint(1, {}, {"fingerprint": made})) == (
        "NVIDIA H100 (CUDA 12.8), torch 2.13.0"
    )
    del made["device"]
    assert _machine(Checkpoint(1, {}, {"fingerprint": made})) == "x86_64, 8 threads, torch 2.13.0"


def test_exporting_before_the_first_step_is_refused(tmp_path, tiny):
    config = resolve("pretrain.pico", tiny)
    (tmp_path / "config.json").write_text(json.dumps(to_json(config)))
    with pytest.raises(InputError, match="no checkpoint yet"):
        export_model(tmp_path, tmp_path / "out")


def test_heads_start_at_their_own_distance():
    stack = random_model(replace(PICO, heads=6), seed=0).encoder
    start_local(stack)
    (bias_HSS,) = stack.position_biases(9, 9)
    bias_HSS = bias_HSS.detach()
    assert [int(row.argmax()) - 4 for row in bias_HSS[:5, 4]] == [-1, 1, -2, 2, 0]
    assert not bias_HSS[5].any()


def test_the_recipe_has_t5s_lengths(spiece):
    recipe = RECIPES["pretrain.nano"]()
    assert recipe.task.raw_length(recipe.limits) == 568
    pair = recipe.task.make(
        np.arange(3, 571) % 400 + 3, spiece, limits=recipe.limits, rng=np.random.default_rng(0)
    )
    assert (len(pair.input), len(pair.target)) == (512, 114)


def test_a_packaged_model_is_trained_further_by_its_name(corpus_of_six):
    run = resolve("pretrain.pico_lm", [f"corpus={corpus_of_six}", "start=pico"])
    begun = run.make_model(packaged_tokenizer()).state_dict()
    stored = open_model("pico")[0].state_dict()
    assert all(torch.equal(begun[name], stored[name]) for name in stored)


def test_a_start_made_with_another_tokenizer_is_refused(tiny, spiece):
    run = resolve("pretrain.pico", [*tiny, "start=pico", "shape.vocabulary=24064"])
    with pytest.raises(InputError, match="made with tokenizer"):
        run.make_model(spiece)


@pytest.mark.parametrize("language", ["th", "hi", "ar", "vi"])
def test_a_held_out_paragraph_in_a_users_text_is_not_encoded(tmp_path, caplog, article_1, language):
    held_out = next(e for e in read_packaged("howto0-short", "test") if e.language == language)
    planted = max(held_out.input.split("\n"), key=len)
    clean = [f"{article_1[language]} {number}" for number in range(20)]
    for name, documents in (("clean", clean), ("planted", [*clean, planted.upper()])):
        (tmp_path / name).mkdir()
        text = "\n".join([*documents, article_1["en"]])
        (tmp_path / name / f"{language}.txt").write_text(text, "utf-8")
    one, two = (open_text(tmp_path / n, None, held_out=0.0)[0] for n in ("clean", "planted"))
    assert one.train[language].tokens.tolist() == two.train[language].tokens.tolist()
    assert f"planted/{language}.txt: 1 paragraphs are left out" in caplog.text
    assert "clean" not in caplog.text
