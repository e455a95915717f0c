"""The paper's runs (Vu et al. 2022), frozen. Each value names its source.

The paper prints prompt length, steps, checkpoint interval, lengths and decoding. Optimizer, rates, batch
size and dropout are the published defaults of prompt-tuning and T5X, which its authors used.
"""

from dataclasses import replace

from xlgen.generation.settings import BeamSettings
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.run import Adaptation, Data
from xlgen.tasks import Limits
from xlgen.training.loop import TrainingConfig
from xlgen.training.optim import Adafactor
from xlgen.training.schedules import Constant


def prompt() -> Adaptation:
    """PromptTuning as in section 2.2.2: set `model` to an LM-adapted mT5 folder."""
    return Adaptation(
        method=PromptTuning(length=100, init="vocabulary"),  # section 2.2.2
        validation=Data(split="validation", limit=250),  # section 2.2.2, 250 examples
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
        decoding=BeamSettings(beams=4, alpha=0.6),  # footnote 12
    )


def model() -> Adaptation:
    """ModelTuning as in section 2.2.2: set `model` to an mT5 folder."""
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
