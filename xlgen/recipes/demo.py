"""What `make demo` runs: howto.prompt and howto.model, shortened to minutes on two cores."""

from dataclasses import replace

from xlgen.recipes import howto
from xlgen.run import Adaptation
from xlgen.tasks import Limits
from xlgen.training.schedules import Cosine

STEPS = 160


def prompt() -> Adaptation:
    """PromptTuning on English howto0, some minutes on two cores."""
    # ours: at 0.3 prompts leave the embedding's scale, and other languages are forgotten (docs/log.md)
    return _shortened(howto.prompt(), peak=0.1)


def model() -> Adaptation:
    """ModelTuning on English howto0, some minutes on two cores."""
    # ours: in so few steps a constant 0.001 does not come far (docs/log.md)
    return _shortened(howto.model(), peak=5e-3)


def _shortened(run: Adaptation, *, peak: float) -> Adaptation:
    training = replace(
        run.training,
        steps=STEPS,
        batch_size=8,
        schedule=Cosine(peak=peak, warm_up=10, steps=STEPS),
        validate_every=STEPS // 4,
        checkpoint_every=STEPS // 4,
    )
    return replace(
        run,
        training=training,
        validation=replace(run.validation, limit=16),
        limits=Limits(input=512, target=128),  # attention costs the square of the length
        decoding=replace(run.decoding, max_length=64),
    )
