"""Losses on held-out examples, per language, while training; and which step they say is best."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch

from xlgen.data.batches import Batch, batches_by_length
from xlgen.data.examples import TokenizedExample
from xlgen.errors import InputError
from xlgen.methods.base import Adapted
from xlgen.model.t5 import shift_right
from xlgen.progress import progress
from xlgen.training.folder import RunFolder
from xlgen.training.loss import LossSum, mean_nats, sequence_loss
from xlgen.training.precision import Precision, autocast, device_of

Validation = Mapping[str, Mapping[str, float]]


class Settings(Protocol):
    """What validation reads of the training's settings."""

    @property
    def batch_size(self) -> int: ...
    @property
    def micro_batch(self) -> int | None: ...
    @property
    def precision(self) -> Precision: ...


def batch_loss(adapted: Adapted, batch: Batch, *, z_loss: float = 0.0) -> LossSum:
    """Encode, decode and sum the loss of one batch. The only way from a batch to a loss."""
    encoded = adapted.encode(batch)
    mask_BT = batch.target_mask_BT
    hidden_ND = adapted.model.decode(shift_right(batch.target_BT), encoded, mask_BT)
    target_N, head_VD = batch.target_BT[mask_BT], adapted.model.head.weight
    return sequence_loss(hidden_ND, head_VD, target_N=target_N, z_loss=z_loss)


@torch.no_grad()
def validation_losses(
    adapted: Adapted,
    examples: Iterable[TokenizedExample],
    *,
    settings: Settings,
) -> dict[str, dict[str, float]]:
    """Return {language: {"loss": nats per target token}}, without dropout or z-loss.

    Tokens are pooled within a language. Batches hold one language each, so that a language's loss does
    not depend on which others are validated.
    """
    batch_size = settings.micro_batch or settings.batch_size
    by_language: dict[str, list[TokenizedExample]] = defaultdict(list)
    for example in examples:
        by_language[example.language].append(example)
    was_training, device = adapted.training, device_of(adapted)
    adapted.eval()
    try:
        losses = {}
        for language, group in progress(sorted(by_language.items()), "Validating"):
            nats, tokens = 0.0, 0
            for batch in batches_by_length(group, batch_size=batch_size):
                with autocast(device, settings.precision):
                    loss = batch_loss(adapted, batch.to(device))
                nats, tokens = nats + float(loss.nats), tokens + loss.tokens
            losses[language] = {"loss": mean_nats(nats, tokens)}
        return losses
    finally:
        adapted.train(was_training)


def best_step(
    metrics: Sequence[Mapping[str, Any]],
    steps: Iterable[int],
    *,
    languages: Sequence[str] | None = None,
) -> int | None:
    """Return which of `steps` has the lowest validation loss, each language counting the same.

    `metrics` are the lines of metrics.jsonl; `languages` are those that count, all if None. Steps without
    a loss in each of them do not count; ties go to the earlier step; None where no step has them.

    >>> lines = [{"step": 1, "validation": {"en": {"loss": 3.0}, "th": {"loss": 5.0}}},
    ...          {"step": 2, "validation": {"en": {"loss": 2.0}, "th": {"loss": 5.5}}}]
    >>> best_step(lines, [1, 2])
    2
    """
    known = set(steps)
    means = {}
    for line in metrics:
        validation: Validation | None = line.get("validation")
        if validation and line["step"] in known:
            counted = languages or list(validation)
            if all(code in validation for code in counted):
                losses = [validation[code]["loss"] for code in counted]
                means[line["step"]] = sum(losses) / len(losses)
    return min(means, key=lambda step: (means[step], step)) if means else None


def choose_step(run: RunFolder, *, languages: Sequence[str]) -> int:
    """Return a run's best step; raise `InputError`, naming what was validated, where it has none."""
    metrics, steps = run.read_metrics(), run.steps.steps()
    best = best_step(metrics, steps, languages=languages)
    if best is None:
        lines = [line for line in metrics if line["step"] in steps and "validation" in line]
        validated = sorted({code for line in lines for code in line["validation"]})
        raise InputError(
            f"{run.path}: no stored step has a validation loss in {', '.join(languages) or 'anything'}, "
            f"so that none is the best (validated: {', '.join(validated) or 'nothing'}); "
            "choose the checkpoint `last` or a step's number"
        )
    return best


def refuse_unwatched(languages: Iterable[str], watched: Collection[str]) -> None:
    """Raise `InputError` where the best step is to be chosen on languages that no example validates."""
    missing = [code for code in languages if code not in watched]
    if missing:
        has = sorted(watched)
        raise InputError(
            f"select_on: the best step is chosen on {', '.join(missing)}, but validation has only "
            f"{', '.join(has)}; set select_on={json.dumps(has)} or add examples"
        )
