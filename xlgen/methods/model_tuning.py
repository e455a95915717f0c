"""ModelTuning: every weight of the model is trained (paper section 2.2.2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from xlgen.data.tokenizer import Tokenizer
from xlgen.methods.base import Adapted, Method
from xlgen.model.load import save_model
from xlgen.model.packaged import find_model, open_tokenizer
from xlgen.model.t5 import T5


@dataclass(frozen=True)
class ModelTuning(Method):
    """Train all weights."""

    name: ClassVar[str] = "model-tuning"
    tunes_model: ClassVar[bool] = True

    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        return TunedModel(model.requires_grad_(True))


class TunedModel(Adapted):
    """A model of which every weight is trained."""

    def export(self, folder: Path, *, base: str) -> None:
        """Write a model folder: a run can start from it, and transformers opens it.

        In float32, as it was trained: a small step would be lost in bfloat16.
        """
        tokenizer = open_tokenizer(find_model(base))
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(folder)
        save_model(self.model, folder, dtype=torch.float32)
