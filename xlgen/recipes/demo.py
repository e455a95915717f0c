"""What `make demo` runs: howto.prompt and howto.model, shortened to minutes on two cores."""

from dataclasses import replace

from xlgen.recipes import howto
from xlgen.run import Adaptation
from xlgen.tasks import Limits
from xlgen.training.schedules import Cosine

STEPS = 160


def prompt() -> Adaptation:
    """PromptTuning on English howto0, some minutes on two cores."""
    return _shortened(howto.prompt(), steps=STEPS)


def model() -> Adaptation:
    """ModelTuning on English howto0, some minutes on two cores."""
    run = _shortened(howto.model(), steps=STEPS)
    # ours: in so few steps a constant 0.001 does not come far (docs/log.md)
    schedule = Cosine(peak=5e-3, warm_up=10, steps=STEPS)
    return replace(run, training=replace(run.training, schedule=schedule))


def _shortened(run: Adaptation, *, steps: int) -> Adaptation:
    every = steps // 4
    training = replace(
        run.training, steps=steps, batch_size=8, validate_every=every, checkpoint_every=every
    )
    return replace(
        run,
        training=training,
        validation=replace(run.validation, limit=16),
        limits=Limits(input=512, target=128),  # attention costs the square of the length
        decoding=replace(run.decoding, max_length=64),
    )
