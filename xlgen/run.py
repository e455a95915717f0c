"""READ FIRST: the whole flow on one page. Text -> examples -> batches -> model -> scores.

An `Adaptation` is a run: a model, English labels, a method. `run` trains it into a folder; `open_run` brings
a trained folder back, and `evaluate_run` and `generate_file` use it. Each part is a table entry.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.base import first_examples
from xlgen.benchmarks.evaluate import System, evaluate
from xlgen.benchmarks.held_out import held_out_examples
from xlgen.benchmarks.text import unlabeled_text
from xlgen.config import override, read_config
from xlgen.data.batches import BucketedStream
from xlgen.data.examples import Example, TokenizedExample
from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.files import check_output, write_whole
from xlgen.generation.cleanup import remove_final_repeats
from xlgen.generation.generate import generate_text
from xlgen.generation.lead import lead, lead_length
from xlgen.generation.settings import BeamSettings
from xlgen.languages import SOURCE, language_code
from xlgen.methods.base import Adapted, Method
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import weights_sha256
from xlgen.model.packaged import find_model, open_model
from xlgen.progress import progress
from xlgen.recipes.base import RunConfig
from xlgen.sources.leaks import LEAKS
from xlgen.sources.readers import read_examples
from xlgen.tasks import Limits, labelled_task
from xlgen.tasks.mixing import Mix, mix_in
from xlgen.tasks.unlabeled import UnlabeledExamples
from xlgen.training.folder import RunFolder
from xlgen.training.loop import TrainingConfig, TrainingResult, train
from xlgen.training.precision import best_device, memory_told
from xlgen.training.validation import choose_step, refuse_unwatched, validation_losses


@dataclass(frozen=True)
class Data:
    """Where examples come from: a data set's name or a file, a split, languages, a column map.

    `language` is that of a file which has no such column; `languages` keeps the examples in those only.
    """

    source: str = "howto0"
    split: str | None = None
    language: str | None = None
    languages: tuple[str, ...] | None = None
    columns: dict[str, str] | None = None
    limit: int | None = None

    def examples(self) -> list[Example]:
        """Read the examples; `limit` counts per language, see `first_examples`."""
        read = read_examples(
            self.source,
            columns=self.columns,
            language=self.language,
            split=self.split,
            languages=self.languages,
        )
        languages = dict.fromkeys(example.language for example in read)
        groups = ([e for e in read if e.language == language] for language in languages)
        return [
            e for group in groups for e in first_examples(group, self.limit, source=self.source)
        ]


@dataclass(frozen=True)
class Adaptation(RunConfig):
    """Adapt a model to a task on `train`, watching `validation`; generate with `decoding`.

    The best checkpoint is the one with the lowest validation loss in `select_on` (English alone by
    default, since labels in other languages are what the user does not have). Training examples that give
    away held-out ones are refused, left out with `leaks="drop"`, or only warned of with "keep". `mix` puts
    unlabeled text between them.
    """

    name: ClassVar[str] = "adaptation"
    model: str = "nano"
    task: str = "summarization"
    train: Data = field(default_factory=lambda: Data(split="train", languages=(SOURCE,)))
    validation: Data = field(default_factory=lambda: Data(split="validation", limit=50))
    leaks: Literal["refuse", "drop", "keep"] = "refuse"
    select_on: tuple[str, ...] = (SOURCE,)
    method: Method = field(default_factory=PromptTuning)
    mix: Mix = field(default_factory=Mix)
    limits: Limits = field(default_factory=Limits)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: BeamSettings = field(default_factory=BeamSettings)

    def run(self, folder: Path) -> TrainingResult:
        """Train into `folder`; one that was begun is continued, one that is done is left alone."""
        find_model(self.model)  # a wrong name is said before the long checks
        labelled_task(self.task)
        train_examples, validation = self.train.examples(), self.validation.examples()
        refuse_unwatched(self.select_on, {example.language for example in validation})
        adapted, tokenizer = self.attach()
        unlabeled = self.unlabeled(tokenizer)
        held_out = [*validation, *held_out_examples(self.train.source)]
        train_examples = LEAKS[self.leaks](train_examples, held_out)
        tokenized = [self.tokenize(example, tokenizer) for example in train_examples]
        watched = [self.tokenize(example, tokenizer) for example in validation]
        order, example_at = mix_in(tokenized, unlabeled, mix=self.mix, seed=self.training.seed)
        stream = BucketedStream(order, example_at, self.training)
        with RunFolder(folder, self) as opened:
            opened.bind("model", self.model, sha256=self.weights())
            if (bank := self.method.basis) is not None:
                opened.bind("bank", str(bank), sha256=opened.disk.sha256(bank))
            if self.mix.kappa:
                opened.bind("text", self.mix.text, sha256=unlabeled.sha256)
            result = train(
                adapted,
                stream,
                config=self.training,
                folder=opened,
                validate=lambda step: validation_losses(adapted, watched, settings=self.training),
                select_on=self.select_on,
            )
            best = choose_step(opened, languages=self.select_on)
            adapted.load_state(opened.steps.read(best).parameters)
            adapted.export(folder / "export", base=self.model)
        return result

    def unlabeled(self, tokenizer: Tokenizer) -> UnlabeledExamples:
        """Return what `mix` puts between the labelled examples."""
        shards = {}
        if self.mix.kappa:
            shards = unlabeled_text(self.mix.text, tokenizer, languages=self.mix.languages)
        seed, tasks = self.training.seed, (self.mix.task,)
        return UnlabeledExamples(shards, tasks, tokenizer, self.limits, seed)

    def attach(self) -> tuple[Adapted, Tokenizer]:
        """Return the model, on the device, with the method attached; and its tokenizer."""
        model, tokenizer = open_model(self.model)
        adapted = self.method.attach(model, tokenizer, seed=self.training.seed)
        with memory_told("choose a smaller model, or free the GPU of other programs"):
            return adapted.to(best_device()), tokenizer

    def weights(self) -> str:
        """Return the SHA-256 of the model's weights as they are on disk now."""
        return weights_sha256(find_model(self.model))

    def tokenize(self, example: Example, tokenizer: Tokenizer) -> TokenizedExample:
        """Return the example as the task has it."""
        return labelled_task(self.task)().tokenize(example, tokenizer, limits=self.limits)


