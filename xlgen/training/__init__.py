"""LOSS -> CHECKPOINT: the loss, the optimizers, the one loop, and the store of verified steps."""

from xlgen.registry import Table

OPTIMIZERS = Table(
    "optimizer",
    {"adafactor": "xlgen.training.optim:Adafactor", "adamw": "xlgen.training.optim:AdamW"},
)

SCHEDULES = Table(
    "schedule",
    {
        "constant": "xlgen.training.schedules:Constant",
        "warm-up": "xlgen.training.schedules:WarmUp",
        "rsqrt": "xlgen.training.schedules:Rsqrt",
        "cosine": "xlgen.training.schedules:Cosine",
    },
)
