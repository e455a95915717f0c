"""What every method offers: a frozen configuration that attaches to a model.

To add one, write a file with a frozen dataclass under `Method` and add its line to METHODS; the contract
tests (only its own parameters change, its state round-trips, the rest stays bit-identical) run unasked.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from xlgen.data.batches import Batch
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.methods import METHODS
from xlgen.model.t5 import T5, Encoded
from xlgen.registry import Table


class Adapted(nn.Module):
    """A model with a method attached; as it stands, the plain model."""

    def __init__(self, model: T5) -> None:
        super().__init__()
        self.model = model

    def encode(self, batch: Batch) -> Encoded:
        """Encode the batch's inputs as the method sees them."""
        return self.model.encode(batch.input_BL, batch.input_mask_BL)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Return what the method trains, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """Return the trained tensors (detached, not copied): all that a checkpoint needs."""
        return {name: parameter.detach() for name, parameter in self.trainable().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Copy a saved state in; raises `InputError` where names or shapes do not fit."""
        own = self.trainable()
        if own.keys() != state.keys():
            odd = sorted(own.keys() ^ state.keys())[0]
            raise InputError(
                f"the state does not fit the method: tensor {odd!r} is on one side only"
            )
        for name, parameter in own.items():
            if parameter.shape != state[name].shape:
                raise InputError(
                    f"{name!r} has shape {list(state[name].shape)}, the model needs "
                    f"{list(parameter.shape)}; was it trained on another model or length?"
                )
            parameter.data.copy_(state[name])

    def export(self, folder: Path, *, base: str) -> None:
        """Write what is trained in a format that other libraries read, if there is one.

        `base` names the model. By default nothing is written: a checkpoint holds the state anyway.
        """


@dataclass(frozen=True)
class Method(ABC):
    """The configuration of a method. `name` is its entry in METHODS.

    `tunes_model`: whether the model's own weights are trained, all of them, or stay as they are.
    """

    table: ClassVar[Table] = METHODS
    name: ClassVar[str]
    tunes_model: ClassVar[bool] = False

    @property
    def added(self) -> int:
        """How many positions stand before each input."""
        return 0

    @property
    def basis(self) -> Path | None:
        """The file whose tensors stay as they are beside those that are trained, if there is one."""
        return None

    def for_text(self, languages: Sequence[str], tasks: Sequence[str]) -> "Method":
        """Return the method as it is tuned on `tasks` over text in `languages`, or refuse them."""
        return self

    @abstractmethod
    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        """Return the model adapted; exactly the method's parameters require gradients."""