GENERATION = ("decoding.", "method.swap")  # settings that no weight depends on


@dataclass(frozen=True)
class OpenedRun:
    """A trained run, ready to generate: the method's state of one checkpoint on its model."""

    config: Adaptation
    adapted: Adapted
    tokenizer: Tokenizer
    step: int
    weights: str

    def predict(self, examples: Sequence[Example]) -> list[str]:
        """Generate a text for each example, in order."""
        task = labelled_task(self.config.task)
        tokenized = [self.config.tokenize(example, self.tokenizer) for example in examples]
        remedy = "free the GPU of other programs, or hide it (CUDA_VISIBLE_DEVICES=) to use the CPU"
        with progress(len(tokenized), "Generating") as bar, memory_told(remedy):
            return generate_text(
                self.adapted,
                tokenized,
                tokenizer=self.tokenizer,
                settings=self.config.decoding,
                clean=remove_final_repeats if task.removes_repeats else str,
                on_progress=bar.advance,
            )

    def system(self) -> System:
        """Return what a benchmark evaluates."""
        config = self.config
        stamp = {
            "model": config.model,
            "weights": self.weights,
            "checkpoint": self.step,
            "seed": config.training.seed,
            "decoding": config.decoding.signature,
        }
        return System(config.method.name, stamp, self.predict)


