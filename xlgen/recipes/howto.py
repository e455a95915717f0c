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
from xlgen.training.loop import TrainingConfig
from xlgen.training.optim import Adafactor
from xlgen.training.schedules import Constant


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
