"""Tuning on unlabeled text alone: banks of factorized prompts, and language modelling before a task.

xlgen train text.bank text=DIR --out runs/bank
xlgen train howto.factorized method.bank=runs/bank/export/bank.safetensors --out runs/fp
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from xlgen.benchmarks.text import HELD_OUT, unlabeled_text
from xlgen.data.batches import BucketedStream
from xlgen.data.examples import TokenizedExample
from xlgen.data.mixture import Mixture
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.methods.base import Adapted, Method
from xlgen.methods.factorized import FactorizedPrompts
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import weights_sha256
from xlgen.model.packaged import find_model, open_model
from xlgen.recipes import howto
from xlgen.recipes.base import RunConfig
from xlgen.tasks import Limits, UnsupervisedTask, unsupervised_tasks
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.unlabeled import UnlabeledExamples
from xlgen.training.folder import RunFolder
from xlgen.training.loop import TrainingConfig, TrainingResult, train
from xlgen.training.precision import best_device, memory_told
from xlgen.training.validation import choose_step, validation_losses


@dataclass(frozen=True)
class TextTuning(RunConfig):
    """Tune a method on what `tasks` make of `text`: a benchmark's name or a folder of `<language>.txt`.

    Tasks are drawn alike, `languages` (None: all that the text has) in proportion to tokens ** `alpha`. Of a
    benchmark its validation split is held out, of a folder the share `held_out` of the documents:
    `validation_segments` of each task and language are watched, where there are any, and the best
    checkpoint is the one with the lowest mean of the languages' losses.
    """

    name: ClassVar[str] = "text tuning"
    model: str = "nano"
    text: str = "howto0"
    languages: tuple[str, ...] | None = None
    tasks: tuple[UnsupervisedTask, ...] = (PrefixLM(),)
    method: Method = field(default_factory=PromptTuning)
    limits: Limits = field(default_factory=lambda: Limits(input=256, target=128))
    alpha: float = 0.3
    held_out: float = HELD_OUT
    validation_segments: int = 2
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def run(self, folder: Path) -> TrainingResult:
        """Train into `folder`, continuing what is there; export the best step."""
        find_model(self.model)  # a wrong name is said before the text is read
        model, tokenizer = open_model(self.model)
        examples = self.examples(tokenizer, languages=self.languages)
        method = self.method.for_text([*examples.shards], [task.name for task in self.tasks])
        adapted = method.attach(model, tokenizer, seed=self.training.seed)
        with memory_told("choose a smaller model, or free the GPU of other programs"):
            adapted.to(best_device())
        order = Mixture(examples.sizes, examples.rates(self.alpha), self.training.seed)
        stream = BucketedStream(order, examples.at, self.training)
        watched = self.watched(tokenizer, languages=[*examples.shards])
        languages = tuple(dict.fromkeys(example.language for example in watched))
        with RunFolder(folder, self) as opened:
            opened.bind("model", self.model, sha256=weights_sha256(find_model(self.model)))
            opened.bind("text", self.text, sha256=examples.sha256)
            if (bank := self.method.basis) is not None:
                opened.bind("bank", str(bank), sha256=opened.disk.sha256(bank))
            result = train(
                adapted,
                stream,
                config=self.training,
                folder=opened,
                validate=lambda step: validation_losses(adapted, watched, settings=self.training),
                select_on=languages,
            )
            self._export(adapted, opened, languages)
        return result

    def examples(
        self, tokenizer: Tokenizer, *, languages: Sequence[str] | None
    ) -> UnlabeledExamples:
        """Return what the tasks make of the text to train on."""
        shards = unlabeled_text(self.text, tokenizer, languages=languages, held_out=self.held_out)
        return UnlabeledExamples(shards, self.tasks, tokenizer, self.limits, self.training.seed)

    def watched(self, tokenizer: Tokenizer, *, languages: Sequence[str]) -> list[TokenizedExample]:
        """Return what they make of held-out text, the same in every run."""
        found = unlabeled_text(self.text, tokenizer, split="held_out", held_out=self.held_out)
        shards = {code: found[code] for code in languages if code in found}
        if not shards:
            raise InputError(
                f"held_out: no document in {', '.join(languages)} is held out of {self.text}, so no "
                "checkpoint could be chosen; raise held_out (0.005 is one in 200) or add text"
            )
        examples = UnlabeledExamples(shards, self.tasks, tokenizer, self.limits, 0)
        return [*examples.first(self.validation_segments)]

    def _export(self, adapted: Adapted, opened: RunFolder, languages: tuple[str, ...]) -> None:
        best = choose_step(opened, languages=languages)
        adapted.load_state(opened.steps.read(best).parameters)
        adapted.export(opened.path / "export", base=self.model)


def bank() -> TextTuning:
    """Language and task halves on all seven unsupervised tasks (factorized prompts, section 3.1)."""
    tuned = howto.prompt().training
    return TextTuning(
        method=FactorizedPrompts(),
        tasks=tuple(task() for task in unsupervised_tasks().values()),
        training=replace(tuned, steps=6000, validate_every=500, checkpoint_every=500),
    )


def lm_adaptation() -> TextTuning:
    """Prefix LM with all weights in all languages: what PromptTuning wants of a span-corruption model.

    `export/` is the model folder. (Lester et al. 2021; paper section 2.2.2)
    """
    tuned = howto.model()
    return TextTuning(method=tuned.method, training=replace(tuned.training, steps=2000))
