"""ModelTuning: every weight of the model is trained (paper section 2.2.2)."""

from dataclasses import dataclass
from typing import ClassVar

from xlgen.data.tokenizer import Tokenizer
from xlgen.methods.base import Adapted, Method
from xlgen.model.t5 import T5


@dataclass(frozen=True)
class ModelTuning(Method):
    """Train all weights."""

    name: ClassVar[str] = "model-tuning"

    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        return Adapted(model.requires_grad_(True))
