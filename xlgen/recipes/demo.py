"""What `make demo` runs: howto.prompt and howto.model, shortened to minutes on two cores."""

from xlgen.recipes import howto
from xlgen.run import Adaptation

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
    every = STEPS // 4
    return howto.shortened(run, steps=STEPS, batch_size=8, peak=peak, warm_up=10, every=every)
