"""The paper's runs (Vu et al. 2022), frozen. Each value names its source.

The paper prints prompt length, steps, checkpoint interval, lengths and decoding. Optimizer, rates, batch
size and dropout are the published defaults of prompt-tuning and T5X, which its authors used.
"""

from dataclasses import replace

from xlgen.generation.settings import BeamSettings
from xlgen.languages import LANGUAGES, SOURCE
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.t5 import T5Config
from xlgen.recipes.language_tuning import LanguageTuning
from xlgen.recipes.rows import factorized as with_bank
from xlgen.recipes.rows import halves, mixed, supervised
from xlgen.recipes.text_tuning import TextTuning
from xlgen.run import Adaptation, Data
from xlgen.tasks import Limits, unsupervised_tasks
from xlgen.tasks.lm import LM
from xlgen.tasks.mixing import Mix
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.training.loop import TrainingConfig
from xlgen.training.optim import Adafactor
from xlgen.training.schedules import Constant

# mT5's shapes (Xue et al. 2021), as the published config.json files have them; 250,112 rows of which the
# tokenizer has 250,100 pieces.
SIZES = {
    size: T5Config(250_112, width, heads, 64, feed_forward, layers, layers)
    for size, width, heads, feed_forward, layers in (
        ("small", 512, 6, 1024, 8),
        ("base", 768, 12, 2048, 12),
        ("large", 1024, 16, 2816, 24),
        ("xl", 2048, 32, 5120, 24),
        ("xxl", 4096, 64, 10240, 24),
    )
}
LABELS = "wikilingua0"  # section 2.1; where it comes from: docs/real-data.md
TEXT = "mc4"  # a folder with its shards as tokens, or of <language>.txt


def prompt() -> Adaptation:
    """PromptTuning on WikiLingua-0 as in section 2.2.2: set `model` to an LM-adapted mT5 folder."""
    return Adaptation(
        method=PromptTuning(length=100, init="vocabulary"),  # section 2.2.2
        train=Data(LABELS, split="train", languages=(SOURCE,)),
        validation=Data(LABELS, split="validation", limit=250),  # section 2.2.2, 250 examples
        leaks="keep",  # GEM's splits as they are: what is nearly the same in two was trained on
        limits=Limits(input=1024, target=512),  # section 2.2.2
        training=TrainingConfig(
            steps=100_000,  # section 2.2.2
            batch_size=128,  # T5X and prompt-tuning default
            micro_batch=16,  # ours: one GPU holds it, and the update is the same
            optimizer=Adafactor(parameter_scale=False, weight_decay=1e-5),  # prompt-tuning
            schedule=Constant(0.3),  # Lester et al. 2021, prompt_finetune.gin
            validate_every=5000,
            checkpoint_every=5000,  # section 2.2.2
            precision="bf16",  # T5X: activations bfloat16, logits float32
        ),
        mix=Mix(text=TEXT),  # kappa is 0: what a mixture would take
        decoding=BeamSettings(beams=4, alpha=0.6),  # footnote 12
    )


def model() -> Adaptation:
    """ModelTuning on WikiLingua-0 as in section 2.2.2: set `model` to an mT5 folder."""
    tuned = prompt()
    return replace(
        tuned,
        method=ModelTuning(),
        training=replace(
            tuned.training,
            optimizer=Adafactor(parameter_scale=True, weight_decay=0.0),  # T5X finetune.gin
            schedule=Constant(0.001),  # T5X finetune.gin
        ),
    )


def prompt_sup_all() -> Adaptation:
    """PromptTuning on the labels of all languages (SUP-ALL); `train.languages` with one is SUP."""
    return supervised(prompt(), tuple(LANGUAGES))


def model_sup_all() -> Adaptation:
    """ModelTuning on the labels of all languages (SUP-ALL); `train.languages` with one is SUP."""
    return supervised(model(), tuple(LANGUAGES))


def prompt_mix() -> Adaptation:
    """PromptTuning with 1 % of text in all languages between; `mix.languages` with one is MIX-UNSUP."""
    return mixed(prompt())


def model_mix() -> Adaptation:
    """ModelTuning with 1 % of text in all languages between; `mix.languages` with one is MIX-UNSUP."""
    return mixed(model())


def bank() -> TextTuning:
    """The seven unsupervised tasks in all languages, for factorized prompts of 50 + 50 (section 3.1)."""
    tasks = tuple(task() for task in unsupervised_tasks().values())
    tuned = _on_text(prompt(), steps=200_000)  # footnote 18
    return replace(tuned, tasks=tasks, method=halves(prompt(), tuple(LANGUAGES)))


def factorized() -> Adaptation:
    """Factorized prompts on English labels: set `method.bank` to what `paper.bank` exported."""
    return with_bank(prompt(), halves(prompt(), tuple(LANGUAGES)), file=None)


def prompt_lm() -> TextTuning:
    """Intermediate PromptTuning on the LM task: set `languages` to the target (IT-LM, appendix F).

    Then `paper.prompt method.init=file method.file=RUN/export`.
    """
    return _on_text(prompt(), steps=200_000)  # footnote 20


def model_lm() -> TextTuning:
    """Intermediate ModelTuning on the LM task (IT-LM); then `paper.model model=RUN/export`."""
    return _on_text(model(), steps=200_000)  # footnote 20


def lm_adaptation() -> TextTuning:
    """LM adaptation of any checkpoint, before PromptTuning (section 2.2.2): prefix LM in all languages."""
    return replace(_on_text(model(), steps=100_000), tasks=(PrefixLM(),))  # section 2.2.2


def language_prompts() -> LanguageTuning:
    """A prompt for each language of mC4 (appendix D): set `model` to an LM-adapted mT5-BASE folder."""
    run = prompt()
    return LanguageTuning(
        text=TEXT,  # 107 languages
        task=LM(),  # appendix D
        prompt=PromptTuning(length=1, init="vocabulary"),  # appendix D; start of section 2.2.2
        limits=run.limits,
        training=replace(run.training, steps=10_000, batch_size=32),  # appendix D
    )


def _on_text(run: Adaptation, *, steps: int) -> TextTuning:
    """Return tuning on the LM task with the run's settings; the paper says no others."""
    return TextTuning(
        model=run.model,
        text=TEXT,
        tasks=(LM(),),
        method=run.method,
        limits=run.limits,
        training=replace(run.training, steps=steps),
    )
