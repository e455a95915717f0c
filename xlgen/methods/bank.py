"""A bank of sub-prompts on disk: one safetensors file of language halves and task halves.

Tensors are named `language/<code>` and `task/<name>`, each [P, D]; the metadata name the model they were
trained in front of. A composed pair is an ordinary prompt, which `save_prompt` writes for PEFT.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import replacing
from xlgen.methods.prompt_files import read_tensors_and_metadata, tensors_sha256
from xlgen.model.t5 import T5
from xlgen.registry import near_names

FORMAT = "xlgen prompt bank 1"
_ROWS = (
    1000  # of the embedding: enough to tell models apart, and read at once however large they are
)


@dataclass(frozen=True)
class Stack:
    """A language half before a task half, as adapters are stacked: Stack("th", "summarization")."""

    language: str
    task: str


@dataclass(frozen=True)
class PromptBank:
    """Halves by name, each [P, D] in float32, and the fingerprint of the model they belong to."""

    languages: dict[str, Tensor]
    tasks: dict[str, Tensor]
    model: str

    def language(self, code: str) -> Tensor:
        """Return a language half; raise `InputError` with near names where there is none."""
        return _half(self.languages, code, kind="language")

    def task(self, name: str) -> Tensor:
        """Return a task half; raise `InputError` with near names where there is none."""
        return _half(self.tasks, name, kind="task")

    def compose(self, stack: Stack) -> Tensor:
        """Return the prompt [2P, D] of a pair: the language half stands first."""
        return torch.cat([self.language(stack.language), self.task(stack.task)])

    def refuse_other_model(self, model: T5, *, path: Path) -> None:
        """Raise `InputError` unless the bank was trained in front of this very model."""
        if self.model != fingerprint(model):
            raise InputError(
                f"{path}: these sub-prompts were trained on another model; give the run that one, or "
                "train a bank on this"
            )

    def save(self, path: Path) -> None:
        """Write the bank whole or not at all."""
        tensors = {f"language/{code}": half for code, half in self.languages.items()}
        tensors |= {f"task/{name}": half for name, half in self.tasks.items()}
        tensors = {name: half.detach().float().contiguous().cpu() for name, half in tensors.items()}
        metadata = {"format": FORMAT, "model": self.model, "sha256": tensors_sha256(tensors)}
        with replacing(path) as partial:
            save_file(tensors, partial, metadata=metadata)


def read_bank(path: Path) -> PromptBank:
    """Read a bank; raises `InputError` for anything else than finite halves of one shape."""
    tensors, metadata = read_tensors_and_metadata(path)
    if metadata.get("format") != FORMAT or "model" not in metadata:
        raise InputError(f"{path}: no bank of sub-prompts; expected what a bank recipe exported")
    sides: dict[str, dict[str, Tensor]] = {"language": {}, "task": {}}
    for name, half_PD in tensors.items():
        side, _, key = name.partition("/")
        if side not in sides or not key or half_PD.ndim != 2 or not half_PD.isfinite().all():
            raise InputError(f"{path}: {name!r} is no finite half [length, width] of a side")
        sides[side][key] = half_PD.float()
    if len({half.shape for half in tensors.values()}) != 1 or not all(sides.values()):
        raise InputError(f"{path}: expected language and task halves of one shape")
    return PromptBank(sides["language"], sides["task"], metadata["model"])


def fingerprint(model: T5) -> str:
    """Return what tells a model apart: a hash of its first embedding rows and its output rows."""
    digest = hashlib.sha256()
    for weight in (model.shared.weight, model.head.weight):
        rows = weight.detach()[:_ROWS].to("cpu", torch.float32).contiguous()
        digest.update(rows.numpy().tobytes())
    return digest.hexdigest()


def _half(halves: dict[str, Tensor], name: str, *, kind: str) -> Tensor:
    if name not in halves:
        raise InputError(f"the bank has no {kind} half {name!r}: {near_names(name, list(halves))}")
    return halves[name]
