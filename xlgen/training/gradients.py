"""From micro-batches to summed gradients: what every process of a run does at a step."""

import random
from collections.abc import Iterable

import torch
from torch import Tensor

from xlgen.data.batches import Batch
from xlgen.methods.base import Adapted
from xlgen.training.precision import autocast, device_of
from xlgen.training.settings import TrainingConfig
from xlgen.training.validation import batch_loss


def make_gradients(
    adapted: Adapted,
    batches: Iterable[Batch],
    *,
    step: int,
    config: TrainingConfig,
    worker: int = 0,
) -> Tensor:
    """Add the summed loss's gradients to `.grad`; return float64 [nats, target tokens, examples]."""
    device = device_of(adapted)
    adapted.train()
    counts = torch.zeros(3, dtype=torch.float64, device=device)
    for number, batch in enumerate(batches):
        torch.manual_seed(dropout_seed(config.seed, step=step, micro_batch=number, worker=worker))
        with autocast(device, config.precision):
            loss = batch_loss(adapted, batch.to(device), z_loss=config.z_loss)
        loss.objective.backward()
        counts += torch.stack(
            [loss.nats, *(counts.new_tensor(n) for n in (loss.tokens, len(batch)))]
        )
    return counts


def dropout_seed(seed: int, *, step: int, micro_batch: int, worker: int = 0) -> int:
    """Return the seed of a micro-batch's dropout: nothing to store, whoever makes its gradients."""
    name = f"{seed}/{step}/{micro_batch}" + (f"/{worker}" if worker else "")
    return random.Random(name).getrandbits(63)
