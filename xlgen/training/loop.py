"""The one training loop: batches -> loss -> gradients -> update -> metrics -> checkpoint.

A run that is killed at any moment and started again ends with the same bits as one that never stopped, on
a CPU: data and dropout are pure functions of (seed, step), and everything else is in the checkpoint. CUDA
gets the same data and seeds, but adds up attention's gradients in no fixed order.
"""

import contextlib
import hashlib
import logging
import math
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import torch

from xlgen.data.batches import Batch, Prefetch, Stream
from xlgen.errors import InputError
from xlgen.methods.base import Adapted
from xlgen.progress import progress
from xlgen.training.board import Board
from xlgen.training.checkpoint import Checkpoint, fingerprint
from xlgen.training.folder import RunFolder
from xlgen.training.gradients import make_gradients
from xlgen.training.loss import gradient_divisor, mean_nats
from xlgen.training.optim import global_norm, scale_gradients
from xlgen.training.precision import (
    describe_device,
    device_of,
    memory_told,
    prepare_cpu,
    warn_of_slow_precision,
)
from xlgen.training.settings import Tally, TrainingConfig, TrainingResult
from xlgen.training.signals import Stopped, StopRequest
from xlgen.training.validation import Validation, best_step
from xlgen.training.workers import workers

log = logging.getLogger(__name__)


class DivergedError(InputError):
    """A loss or a gradient that is no number. No update was made of it."""


def train(
    adapted: Adapted,
    stream: Stream,
    *,
    config: TrainingConfig,
    folder: RunFolder,
    validate: Callable[[int], Validation] | None = None,
    select_on: Sequence[str] | None = None,
    on_checkpoint: Callable[[int, Path], None] | None = None,
) -> TrainingResult:
    """Train to `config.steps`, from the newest checkpoint in `folder` that verifies, if there is one.

    `folder` must be entered, so that no other process writes there. `validate(step)` returns
    {language: {"loss": ...}}; it may be cut short and called again, and must change nothing. The best step,
    which `config.keep` never removes, is the one with the lowest loss in `select_on` (None: in all).

    Raises DivergedError for a loss or gradient that is no number, and Stopped after SIGTERM or SIGINT; both
    with the last good step stored.
    """
    prepare_cpu()
    if workers().follows:
        follow(adapted, stream, config=config)
    workers().ready()
    device = device_of(adapted)
    warn_of_slow_precision(device, config.precision)
    with torch.random.fork_rng([device] if device.type == "cuda" else []), StopRequest() as stop:
        run = Training(adapted, stream, config, folder, stop, validate, select_on, on_checkpoint)
        try:
            with contextlib.closing(run), memory_told(config.less_memory):
                return run.run()
        except OSError as error:
            raise InputError(
                f"{error.filename or folder.path}: {error.strerror or error}; nothing stored is "
                "lost: free the disk and start the run again to continue"
            ) from error


