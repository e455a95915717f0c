"""PromptTuning: a frozen model behind P trained vectors (Lester et al. 2021; paper section 2.2.2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from xlgen.data.batches import Batch
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.methods.base import Adapted, Method
from xlgen.methods.prompt_files import read_prompt, save_prompt
from xlgen.model.t5 import T5, Encoded

LONGEST = 1000  # the paper's longest prompt (Figure 2c)


@dataclass(frozen=True)
class PromptTuning(Method):
    """Train `length` vectors that stand before every input, in the encoder only.

    `init` is one of: "vocabulary", a sample without replacement of the embedding's first `population`
    rows (prompt-tuning's from_sampled_vocab.gin); "text", the embeddings of `text`, repeated to the
    length; "uniform", uniform in [0, `spread`) (JAX's `uniform(scale)` is not symmetric); "file", a
    prompt read from `file` (a PEFT folder, a state.safetensors or Google's .npy).
    """

    name: ClassVar[str] = "prompt-tuning"
    length: int = 100
    init: Literal["vocabulary", "text", "uniform", "file"] = "vocabulary"
    population: int = 5000
    spread: float = 0.5
    text: str | None = None
    file: Path | None = None

    @property
    def added(self) -> int:
        return self.length

    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        if not 1 <= self.length <= LONGEST:
            raise InputError(f"method.length: expected 1 to {LONGEST}, got {self.length}")
        prompt_PD = INITS[self.init](self, model, tokenizer, torch.Generator().manual_seed(seed))
        return PromptAdapted(model.requires_grad_(False), prompt_PD.to(model.shared.weight.device))


class PromptAdapted(Adapted):
    """A frozen model and one prompt for all examples."""

    def __init__(self, model: T5, prompt_PD: Tensor) -> None:
        super().__init__(model)
        self.prompt = nn.Parameter(prompt_PD.detach().clone().float())

    def encode(self, batch: Batch) -> Encoded:
        prompt_BPD = self.prompt.expand(len(batch.ids), -1, -1)
        return self.model.encode(batch.input_BL, batch.input_mask_BL, prompt_BPD)

    def export(self, folder: Path, *, base: str) -> None:
        """Write the prompt as PEFT's folder."""
        save_prompt(self.prompt, folder, config=self.model.config, base=base)


def _from_vocabulary(
    method: PromptTuning, model: T5, tokenizer: Tokenizer, generator: torch.Generator
) -> Tensor:
    rows = min(method.population, tokenizer.size)
    if method.length > rows:
        raise InputError(
            f"method.length is {method.length}, but only {rows} vocabulary rows can be sampled; "
            "raise method.population or lower the length"
        )
    return model.shared.weight[torch.randperm(rows, generator=generator)[: method.length]]


def _from_text(
    method: PromptTuning, model: T5, tokenizer: Tokenizer, generator: torch.Generator
) -> Tensor:
    tokens = tokenizer.encode(method.text or "")
    if not tokens:
        raise InputError("method.init=text needs method.text, a text of at least one piece")
    repeated = (tokens * (method.length // len(tokens) + 1))[: method.length]
    return model.shared.weight[torch.tensor(repeated)]


def _uniform(
    method: PromptTuning, model: T5, tokenizer: Tokenizer, generator: torch.Generator
) -> Tensor:
    return torch.rand(method.length, model.config.width, generator=generator) * method.spread


def _from_file(
    method: PromptTuning, model: T5, tokenizer: Tokenizer, generator: torch.Generator
) -> Tensor:
    if method.file is None:
        raise InputError("method.init=file needs method.file, a prompt to start from")
    prompt_PD = read_prompt(method.file)
    wanted = (method.length, model.config.width)
    if tuple(prompt_PD.shape) != wanted:
        raise InputError(
            f"{method.file}: the prompt is {list(prompt_PD.shape)}, the run needs {list(wanted)}; "
            f"set method.length={prompt_PD.shape[0]} or choose the model it was trained on"
        )
    return prompt_PD


INITS = {
    "vocabulary": _from_vocabulary,
    "text": _from_text,
    "uniform": _uniform,
    "file": _from_file,
}
