"""Several processes for one run: `torchrun --nproc-per-node 2 --no-python xlgen train ...`.

The first process is the run: it alone reads and writes the run folder, updates and validates. The others
follow: at each step they take the weights, make the gradients of their share of the batch and send them back.
So there is one optimizer, one writer and one place that decides to stop. NCCL on GPUs, gloo on CPUs.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import TracebackType

import torch
from torch import Tensor, distributed, nn

from xlgen.data.batches import Batch
from xlgen.training.precision import best_device

PATIENCE = timedelta(days=1)  # the first one may encode a corpus, or validate, for long
READY, END = -1, -2  # told in the place of a step

Parameters = Mapping[str, nn.Parameter]


class Workers:
    """The processes of a run; with `count` 1, as without torchrun, nothing is sent.

    Enter it around the whole run: the others wait there until the first process calls `ready`, because it
    makes what all would make at once, such as token shards; and leave with SystemExit when it leaves.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    def __enter__(self) -> "Workers":
        if self.follows:
            self.next_step()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.count > 1 and not self.follows:
            self._tell(END)
            _leave()

    @property
    def follows(self) -> bool:
        """Return whether this process is not the first."""
        return self.rank > 0

    def share(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return this process's rows of each micro-batch; none of one that is too small."""
        if self.count == 1:
            return list(batches)
        parts = [batch.rows(slice(self.rank, None, self.count)) for batch in batches]
        return [part for part in parts if len(part)]

    def ready(self) -> None:
        """Let the others begin."""
        if self.count > 1:
            self._tell(READY)

    def begin(self, step: int, parameters: Parameters) -> None:
        """Send the others a step to make the gradients of, and the weights to make them with."""
        if self.count > 1:
            self._tell(step)
            self.receive(parameters)

    def next_step(self) -> int:
        """Wait for what the first process says: READY or a step. Where it ends or is gone: SystemExit."""
        try:
            step = self._tell(END)
        except RuntimeError as error:  # gloo has no class of its own for a lost peer
            raise SystemExit(1) from error
        if step == END:
            _leave()
            raise SystemExit(0)
        return step

    def receive(self, parameters: Parameters) -> None:
        """Make the weights of all equal to those of the first process."""
        flat = torch.cat([parameter.detach().flatten() for parameter in parameters.values()])
        distributed.broadcast(flat, src=0)
        if self.follows:
            for parameter, values in _parts(parameters, flat):
                parameter.data.copy_(values)

    def collect(self, parameters: Parameters, counts: Tensor) -> Tensor:
        """Return the sums of `counts`; leave the gradients' sums in `.grad`. Both in the first process."""
        if self.count > 1:
            for parameter in parameters.values():
                if parameter.grad is None:  # no row of the batch was this process's
                    parameter.grad = torch.zeros_like(parameter)
            flat = torch.cat([p.grad.flatten() for p in parameters.values() if p.grad is not None])
            distributed.reduce(flat, dst=0)
            distributed.reduce(counts, dst=0)
            for parameter, values in _parts(parameters, flat):
                parameter.grad = values
        return counts

    def _tell(self, value: int) -> int:
        told = torch.tensor([value], device=best_device())
        distributed.broadcast(told, src=0)
        return int(told)


def _leave() -> None:
    distributed.barrier()  # whoever closes first would cut the others off
    distributed.destroy_process_group()


def _parts(parameters: Parameters, flat: Tensor) -> list[tuple[nn.Parameter, Tensor]]:
    pieces = flat.split([parameter.numel() for parameter in parameters.values()])
    return [(p, piece.view_as(p)) for p, piece in zip(parameters.values(), pieces, strict=True)]


@functools.cache
def workers() -> Workers:
    """Return the processes that torchrun started this one among, or this one alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
        return Workers()
    device = best_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("gloo" if device.type == "cpu" else "nccl", timeout=PATIENCE)
    return Workers(distributed.get_rank(), count)