def open_run(folder: Path, checkpoint: str = "best", *, settings: Sequence[str] = ()) -> OpenedRun:
    """Open a run at a checkpoint: "best", "last" or a step's number. Its files are verified.

    `settings` are overrides (`key=value`) of what only generation depends on, see GENERATION.
    """
    config = read_config(RunConfig, folder / "config.json")
    if not isinstance(config, Adaptation):
        raise InputError(f"{folder}: expected an adaptation, got a {config.name} run")
    for setting in settings:
        if not setting.startswith(GENERATION):
            raise InputError(
                f"{setting}: {folder} was trained with its own; after training only "
                f"{', '.join(GENERATION)} may change"
            )
    config = override(config, settings)
    opened = RunFolder(folder)
    steps = opened.steps.steps()
    if not steps:
        raise InputError(f"{folder}: no checkpoint yet; run `xlgen train` on it first")
    step: int | None = steps[-1]
    if checkpoint == "best":
        step = choose_step(opened, languages=config.select_on)
    elif checkpoint != "last":
        step = int(checkpoint) if checkpoint.isdigit() and int(checkpoint) in steps else None
    if step is None:
        raise InputError(f"{folder}: no checkpoint {checkpoint!r}; best, last, or one of {steps}")
    weights = config.weights()
    opened.check("model", config.model, sha256=weights)
    adapted, tokenizer = config.attach()
    if (bank := config.method.basis) is not None:
        opened.check("bank", str(bank), sha256=opened.disk.sha256(bank))
    adapted.load_state(opened.steps.read(step).parameters)
    return OpenedRun(config, adapted.eval(), tokenizer, step, weights)


def evaluate_run(
    folder: Path,
    benchmark: str,
    *,
    split: str = "test",
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    checkpoint: str = "best",
    spm: Path | None = None,
) -> dict[str, Any]:
    """Generate and score one checkpoint of a run; return what its scores.json holds.

    SP-ROUGE counts the pieces of the SentencePiece model `spm`, by default the benchmark's whatever
    the run's own is, so that runs of several models compare.
    """
    chosen = BENCHMARKS[benchmark]
    system = open_run(folder, checkpoint).system()
    with RunFolder(folder).evaluating():
        return evaluate(
            system,
            chosen,
            folder=folder,
            tokenizer_path=spm,
            split=split,
            languages=languages,
            limit=limit,
        )


def evaluate_baseline(
    folder: Path,
    benchmark: str,
    *,
    baseline: str = "lead-64",
    split: str = "test",
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    spm: Path | None = None,
) -> dict[str, Any]:
    """Score LEAD-n on a benchmark into `folder`, which must be new or of this baseline.

    `n` counts the packaged tokenizer's pieces, whatever `spm` scores with; on a benchmark with its own
    pieces, those of the scores.
    """
    length = lead_length(baseline)
    chosen = BENCHMARKS[benchmark]
    own = (spm or chosen.tokenizer_path()) if chosen.pieces else None
    tokenizer = Tokenizer(own) if own else packaged_tokenizer()

    def predict(examples: Sequence[Example]) -> list[str]:
        return [lead(example.input, tokenizer, length=length) for example in examples]

    opened = RunFolder(folder)
    with opened.evaluating():
        opened.claim({"name": "baseline", "baseline": baseline}, what=baseline)
        return evaluate(
            System(baseline, {"decoding": baseline, "tokenizer": tokenizer.sha256[:8]}, predict),
            chosen,
            folder=folder,
            tokenizer_path=spm,
            split=split,
            languages=languages,
            limit=limit,
        )


def generate_file(
    folder: Path, *, language: str, input: Path, output: Path, checkpoint: str = "best"
) -> int:
    """Generate for every record of a file; return how many. The output is written whole or not at all."""
    code = language_code(language)
    examples = read_examples(input, language=code, require_target=False)
    check_output(output, input=input)
    predictions = open_run(folder, checkpoint).predict(examples)
    records = (
        {"id": example.id, "language": code, "input": example.input, "prediction": prediction}
        | ({"reference": example.target} if example.target else {})
        for example, prediction in zip(examples, predictions, strict=True)
    )
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    write_whole(output, "".join(lines))
    return len(lines)