class Training:
    """A run in progress: `step` updates are done."""

    def __init__(
        self,
        adapted: Adapted,
        stream: Stream,
        config: TrainingConfig,
        folder: RunFolder,
        stop: StopRequest,
        validate: Callable[[int], Validation] | None,
        select_on: Sequence[str] | None,
        on_checkpoint: Callable[[int, Path], None] | None,
    ) -> None:
        self.adapted, self.config, self.folder = adapted, config, folder
        self.stream = Prefetch(stream)
        self.stop, self.validate, self.on_checkpoint = stop, validate, on_checkpoint
        self.select_on = select_on
        self.device, self.workers = device_of(adapted), workers()
        self.parameters = adapted.trainable()
        for name, parameter in self.parameters.items():
            if parameter.dtype != torch.float32:
                raise InputError(f"{name} is {parameter.dtype}; what is trained must be float32")
        self.updater = config.optimizer.make(self.parameters)
        self.step, self.tally = 0, Tally()
        self.resumed_from: int | None = None
        self.last_loss: float | None = None
        self._board = Board(folder.path / "log")

    def run(self) -> TrainingResult:
        """Do what is left to do."""
        self._resume()
        if not self.tally.logged:
            self._report()
        if self.step < self.config.steps:
            log.info("training on %s, %s", describe_device(self.device), self.config.precision)
        with progress(self.config.steps, "Training", done=self.step) as bar:
            while self.step < self.config.steps:
                self._stop_if_asked()
                start = time.monotonic()
                self._update()
                self.tally.seconds += time.monotonic() - start
                self._report()
                if self._is_due(self.config.checkpoint_every):
                    self._checkpoint()
                bar.advance(note="" if self.last_loss is None else f"loss {self.last_loss:.3f}")
        self._stop_if_asked()
        return self._result()

    def close(self) -> None:
        """Close the TensorBoard log, and read no further ahead."""
        self.stream.close()
        self._board.close()

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.steps

    def _resume(self) -> None:
        store = self.folder.steps
        store.sweep()
        newest = store.read_newest()
        if newest is None:
            self.folder.truncate_metrics(0)
            return
        if newest.step > self.config.steps:
            raise InputError(
                f"{self.folder.path} has {newest.step} steps, the configuration asks for "
                f"{self.config.steps}; raise training.steps or choose another folder"
            )
        self._load(newest)
        store.set_aside_newer(self.step)
        self.folder.truncate_metrics(self.step if self.tally.logged else self.step - 1)

    def _load(self, checkpoint: Checkpoint) -> None:
        prefix = "optimizer/"
        self.adapted.load_state(checkpoint.parameters)
        self.updater.load_state(
            {
                k.removeprefix(prefix): t
                for k, t in checkpoint.tensors.items()
                if k.startswith(prefix)
            }
        )
        self.step = self.resumed_from = checkpoint.step
        self.tally = Tally(**checkpoint.facts["tally"])
        odd = checkpoint.elsewhere(fingerprint(self.device))
        if odd:
            log.warning("continuing elsewhere than before (%s): bits may differ", ", ".join(odd))

    def _update(self) -> None:
        """Make one update from one batch, or raise DivergedError and make none."""
        batches = self.stream.batch(self.step)
        self.workers.begin(self.step, self.parameters)
        counts = make_gradients(
            self.adapted, self.workers.share(batches), step=self.step, config=self.config
        )
        total = self.workers.collect(self.parameters, counts).tolist()
        nats, tokens, examples = total[0], int(total[1]), int(total[2])
        divisor = gradient_divisor(self.config.normalization, tokens=tokens, examples=examples)
        norm = float(global_norm(self.parameters)) / divisor
        if not (math.isfinite(norm) and math.isfinite(nats)):
            self._diverge(batches, loss=mean_nats(nats, tokens), norm=norm)
        scale = 1 / divisor
        if self.config.gradient_clip is not None and norm > self.config.gradient_clip:
            scale *= self.config.gradient_clip / norm
        if scale != 1:
            scale_gradients(self.parameters, scale)  # once: a pass over all of them
        self.updater.update(self.step, learning_rate=self.config.schedule.rate(self.step))
        for parameter in self.parameters.values():
            parameter.grad = None
        self.step += 1
        self.tally.logged = False
        self.tally.gradient_norm = norm
        self.tally.recent_nats += nats
        self.tally.recent_tokens += tokens
        self.tally.tokens += tokens

    def _diverge(self, batches: list[Batch], *, loss: float, norm: float) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None
        name = f"diverged-step-{self.step + 1:07d}.json"
        ids = [batch.ids for batch in batches]
        facts = {"step": self.step + 1, "loss": str(loss), "gradient_norm": str(norm), "ids": ids}
        self.folder.write_json(name, facts)
        if self.step:
            self._checkpoint()
        raise DivergedError(
            f"step {self.step + 1}: loss {loss}, gradient norm {norm}; no update was made, step "
            f"{self.step} is the last good one, the batch's ids are in {self.folder.path / name}; "
            "lower the learning rate or look at those examples"
        )

    def _report(self) -> None:
        """Log and validate what is due; afterwards `tally.logged` says whether it was done."""
        if not self._is_due(self.config.log_every) and not self._validation_is_due():
            self.tally.logged = True
            return
        line: dict[str, Any] = {"step": self.step}
        if self._is_due(self.config.log_every):
            tally = self.tally
            line["loss"] = mean_nats(tally.recent_nats, tally.recent_tokens)
            line["tokens"], line["seconds"] = tally.tokens, round(tally.seconds, 3)
            line["learning_rate"] = self.config.schedule.rate(self.step - 1)
            line["gradient_norm"] = tally.gradient_norm
        if self._validation_is_due() and self.validate is not None:
            validate = self.validate
            validation = self.stop.interruptible(lambda: validate(self.step))
            if validation is None:
                return  # asked to stop: done again when the run continues
            line["validation"] = validation
        self.folder.append_metrics(line)
        self._board.draw(line, resumed_from=self.resumed_from)
        if "loss" in line:
            self.last_loss = line["loss"]
            self.tally.recent_nats, self.tally.recent_tokens = 0.0, 0
        self.tally.logged = True

    def _validation_is_due(self) -> bool:
        return self.validate is not None and self._is_due(self.config.validate_every)

    def _checkpoint(self) -> None:
        store = self.folder.steps
        if self.step in store.steps():
            return
        tensors = {f"parameter/{name}": t for name, t in self.adapted.state().items()}
        tensors |= {f"optimizer/{name}": t for name, t in self.updater.state().items()}
        self.folder.sync_metrics()
        path = store.save(
            self.step,
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            self._facts(),
        )
        if self.config.keep is not None:
            store.prune(keep=self.config.keep, best=self._best_step())
        if self.on_checkpoint is not None:
            self.on_checkpoint(self.step, path)

    def _facts(self) -> dict[str, Any]:
        """Return what the manifest tells beside the tensors."""
        config = self.folder.path / "config.json"
        sha256 = hashlib.sha256(config.read_bytes()).hexdigest() if config.exists() else None
        return {
            "example": self.step * self.config.batch_size,
            "config_sha256": sha256,
            "fingerprint": fingerprint(self.device),
            "tally": asdict(self.tally),
        }

    def _best_step(self) -> int | None:
        metrics, steps = self.folder.read_metrics(), self.folder.steps.steps()
        return best_step(metrics, steps, languages=self.select_on)

    def _stop_if_asked(self) -> None:
        if self.stop.number is not None and self.step:
            self._checkpoint()
        if self.stop.number is not None:
            raise Stopped(
                self.stop.number,
                f"stopped at step {self.step} of {self.config.steps}, which is stored in "
                f"{self.folder.path}; the same command continues",
            )

    def _result(self) -> TrainingResult:
        metrics = self.folder.read_metrics()
        losses = [line["loss"] for line in metrics if "loss" in line]
        return TrainingResult(
            folder=self.folder.path,
            steps=self.step,
            resumed_from=self.resumed_from,
            loss=losses[-1] if losses else None,
            best_step=self._best_step(),
            tokens=self.tally.tokens,
            seconds=self.tally.seconds,
        )


def follow(adapted: Adapted, stream: Stream, *, config: TrainingConfig) -> NoReturn:
    """Make the gradients that the first process asks for, until it is done: SystemExit then.

    Signals are its to answer.
    """
    team, parameters = workers(), adapted.trainable()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        step = team.next_step()
        team.receive(parameters)
        batches = team.share(stream.batch(step))
        counts = make_gradients(adapted, batches, step=step, config=config, worker=team.rank)
        team.collect(parameters, counts)
        for parameter in parameters.values():
            parameter.grad = None
