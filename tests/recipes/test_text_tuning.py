"""Tuning on text alone: a bank of sub-prompts, which a task on English labels is then tuned behind."""

from dataclasses import replace

import pytest
import torch

from xlgen.config import override
from xlgen.errors import InputError
from xlgen.methods.bank import read_bank
from xlgen.methods.factorized import FactorizedPrompts
from xlgen.methods.prompt_files import read_prompt
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import save_model, tiny_model
from xlgen.recipes.text_tuning import TextTuning
from xlgen.run import Adaptation, Data, open_run
from xlgen.tasks import Limits
from xlgen.tasks.lm import LM
from xlgen.tasks.span_corruption import SpanCorruption
from xlgen.training.folder import RunFolder

SIX = ("en", "th", "ar", "hi", "zh", "vi")
TASKS = ("span_corruption", "lm")
SMALL = [
    "training.batch_size=4", "training.steps=6", "training.validate_every=3",
    "training.checkpoint_every=3", "training.log_every=1", "held_out=0.2",
]  # fmt: skip


@pytest.fixture
def base(tmp_path, spiece):
    save_model(tiny_model(1, vocabulary=704), tmp_path / "model", dtype=torch.float32)
    (tmp_path / "model" / "spiece.model").write_bytes(spiece.path.read_bytes())
    return str(tmp_path / "model")


def test_both_stages_from_text_to_thai(tmp_path, base, corpus_of_six, article_1, write_jsonl):
    """A bank on three tasks in six languages, then summarization on English, generated in Thai."""
    first = override(
        TextTuning(
            model=base,
            text=str(corpus_of_six),
            tasks=(SpanCorruption(), LM()),
            method=FactorizedPrompts(length=4, languages=SIX, tasks=TASKS),
            limits=Limits(48, 48),
        ),
        SMALL,
    )
    assert set(article_1) == set(SIX)
    override(first, ["training.steps=3"]).run(tmp_path / "cut")
    for name in ("cut", "bank"):
        first.run(tmp_path / name)
    cut, whole = (read_bank(tmp_path / n / "export" / "bank.safetensors") for n in ("cut", "bank"))
    for code in SIX:  # resumed equals never stopped
        assert torch.equal(cut.language(code), whole.language(code))

    words = article_1["en"].split()
    records = [
        {"id": f"t{i}", "language": "en", "input": " ".join(words[i : i + 9]), "target": words[i]}
        for i in range(len(words) - 9)
    ]
    watched = [
        {"id": f"v-{code}", "language": code, "input": text, "target": text[:20]}
        for code, text in article_1.items()
    ]
    method = FactorizedPrompts(
        length=4,
        languages=SIX,
        tasks=("summarization",),
        bank=tmp_path / "bank" / "export" / "bank.safetensors",
    )
    second = override(
        Adaptation(
            model=base,
            method=method,
            train=Data(source=str(write_jsonl(tmp_path / "train.jsonl", records))),
            validation=Data(source=str(write_jsonl(tmp_path / "watched.jsonl", watched))),
        ),
        [*SMALL[:-1], "decoding.max_length=8"],
    )
    second.run(tmp_path / "fp")
    opened = open_run(tmp_path / "fp")
    assert not torch.equal(opened.adapted.tasks[0], whole.task("span_corruption").flatten())
    assert torch.equal(opened.adapted.languages[SIX.index("en")], whole.language("en").flatten())
    thai = [e for e in second.validation.examples() if e.language == "th"]
    assert len(opened.predict(thai)) == 1

    replace(first, training=replace(first.training, seed=7)).run(tmp_path / "other")
    other = tmp_path / "other" / "export" / "bank.safetensors"
    method.bank.write_bytes(other.read_bytes())  # of the same model, with other halves
    for goes_on in (open_run, second.run):
        with pytest.raises(InputError, match=r"of the bank .* restore that bank"):
            goes_on(tmp_path / "fp")


def test_a_prompt_that_models_one_language_is_exported(tmp_path, base, corpus_of_six):
    """What the paper's intermediate tuning begins with: language modelling in Thai."""
    run = override(
        TextTuning(
            model=base,
            text=str(corpus_of_six),
            languages=("th",),
            method=PromptTuning(length=5, population=100),
            limits=Limits(48, 48),
        ),
        SMALL,
    )
    run.run(tmp_path / "run")
    assert read_prompt(tmp_path / "run" / "export").shape == (5, 32)
    watched = [line for line in RunFolder(tmp_path / "run").read_metrics() if "validation" in line]
    assert [set(line["validation"]) for line in watched] == [{"th"}] * 2


def test_a_language_without_text_is_named(tmp_path, base, corpus_of_six):
    run = TextTuning(model=base, text=str(corpus_of_six), languages=("th", "ja"))
    with pytest.raises(InputError, match=r"no text in 'ja' \(train\), only in ar, en"):
        run.run(tmp_path / "run")


def test_text_too_small_to_hold_anything_out_is_told(tmp_path, base, corpus_of_six):
    run = TextTuning(model=base, text=str(corpus_of_six), languages=("th",), held_out=0.0)
    with pytest.raises(InputError, match=r"no document in th is held out.*raise held_out"):
        run.run(tmp_path / "run")


def test_tasks_are_given_by_name():
    given = override(TextTuning(), ['tasks=["lm", {"name": "span_corruption"}]'])
    assert given.tasks == (LM(), SpanCorruption())
    with pytest.raises(InputError, match=r"unknown task 'lmm': did you mean lm"):
        override(TextTuning(), ['tasks=["lmm"]'])


def test_a_bank_with_a_half_for_a_language_without_text_is_refused_before_it_trains(
    tmp_path, base, corpus_of_six
):
    method = FactorizedPrompts(length=4, languages=(*SIX, "ko"), tasks=TASKS)
    run = TextTuning(
        model=base, text=str(corpus_of_six), tasks=(SpanCorruption(), LM()), method=method
    )
    with pytest.raises(InputError, match=r"nothing trains the halves of ko; set it to .*en, hi"):
        run.run(tmp_path / "bank")
    assert not (tmp_path / "bank").exists()
