"""Optimizers: frozen configurations that `make` an `Updater` over named parameters.

An updater's state is a dict of tensors, so that a checkpoint needs nothing but safetensors.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from xlgen.errors import InputError
from xlgen.registry import Table
from xlgen.training import OPTIMIZERS

Parameters = dict[str, nn.Parameter]


class Updater:
    """What changes the parameters once a step."""

    def update(self, step: int, *, learning_rate: float) -> None:
        """Apply the gradients as update number `step`, counted from 0."""
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """Return the state's own tensors (not copies), named `<parameter>/<what>`."""
        raise NotImplementedError

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Copy a state saved by `state`; any missing, further or ill-shaped tensor is refused."""
        own = self.state()
        if set(own) != set(state):
            odd = sorted(set(own) ^ set(state))
            raise InputError(f"optimizer state does not fit the run: {odd[0]!r} on one side only")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise InputError(
                    f"optimizer state {name!r} has shape {tuple(state[name].shape)}, "
                    f"the run needs {tuple(tensor.shape)}"
                )
            tensor.copy_(state[name])


class Optimizer:
    """A configuration, chosen by name."""

    table: ClassVar[Table] = OPTIMIZERS
    name: ClassVar[str]

    def make(self, parameters: Parameters) -> Updater:
        """Return an updater over `parameters` with empty state."""
        raise NotImplementedError


@dataclass(frozen=True)
class Adafactor(Optimizer):
    """Adafactor as T5X has it (Shazeer and Stern 2018, without momentum).

    `step_offset` is subtracted from the step in the decay of the second moment, 1 - t^-decay with
    t = step + 1 - step_offset. T5X goes on counting after pretraining and leaves the offset 0, so that
    its tuning begins at t = 1,100,001 and the second moments are slow sums from the start; since our
    steps begin at 0, `step_offset=-1_100_000` says the same.

    Weight decay is not multiplied by the learning rate: p <- (1 - weight_decay) p - update.
    """

    name: ClassVar[str] = "adafactor"
    decay: float = 0.8
    step_offset: int = 0
    clipping: float | None = 1.0
    parameter_scale: bool = True
    weight_decay: float = 0.0
    smallest_factored: int = 128
    epsilon1: float = 1e-30
    epsilon2: float = 1e-3

    def make(self, parameters: Parameters) -> "AdafactorUpdater":
        return AdafactorUpdater(self, parameters)


class AdafactorUpdater(Updater):
    """Second moments of matrices are kept as row and column means, of anything else in full."""

    def __init__(self, config: Adafactor, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.moments = {
            name: self._empty_moments(parameter) for name, parameter in parameters.items()
        }

    def _empty_moments(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter.dim() > 2:
            shape = tuple(parameter.shape)
            raise ValueError(f"Adafactor takes at most 2 dimensions, got {shape}; flatten them")
        if parameter.dim() < 2 or min(parameter.shape) < self.config.smallest_factored:
            return {"v": torch.zeros_like(parameter, dtype=torch.float32)}
        long, short = _long_and_short(parameter)
        zeros = parameter.new_zeros
        return {
            "v_row": zeros(parameter.shape[short], dtype=torch.float32),
            "v_col": zeros(parameter.shape[long], dtype=torch.float32),
        }

    def state(self) -> dict[str, Tensor]:
        return {
            f"{name}/{kind}": tensor
            for name, moments in self.moments.items()
            for kind, tensor in moments.items()
        }

    @torch.no_grad()
    def update(self, step: int, *, learning_rate: float) -> None:
        keep = second_moment_decay(step - self.config.step_offset, self.config.decay)
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                raise ValueError(f"{name} has no gradient; a method must use all that it trains")
            self._update(parameter, parameter.grad.float(), self.moments[name], keep, learning_rate)

    def _update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        keep: np.float32,
        learning_rate: float,
    ) -> None:
        config = self.config
        if "v" in moments:
            change = self._plain_change(gradient, moments["v"], keep)
        else:
            change = self._factored_change(gradient, moments, keep)
        scale = torch.full_like(change[(0,) * change.dim()], learning_rate)
        if config.parameter_scale:
            scale *= _rms(parameter).clamp_(min=config.epsilon2)
        if config.clipping is not None:
            scale /= (_rms(change) / config.clipping).clamp_(min=1.0)
        if config.weight_decay:
            parameter.mul_(1 - config.weight_decay)
        parameter.addcmul_(change, scale, value=-1)

    def _plain_change(self, gradient: Tensor, v: Tensor, keep: np.float32) -> Tensor:
        square = gradient.square().add_(self.config.epsilon1)
        v.mul_(float(keep)).add_(square, alpha=float(np.float32(1) - keep))
        return torch.rsqrt(v, out=square).mul_(gradient)

    def _factored_change(
        self, gradient: Tensor, moments: dict[str, Tensor], keep: np.float32
    ) -> Tensor:
        long, short = _long_and_short(gradient)
        mix = float(np.float32(1) - keep)
        square = gradient.square()
        row, column = moments["v_row"], moments["v_col"]
        row.mul_(float(keep)).add_(square.mean(long).add_(self.config.epsilon1), alpha=mix)
        column.mul_(float(keep)).add_(square.mean(short).add_(self.config.epsilon1), alpha=mix)
        row_factor = (row / row.mean()).rsqrt_().unsqueeze(long)
        return torch.mul(gradient, row_factor, out=square).mul_(column.rsqrt().unsqueeze(short))


def second_moment_decay(step: int, exponent: float) -> np.float32:
    """Return 1 - (step + 1)^-exponent, in float32 as the source computes it."""
    if step < 0:
        raise InputError(f"Adafactor's step_offset lies {-step} steps ahead of the run; lower it")
    return np.float32(1) - np.float32(step + 1) ** np.float32(-exponent)


def _long_and_short(matrix: Tensor) -> tuple[int, int]:
    # "row" moments are means over the longer side, as in T5X
    return (0, 1) if matrix.shape[0] > matrix.shape[1] else (1, 0)


def _rms(tensor: Tensor) -> Tensor:
    return torch.linalg.vector_norm(tensor, dtype=torch.float32) / math.sqrt(tensor.numel())


@dataclass(frozen=True)
class AdamW(Optimizer):
    """AdamW as torch has it (Loshchilov and Hutter 2019): weight decay times the learning rate."""

    name: ClassVar[str] = "adamw"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    def make(self, parameters: Parameters) -> "AdamWUpdater":
        return AdamWUpdater(self, parameters)


class AdamWUpdater(Updater):
    """torch's fused AdamW with its state made at once, so that it can be saved before step 1."""

    def __init__(self, config: AdamW, parameters: Parameters) -> None:
        self.parameters = parameters
        self.torch_optimizer = torch.optim.AdamW(
            list(parameters.values()),
            betas=(config.beta1, config.beta2),
            eps=config.epsilon,
            weight_decay=config.weight_decay,
            fused=True,
        )
        for parameter in parameters.values():
            self.torch_optimizer.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def state(self) -> dict[str, Tensor]:
        return {
            f"{name}/{kind}": tensor
            for name, parameter in self.parameters.items()
            for kind, tensor in self.torch_optimizer.state[parameter].items()
        }

    def update(self, step: int, *, learning_rate: float) -> None:
        for group in self.torch_optimizer.param_groups:
            group["lr"] = learning_rate
        self.torch_optimizer.step()


def global_norm(parameters: Parameters) -> Tensor:
    """Return the Euclidean norm of all gradients together, as a scalar tensor."""
    norms = torch._foreach_norm([p.grad for p in parameters.values() if p.grad is not None])
    return torch.linalg.vector_norm(torch.stack([norm.float() for norm in norms]))


@torch.no_grad()
def scale_gradients(parameters: Parameters, factor: float) -> None:
    """Multiply all gradients in place."""
    torch._foreach_mul_([p.grad for p in parameters.values() if p.grad is not None], factor)
