"""What a pretrained model is good for downstream: short runs on howto0, to be compared with LEAD-64.

xlgen train probe.model model=FOLDER --out runs/probe-model
xlgen train probe.sup_all model=FOLDER --out runs/probe-sup-all
"""

from xlgen.benchmarks import BENCHMARKS
from xlgen.recipes import howto
from xlgen.recipes.rows import supervised
from xlgen.run import Adaptation

STEPS = 300


def model() -> Adaptation:
    """ModelTuning on English howto0, in 300 steps of 16."""
    # ours: constant 0.001 had come half as far by then (docs/log.md)
    return _shortened(howto.model(), peak=5e-3)


def prompt() -> Adaptation:
    """PromptTuning on English howto0, with as many steps."""
    # ours: at 0.3 prompts leave the embedding's scale, and other languages are forgotten (docs/log.md)
    return _shortened(howto.prompt(), peak=0.1)


def sup_all() -> Adaptation:
    """ModelTuning on the labels of all languages (SUP-ALL), in 500 steps of 16."""
    # 8,468 examples, where English alone has 1,539: 300 steps saw half of them once
    run, languages = _shortened(howto.model(), peak=5e-3, steps=500), BENCHMARKS["howto0"].languages
    return supervised(run, languages)


def _shortened(run: Adaptation, *, peak: float, steps: int = STEPS) -> Adaptation:
    return howto.shortened(
        run, steps=steps, batch_size=16, peak=peak, every=100, keep=1, outputs=96
    )
