"""What `make demo` runs: howto.prompt and howto.model, shortened to minutes on two cores."""

from dataclasses import replace

from xlgen.recipes import howto
from xlgen.run import Adaptation
from xlgen.tasks import Limits


def prompt() -> Adaptation:
    """PromptTuning on English howto0, some minutes on two cores."""
    return _shortened(howto.prompt(), steps=160)


def model() -> Adaptation:
    """ModelTuning on English howto0, some minutes on two cores."""
    return _shortened(howto.model(), steps=160)


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
