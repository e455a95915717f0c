"""Runs on HowTo-0 at the packaged size, with the paper's settings as far as they are known.

xlgen train howto.prompt --out runs/prompt
"""

from dataclasses import replace

from xlgen.generation.settings import BeamSettings
from xlgen.methods.factorized import FactorizedPrompts
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.recipes.rows import mixed
from xlgen.run import Adaptation
from xlgen.tasks import Limits
from xlgen.training.loop import TrainingConfig
from xlgen.training.optim import Adafactor
from xlgen.training.schedules import Constant, Cosine


def prompt() -> Adaptation:
    """PromptTuning on English howto0, 100 prompt tokens from the vocabulary."""
    return Adaptation(
        method=PromptTuning(length=100),
        training=TrainingConfig(
            steps=2000,
            batch_size=32,
            # 0.3, no parameter scaling, weight decay 1e-5: prompt-tuning's published defaults
            optimizer=Adafactor(parameter_scale=False, weight_decay=1e-5),
            schedule=Constant(0.3),
            validate_every=200,
            checkpoint_every=200,
        ),
        # ours: 99 % of howto0's summaries are shorter than 128 tokens; a model this small ends after a
        # word or two, and 16 was the best least length on English validation (docs/log.md)
        decoding=BeamSettings(max_length=128, min_length=16),
    )


def model() -> Adaptation:
    """ModelTuning on English howto0."""
    tuned = prompt()
    return replace(
        tuned,
        method=ModelTuning(),
        training=replace(
            tuned.training,
            # 0.001 with parameter scaling: T5X's fine-tuning defaults
            optimizer=Adafactor(parameter_scale=True, weight_decay=0.0),
            schedule=Constant(0.001),
        ),
    )


def prompt_mix() -> Adaptation:
    """PromptTuning with 1 % of text in all languages between (MIX-UNSUP-ALL, section 3.1).

    `mix.languages='["fr"]'` for one language (MIX-UNSUP), `mix.text=DIR` for text of your own.
    """
    return mixed(prompt())


def model_mix() -> Adaptation:
    """ModelTuning with 1 % of text in all languages between (MIX-UNSUP-ALL)."""
    return mixed(model())


def factorized() -> Adaptation:
    """The task half of summarization on English howto0, before the English half of a bank (section 3.1).

    `method.bank=FILE`: what `text.bank` exported. `method.swap=false` is the paper's FP-EN.
    """
    return replace(prompt(), method=FactorizedPrompts(tasks=("summarization",)))


def shortened(
    run: Adaptation,
    *,
    steps: int,
    batch_size: int,
    peak: float,
    warm_up: int = 20,
    every: int,
    keep: int | None = None,
    watched: int = 16,
    inputs: int = 512,
    outputs: int = 64,
) -> Adaptation:
    """Return the run in few steps: a rate that rises to `peak` and falls to 0, a checkpoint `every` so many.

    `watched` validation examples a language; lengths in tokens (attention costs the square of `inputs`).
    """
    training = replace(
        run.training,
        steps=steps,
        batch_size=batch_size,
        schedule=Cosine(peak=peak, warm_up=warm_up, steps=steps),
        validate_every=every,
        checkpoint_every=every,
        keep=keep,
    )
    return replace(
        run,
        training=training,
        validation=replace(run.validation, limit=watched),
        limits=Limits(input=inputs, target=128),
        decoding=replace(run.decoding, max_length=outputs),
    )
