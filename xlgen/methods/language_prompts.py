"""A prompt for each language before a frozen model (Vu et al. 2022, appendix D); and such prompts on disk."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from xlgen.data.batches import Batch
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.families import mc4_code
from xlgen.languages import LANGUAGES
from xlgen.methods.bank import read_bank
from xlgen.methods.base import Adapted, Method
from xlgen.methods.prompt_files import ADAPTER_CONFIG, read_prompt, save_prompt
from xlgen.methods.prompt_tuning import PromptAdapted, PromptTuning
from xlgen.model.t5 import T5, Encoded
from xlgen.registry import near_names


@dataclass(frozen=True)
class LanguagePrompts(Method):
    """Before each input stands the prompt of its language; all begin as the one that `prompt` makes.

    Each is a parameter of its own, so that an optimizer that looks at a whole parameter, as Adafactor
    does to scale and clip its updates, treats it as if it were alone.
    """

    name: ClassVar[str] = "language-prompts"
    prompt: PromptTuning = field(default_factory=lambda: PromptTuning(length=1))  # appendix D
    languages: tuple[str, ...] = tuple(LANGUAGES)

    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        if not self.languages or len(set(self.languages)) < len(self.languages):
            raise InputError(
                f"method.languages: expected codes, each once, got {list(self.languages)}"
            )
        begun = self.prompt.attach(model, tokenizer, seed=seed)
        if not isinstance(begun, PromptAdapted):
            raise InputError(f"expected prompt-tuning of each language, got {self.prompt.name}")
        return LanguagePromptsAdapted(model, begun.prompt, languages=self.languages)


class LanguagePromptsAdapted(Adapted):
    """A frozen model and the parameters `language/<code>`, each [P, D]."""

    def __init__(self, model: T5, start_PD: Tensor, *, languages: tuple[str, ...]) -> None:
        super().__init__(model)
        self.languages = languages
        for code in languages:
            self.register_parameter(f"language/{code}", nn.Parameter(start_PD.detach().clone()))

    def prompt(self, code: str) -> nn.Parameter:
        """Return a language's prompt [P, D]; raise `InputError` with near codes where there is none."""
        if code not in self.languages:
            near = near_names(code, list(self.languages))
            raise InputError(
                f"no prompt for the language {code!r}: {near}; train one in method.languages"
            )
        return self.get_parameter(f"language/{code}")

    def encode(self, batch: Batch) -> Encoded:
        prompts = {code: self.prompt(code) for code in batch.languages}
        rows = {code: row for row, code in enumerate(prompts)}
        # those of no example are there too, so that every parameter has a gradient: zero
        others = [self.prompt(code) for code in self.languages if code not in prompts]
        table_NPD = torch.stack([*prompts.values(), *others])
        prompt_BPD = table_NPD[[rows[code] for code in batch.languages]]
        return self.model.encode(batch.input_BL, batch.input_mask_BL, prompt_BPD)

    def export(self, folder: Path, *, base: str) -> None:
        """Write PEFT's folder of each language, named by its code."""
        for code in self.languages:
            save_prompt(self.prompt(code), folder / code, config=self.model.config, base=base)


def read_language_prompts(path: Path) -> dict[str, np.ndarray]:
    """Read prompts [P, D] by language code: of a run that exported them, a bank's file, or a folder.

    A folder holds for each language PEFT's folder or Google's `.npy`, named by mC4's code. Raises
    `InputError` for anything else, and where two are of one language.
    """
    folder = path / "export" if (path / "export").is_dir() else path
    bank = folder / "bank.safetensors" if folder.is_dir() else path
    if bank.is_file():
        return {mc4_code(code): half.numpy() for code, half in read_bank(bank).languages.items()}
    found: dict[str, np.ndarray] = {}
    for name, place in _prompts_in(folder):
        try:
            code = mc4_code(name)
        except InputError as error:
            raise InputError(f"{place}: {error}; name each prompt by its language") from error
        if code in found:
            raise InputError(f"{place}: a second prompt for {code!r}; take one of the two away")
        found[code] = read_prompt(place).numpy()
    if not found:
        raise InputError(
            f"{path}: no prompts in it; expected a run of text.language_prompts or text.bank, a bank's "
            "file, or a folder with a PEFT folder or an .npy file for each language, such as th.npy"
        )
    return found


def _prompts_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and place of what looks like a prompt; other files may lie beside."""
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.suffix == ".npy":
            yield place.stem, place
        elif (place / ADAPTER_CONFIG).is_file():
            yield place.name, place
