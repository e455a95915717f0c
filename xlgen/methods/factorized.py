"""Factorized prompts: a language half and a task half that recombine (Vu et al. 2022, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from xlgen.data.batches import Batch
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES, SOURCE
from xlgen.methods.bank import PromptBank, fingerprint, read_bank
from xlgen.methods.base import Adapted, Method
from xlgen.methods.prompt_tuning import LONGEST
from xlgen.model.t5 import T5, Encoded
from xlgen.registry import near_names
from xlgen.tasks import unsupervised_tasks


@dataclass(frozen=True)
class FactorizedPrompts(Method):
    """Before each input stand `length` vectors of its language, then `length` of its task.

    Without `bank` both sides are trained, from vectors uniform in [0, `spread`). With `bank`, a file that
    such a run exported, its language halves stay as they are and the halves of `tasks` are trained, each
    from the bank's half `start`. `languages` None: those of the text tuned on, or of the bank. `swap`:
    generate behind the half of the example's own language (FP), or always behind English (FP-EN).
    """

    name: ClassVar[str] = "factorized-prompts"
    length: int = 50
    languages: tuple[str, ...] | None = None
    tasks: tuple[str, ...] = field(default_factory=lambda: tuple(unsupervised_tasks()))
    spread: float = 0.5  # the published code's; JAX's uniform is not symmetric
    bank: Path | None = None
    start: str = "span_corruption"
    swap: bool = True

    @property
    def added(self) -> int:
        return 2 * self.length

    @property
    def basis(self) -> Path | None:
        return self.bank

    def for_text(self, languages: Sequence[str], tasks: Sequence[str]) -> "FactorizedPrompts":
        """Return the method with a half for each language and task of a text; refuse others.

        A half without text would stay as it was drawn, and stand before texts as if it had learned.
        """
        method = replace(self, languages=self.languages or tuple(languages))
        for name, given in (("languages", languages), ("tasks", tasks)):
            halves = getattr(method, name)
            if self.bank is None and (idle := [one for one in halves if one not in given]):
                raise InputError(
                    f"method.{name}: nothing trains the halves of {', '.join(idle)}; set it to what the text "
                    f"has: {', '.join(given)}"
                )
            if lacking := [one for one in given if one not in halves]:
                raise InputError(
                    f"{name}: no half for {', '.join(lacking)}; leave them out, or name them in method.{name}"
                )
        return method

    def attach(self, model: T5, tokenizer: Tokenizer, *, seed: int) -> Adapted:
        if not 1 <= self.length <= LONGEST:
            raise InputError(f"method.length: expected 1 to {LONGEST}, got {self.length}")
        for name, names in (("languages", self.languages), ("tasks", self.tasks)):
            if names is not None and (not names or len(set(names)) < len(names)):
                raise InputError(f"method.{name}: expected names, each once, got {list(names)}")
        bank = self._stored(model) if self.bank else self._random(model, seed)
        return FactorizedAdapted(model.requires_grad_(False), bank, method=self)

    def _random(self, model: T5, seed: int) -> PromptBank:
        generator = torch.Generator().manual_seed(seed)
        shape = (self.length, model.config.width)

        def draw(names: tuple[str, ...]) -> dict[str, Tensor]:
            return {name: torch.rand(shape, generator=generator) * self.spread for name in names}

        languages = self.languages or tuple(LANGUAGES)
        return PromptBank(draw(languages), draw(self.tasks), fingerprint(model))

    def _stored(self, model: T5) -> PromptBank:
        assert self.bank is not None
        stored = read_bank(self.bank)
        stored.refuse_other_model(model, path=self.bank)
        begun = stored.task(self.start)
        if len(begun) != self.length:
            raise InputError(
                f"{self.bank}: its halves have {len(begun)} vectors; set method.length={len(begun)}"
            )
        tasks = dict.fromkeys(self.tasks, begun)
        return PromptBank(
            {code: stored.language(code) for code in self.languages or stored.languages},
            tasks,
            stored.model,
        )


class FactorizedAdapted(Adapted):
    """A frozen model and two tables of halves, `languages` and `tasks`, a half a row: [N, P * D] each."""

    def __init__(self, model: T5, bank: PromptBank, *, method: FactorizedPrompts) -> None:
        super().__init__(model)
        self.method, self.fingerprint = method, bank.model
        self.codes, self.names = tuple(bank.languages), tuple(bank.tasks)
        device = model.shared.weight.device
        languages, tasks = (
            torch.stack(list(side.values())).flatten(1).float().to(device)
            for side in (bank.languages, bank.tasks)
        )
        self.languages = nn.Parameter(languages, requires_grad=method.bank is None)
        self.tasks = nn.Parameter(tasks)

    def encode(self, batch: Batch) -> Encoded:
        spoken = batch.languages if self.method.swap else [SOURCE] * len(batch)
        languages_BX = self.languages[_rows(spoken, self.codes, kind="language")]
        tasks_BX = self.tasks[_rows(batch.tasks, self.names, kind="task")]
        prompt_BPD = torch.cat([self._halves(languages_BX), self._halves(tasks_BX)], dim=1)
        return self.model.encode(batch.input_BL, batch.input_mask_BL, prompt_BPD)

    def bank(self) -> PromptBank:
        """Return the halves as they are now."""
        return PromptBank(
            dict(zip(self.codes, self._halves(self.languages.detach()), strict=True)),
            dict(zip(self.names, self._halves(self.tasks.detach()), strict=True)),
            self.fingerprint,
        )

    def _halves(self, rows_NX: Tensor) -> Tensor:
        return rows_NX.unflatten(1, (self.method.length, -1))

    def export(self, folder: Path, *, base: str) -> None:
        """Write `bank.safetensors`; composed pairs go to PEFT by `save_prompt`."""
        self.bank().save(folder / "bank.safetensors")


def _rows(names: list[str], known: tuple[str, ...], *, kind: str) -> list[int]:
    places = {name: row for row, name in enumerate(known)}
    for name in names:
        if name not in places:
            raise InputError(
                f"no {kind} half for {name!r}: {near_names(name, list(known))}; train a bank with "
                f"method.{kind}s that hold it"
            )
    return [places[name] for name in names]
