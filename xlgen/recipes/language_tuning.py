"""Language prompts: a prompt a language on the LM task, to see which languages a model has near each other.

xlgen train text.language_prompts text=DIR --out runs/languages
xlgen heatmap runs/languages --out heatmap.svg
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from xlgen.benchmarks.text import HELD_OUT, unlabeled_text
from xlgen.data.batches import BucketedStream, SideBySide
from xlgen.data.mixture import Mixture
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.families import mc4_code
from xlgen.methods.language_prompts import LanguagePrompts
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import weights_sha256
from xlgen.model.packaged import find_model, open_model
from xlgen.recipes import howto
from xlgen.recipes.base import RunConfig
from xlgen.tasks import Limits, UnsupervisedTask
from xlgen.tasks.lm import LM
from xlgen.tasks.unlabeled import UnlabeledExamples
from xlgen.training.folder import RunFolder
from xlgen.training.loop import TrainingConfig, TrainingResult, train
from xlgen.training.precision import best_device, memory_told
from xlgen.training.validation import validation_losses


@dataclass(frozen=True)
class LanguageTuning(RunConfig):
    """Tune a prompt on each language of `text` alone: as many runs, of `training` each, in one.

    A step takes `training.batch_size` examples of every language, apart from each other. Nothing
    that one language learns depends on which others there are, dropout's masks aside. `text` is a
    benchmark's name or a folder of `<language>.txt` in mC4's codes; of its held-out share
    `validation_segments` of each language are watched. The last step is exported.
    """

    name: ClassVar[str] = "language prompts"
    model: str = "nano"
    text: str = "howto0"
    languages: tuple[str, ...] | None = None
    task: UnsupervisedTask = field(default_factory=LM)
    prompt: PromptTuning = field(default_factory=lambda: PromptTuning(length=1))
    limits: Limits = field(default_factory=lambda: Limits(input=256, target=128))
    held_out: float = HELD_OUT
    validation_segments: int = 2
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.training.normalization != "none" or self.training.gradient_clip is not None:
            raise InputError(
                "training: normalization and gradient_clip look at the gradients of all languages "
                'together; language prompts need normalization="none" and gradient_clip=null'
            )

    def run(self, folder: Path) -> TrainingResult:
        """Train into `folder`, continuing what is there; export the last step."""
        find_model(self.model)  # a wrong name is said before the text is read
        model, tokenizer = open_model(self.model)
        examples = self.examples(tokenizer, split="train")
        method = LanguagePrompts(prompt=self.prompt, languages=tuple(examples.shards))
        adapted = method.attach(model, tokenizer, seed=self.training.seed)
        with memory_told("choose a smaller model, or free the GPU of other programs"):
            adapted.to(best_device())
        watched = [*self.examples(tokenizer, split="held_out").first(self.validation_segments)]
        with RunFolder(folder, self) as opened:
            opened.bind("model", self.model, sha256=weights_sha256(find_model(self.model)))
            opened.bind("text", self.text, sha256=examples.sha256)
            result = train(
                adapted,
                self.stream(examples),
                config=self.training,
                folder=opened,
                validate=lambda step: validation_losses(adapted, watched, settings=self.training),
            )
            adapted.export(folder / "export", base=self.model)
        return replace(result, best_step=None)  # each language would have another

    def examples(
        self, tokenizer: Tokenizer, *, split: Literal["train", "held_out"]
    ) -> UnlabeledExamples:
        """Return what the task makes of a split of the text; some languages may have nothing held out."""
        found = unlabeled_text(
            self.text, tokenizer, split=split, held_out=self.held_out, code_of=mc4_code
        )
        wanted = [mc4_code(code) for code in self.languages or found]
        for code in wanted:
            if code not in found and split == "train":
                raise InputError(
                    f"languages: {self.text} has no text in {code!r}, only in {', '.join(found)}; "
                    f"set text to a folder with {code}.txt"
                )
        shards = {code: found[code] for code in wanted if code in found}
        seed = self.training.seed
        return UnlabeledExamples(shards, (self.task,), tokenizer, self.limits, seed)

    def stream(self, examples: UnlabeledExamples) -> SideBySide:
        """Return each language's batches as a run on its text alone would make them."""
        streams = []
        for code, shard in examples.shards.items():
            alone = replace(examples, shards={code: shard})
            order = Mixture(alone.sizes, [1.0], self.training.seed)
            streams.append(BucketedStream(order, alone.at, self.training))
        return SideBySide(streams)


def language_prompts() -> LanguageTuning:
    """A prompt of one vector a language of the text, at the packaged size (appendix D)."""
    tuned = howto.prompt().training
    return LanguageTuning(
        limits=Limits(input=64, target=64),  # ours: which language it is shows in the first words
        # ours: one vector learns fast, and its losses hardly fall after some tens (docs/language-prompts.md)
        training=replace(tuned, steps=300, validate_every=50, checkpoint_every=50),
    )
