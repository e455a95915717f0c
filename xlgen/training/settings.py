"""What a training run is asked for, what it counts, and what it answers."""

from dataclasses import dataclass, field
from pathlib import Path

from xlgen.errors import InputError
from xlgen.training.loss import Normalization
from xlgen.training.optim import Adafactor, Optimizer
from xlgen.training.precision import Precision
from xlgen.training.schedules import Constant, Schedule

_AT_LEAST_ONE = (
    "steps",
    "batch_size",
    "micro_batch",
    "window",
    "log_every",
    "validate_every",
    "checkpoint_every",
    "keep",
)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. The defaults are T5X's for tuning a model; the paper's values are in `recipes/`.

    One update takes `batch_size` examples, `micro_batch` at a time (all at once if None), from windows of
    `window` batches sorted by length. Gradients are sums over target tokens, divided by nothing, the
    tokens or the examples (`normalization`; T5X divides by nothing, which to Adafactor is the same but for
    its epsilons). `gradient_clip` bounds their global norm after that. `keep` is how many of the newest
    checkpoints stay beside the best one; None keeps all.
    """

    steps: int = 1000
    batch_size: int = 32
    micro_batch: int | None = None
    window: int = 16
    optimizer: Optimizer = field(default_factory=Adafactor)
    schedule: Schedule = field(default_factory=Constant)
    normalization: Normalization = "none"
    gradient_clip: float | None = None
    z_loss: float = 1e-4
    precision: Precision = "fp32"
    log_every: int = 10
    validate_every: int = 100
    checkpoint_every: int = 100
    keep: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"training.{name}: expected at least 1, got {value}")
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise InputError(
                f"training.gradient_clip: expected a norm above 0 or null, got {self.gradient_clip}"
            )

    @property
    def less_memory(self) -> str:
        """Return what to do where memory runs out."""
        smaller = max(1, (self.micro_batch or self.batch_size) // 2)
        return f"start anew, in another folder, with training.micro_batch={smaller}"


@dataclass
class Tally:
    """What a run has counted, stored with every checkpoint: sums since the last log line, and totals."""

    logged: bool = True
    recent_nats: float = 0.0
    recent_tokens: int = 0
    gradient_norm: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to. `loss` is the last one logged, in nats per target token."""

    folder: Path
    steps: int
    resumed_from: int | None
    loss: float | None
    best_step: int | None
    tokens: int
    seconds: float

    def __str__(self) -> str:
        if self.resumed_from == self.steps:
            return f"{self.folder} is done already: {self.steps:,} steps"
        loss = "" if self.loss is None else f", loss {self.loss:.3f}"
        best = "" if self.best_step is None else f", best step {self.best_step:,}"
        since = f" (continued from {self.resumed_from:,})" if self.resumed_from else ""
        return f"{self.folder}: {self.steps:,} steps{since}{loss}{best}, {self.seconds:,.0f} s"
