"""All languages' prompts in one run: each is trained exactly as if it were alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from xlgen.config import override
from xlgen.data.shards import make_shards
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.methods.language_prompts import read_language_prompts
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import random_model, save_model, tiny_model
from xlgen.recipes import RECIPES
from xlgen.recipes.language_tuning import LanguageTuning
from xlgen.recipes.text_tuning import TextTuning
from xlgen.run import Adaptation
from xlgen.tasks import Limits
from xlgen.tasks.lm import LM
from xlgen.training.folder import RunFolder

SIX = ("ar", "en", "hi", "th", "vi", "zh")
SMALL = [
    "training.batch_size=4", "training.steps=6", "training.validate_every=3", "training.window=2",
    "training.checkpoint_every=3", "training.log_every=1",
    "training.schedule.value=0.3", "held_out=0.2",
]  # fmt: skip
# Article 1 once more (OHCHR), in languages of mC4 that are none of the eighteen.
BEYOND = {
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri, hivyo "
    "yapasa watendeane kindugu.",
    "he": "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם "
    "לנהוג איש ברעהו ברוח של אחוה.",
}


@pytest.fixture
def base(tmp_path, spiece):
    """Return a model without dropout, whose masks would be others in another place of the batch."""
    config = replace(tiny_model(1, vocabulary=704).config, dropout=0.0)
    save_model(random_model(config, seed=1), tmp_path / "model", dtype=torch.float32)
    (tmp_path / "model" / "spiece.model").write_bytes(spiece.path.read_bytes())
    return str(tmp_path / "model")


def make(base, corpus, *settings, **fields):
    config = LanguageTuning(model=base, text=str(corpus), limits=Limits(48, 48), **fields)
    return override(config, [*SMALL, *settings])


@pytest.mark.parametrize("optimizer", ["adafactor", "adamw"])
def test_a_language_is_trained_to_the_same_bits_with_and_without_others(
    tmp_path, base, corpus_of_six, optimizer
):
    make(base, corpus_of_six, f"training.optimizer={optimizer}").run(tmp_path / "all")
    together = read_language_prompts(tmp_path / "all")
    assert set(together) == set(SIX)
    for code in ("th", "zh"):
        one = make(base, corpus_of_six, f"training.optimizer={optimizer}", languages=(code,))
        one.run(tmp_path / code)
        alone = read_language_prompts(tmp_path / code)
        assert set(alone) == {code}
        assert np.array_equal(alone[code], together[code])
    assert not np.array_equal(together["th"], together["zh"])


def test_it_is_prompt_tuning_on_the_language(tmp_path, base, corpus_of_six):
    """The peer is our own PromptTuning on Hindi text: the same batches, updates and prompt."""
    run = make(base, corpus_of_six)
    run.run(tmp_path / "all")
    TextTuning(
        model=base,
        text=str(corpus_of_six),
        languages=("hi",),
        tasks=(LM(),),
        method=PromptTuning(length=1),
        limits=run.limits,
        held_out=run.held_out,
        training=run.training,
    ).run(tmp_path / "hi")
    last = RunFolder(tmp_path / "hi").steps.read(6).parameters["prompt"].numpy()
    np.testing.assert_allclose(
        read_language_prompts(tmp_path / "all")["hi"], last, atol=1e-4, rtol=0
    )


def test_a_step_takes_its_examples_of_every_language(tmp_path, base, corpus_of_six, spiece):
    run = make(base, corpus_of_six, "training.micro_batch=3")
    batches = run.stream(run.examples(spiece, split="train")).batch(1)
    assert [set(batch.languages) for batch in batches] == [{c} for c in SIX for _ in range(2)]
    assert [len(batch) for batch in batches] == [3, 1] * 6
    assert all(batch.input_BL.tolist() == [[spiece.eos]] * len(batch) for batch in batches)


def test_resumed_equals_never_stopped(tmp_path, base, corpus_of_six):
    run = make(base, corpus_of_six)
    override(run, ["training.steps=3"]).run(tmp_path / "cut")
    results = [run.run(tmp_path / name) for name in ("cut", "whole")]
    cut, whole = (read_language_prompts(tmp_path / name) for name in ("cut", "whole"))
    assert all(np.array_equal(cut[code], whole[code]) for code in SIX)
    assert [result.steps for result in results] == [6, 6]
    watched = [x for x in RunFolder(tmp_path / "cut").read_metrics() if "validation" in x]
    assert [set(line["validation"]) for line in watched] == [set(SIX)] * 2


def test_the_last_step_is_exported_whichever_was_best(tmp_path, base, corpus_of_six):
    run = make(base, corpus_of_six)
    assert run.run(tmp_path / "run").best_step is None
    last = RunFolder(tmp_path / "run").steps.read(6).parameters
    for code, prompt in read_language_prompts(tmp_path / "run").items():
        assert np.array_equal(prompt, last[f"language/{code}"].numpy())


@pytest.fixture
def wide(tmp_path, article_1):
    """Return a corpus with two languages beyond the eighteen."""
    folder = tmp_path / "wide"
    folder.mkdir()
    for code, text in {**BEYOND, "th": article_1["th"]}.items():
        documents = "\n\n".join(f"{text} {number}" for number in range(20))
        (folder / f"{code}.txt").write_text(documents, "utf-8")
    return folder


def test_text_may_be_of_any_language_of_mc4(tmp_path, base, wide):
    make(base, wide).run(tmp_path / "run")
    assert set(read_language_prompts(tmp_path / "run")) == {"sw", "iw", "th"}
    make(base, wide, languages=("he", "th")).run(tmp_path / "two")
    assert set(read_language_prompts(tmp_path / "two")) == {"iw", "th"}


def test_elsewhere_text_is_of_the_eighteen(wide, spiece):
    with pytest.raises(InputError, match=r"he\.txt: unknown language code 'he'"):
        make_shards(wide, spiece)


def test_text_with_nothing_held_out_trains_unwatched(tmp_path, base, corpus_of_six):
    make(base, corpus_of_six, "held_out=0").run(tmp_path / "run")
    assert set(read_language_prompts(tmp_path / "run")) == set(SIX)


MISTAKES = {
    "gradients of all together": ("training.normalization=tokens", "look at the gradients of all"),
    "one norm of all": ("training.gradient_clip=1.0", 'need normalization="none"'),
    "no text": ('languages=["th", "ja"]', "has no text in 'ja', only in ar, en"),
    "no language": ('languages=["th", "zz"]', "unknown language code 'zz'"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_what_would_couple_languages_or_lacks_text_is_refused(tmp_path, base, corpus_of_six, kind):
    setting, message = MISTAKES[kind]
    with pytest.raises(InputError, match=message):
        make(base, corpus_of_six, setting).run(tmp_path / "run")
    assert not (tmp_path / "run" / "steps").exists()


def test_the_papers_settings():
    """Appendix D: length 1, 10K steps, batch 32, the LM task; all else as PromptTuning in section 2.2.2."""
    paper, tuned = RECIPES["paper.language_prompts"](), RECIPES["paper.prompt"]()
    assert isinstance(tuned, Adaptation)
    assert (paper.prompt.length, paper.training.steps, paper.training.batch_size) == (1, 10_000, 32)
    assert paper.task == LM()
    assert replace(paper.training, steps=1, batch_size=1) == replace(
        tuned.training, steps=1, batch_size=1
    )


def test_the_numbers_of_the_docs_are_those_of_the_published_heatmap():
    root = Path(__file__).parents[2]
    found = json.loads((root / "results" / "language-prompts" / "heatmap.json").read_text("utf-8"))
    told = (root / "docs" / "language-prompts.md").read_text("utf-8")
    agreement = found["agreement"]
    for row, key, bold in (
        ("dendrogram and family distance (cophenetic), r", "dendrogram", "**"),
        ("cosine distance and family distance, r", "family", ""),
        ("..., given script", "family_given_script", ""),
        ("cosine distance and script, r", "script", ""),
    ):
        r, p = agreement[key]["r"], agreement[key]["p"]
        assert f"| {row} | {bold}{r:.2f}{bold} | {p:.4f} |" in told
    assert f"| dendrogram and its own distances | {agreement['tree']:.2f} | |" in told
    assert {language["code"] for language in found["languages"]} == set(LANGUAGES)
