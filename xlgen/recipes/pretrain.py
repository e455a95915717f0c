"""Pretrain a small multilingual T5 on text: span corruption, then prefix language modelling.

xlgen train pretrain.nano corpus=DIR --out runs/nano
xlgen train pretrain.nano_lm corpus=DIR start=runs/nano/model --out runs/nano_lm

DIR holds `<language>.txt`. The same command continues a run; each ends with a model folder, `model/`, and
its card. Rates and lengths are ours, docs/pretraining.md tells what is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch

from xlgen.benchmarks.text import HELD_OUT, corpus_text
from xlgen.data.batches import BucketedStream
from xlgen.data.mixture import Mixture
from xlgen.data.shards import Shard, ShardedText
from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.load import random_model
from xlgen.model.packaged import open_model
from xlgen.model.positions import position_bucket
from xlgen.model.t5 import T5, Stack, T5Config
from xlgen.recipes.base import RunConfig
from xlgen.recipes.export import export_model
from xlgen.sources.vocabulary import SENTINELS
from xlgen.tasks import Limits, UnsupervisedTask
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.span_corruption import SpanCorruption
from xlgen.tasks.unlabeled import UnlabeledExamples
from xlgen.training.folder import RunFolder
from xlgen.training.loop import TrainingConfig, TrainingResult, train
from xlgen.training.optim import Adafactor
from xlgen.training.precision import best_device
from xlgen.training.schedules import Cosine, WarmUp
from xlgen.training.validation import Validation, validation_losses

NANO = T5Config(
    vocabulary=24_064,  # 24,000 pieces, padded to a multiple of 64
    width=192,
    heads=6,
    head_width=32,
    feed_forward=512,
    encoder_layers=4,
    decoder_layers=4,
    dropout=0.0,  # as T5 1.1 and mT5 are pretrained
)
PICO = replace(
    NANO, width=32, heads=2, head_width=16, feed_forward=96, encoder_layers=2, decoder_layers=2
)


@dataclass(frozen=True)
class Pretraining(RunConfig):
    """Train all weights of a model on unlabeled text.

    `start` is a model to go on from (a packaged name or a folder), None for random weights of `shape`.
    Languages are drawn in proportion to tokens ** `alpha`. `validation_segments` held-out segments of each
    language are watched. Without `start`, `positions` "local" begins each attention head at its own
    distance (ours: a short run has no time to find them), "random" as T5.
    """

    name: ClassVar[str] = "pretraining"
    corpus: Path | None = None
    tokenizer: Path | None = None
    start: str | None = None
    shape: T5Config = NANO
    task: UnsupervisedTask = field(default_factory=SpanCorruption)
    limits: Limits = field(default_factory=lambda: Limits(input=512, target=114))
    alpha: float = 0.5
    held_out: float = HELD_OUT
    validation_segments: int = 8
    positions: Literal["random", "local"] = "local"
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def run(self, folder: Path) -> TrainingResult:
        """Train into `folder`, continuing what is there; export the last step to `folder/model`."""
        text, tokenizer = self.open_text()
        adapted = ModelTuning().attach(
            self.make_model(tokenizer), tokenizer, seed=self.training.seed
        )
        adapted.to(best_device())
        examples = self.examples(text.train, tokenizer, seed=self.training.seed)
        text.refuse_little(least=self.task.raw_length(self.limits))  # one segment
        order = Mixture(examples.sizes, examples.rates(self.alpha), self.training.seed)
        stream = BucketedStream(order, examples.at, self.training)
        watched = [*self.examples(text.held_out, tokenizer).first(self.validation_segments)]

        def validate(step: int) -> Validation:
            return validation_losses(adapted, watched, settings=self.training)

        with RunFolder(folder, self) as opened:
            opened.bind("text", str(self.corpus), sha256=text.sha256)
            result = train(adapted, stream, config=self.training, folder=opened, validate=validate)
        export_model(folder, folder / "model")
        return result

    def open_text(self) -> tuple[ShardedText, Tokenizer]:
        """Return the corpus as tokens, encoded now if it was not, and its tokenizer."""
        return open_text(self.corpus, self.tokenizer, held_out=self.held_out)

    def examples(
        self, shards: Mapping[str, Shard], tokenizer: Tokenizer, *, seed: int = 0
    ) -> UnlabeledExamples:
        """Return the task's examples of some text; held-out ones are the same in every run of a task."""
        return UnlabeledExamples(shards, (self.task,), tokenizer, self.limits, seed)

    def make_model(self, tokenizer: Tokenizer) -> T5:
        """Return the model to begin with, in float32 on the CPU."""
        if tokenizer.size > self.shape.vocabulary:
            raise InputError(
                f"{tokenizer.path} has {tokenizer.size:,} pieces, shape.vocabulary is "
                f"{self.shape.vocabulary:,}; raise it"
            )
        if self.start is None:
            fresh = random_model(self.shape, seed=self.training.seed).train()
            if self.positions == "local":
                for stack in (fresh.encoder, fresh.decoder):
                    start_local(stack)
            return fresh
        stored, own = open_model(self.start)
        if own.sha256 != tokenizer.sha256:
            raise InputError(
                f"{self.start}: made with tokenizer {own.sha256[:8]}, the run has "
                f"{tokenizer.sha256[:8]}; set tokenizer=FILE to the model's own"
            )
        if replace(stored.config, dropout=self.shape.dropout) != self.shape:
            raise InputError(f"{self.start} has the shape {stored.config}, not {self.shape}")
        model = T5(self.shape)
        model.load_state_dict(stored.state_dict())
        return model.train()


def open_text(
    corpus: Path | None, tokenizer: Path | None, *, held_out: float
) -> tuple[ShardedText, Tokenizer]:
    """Return a corpus as tokens, encoded now if it was not, and its tokenizer.

    Raises `InputError` for a tokenizer without T5's hundred sentinels.
    """
    if corpus is None:
        raise InputError("pretraining needs text: set corpus=DIR, a folder of <language>.txt")
    opened = Tokenizer(tokenizer) if tokenizer else packaged_tokenizer()
    opened.sentinel(SENTINELS - 1)  # refused now, not at the first text with so many spans
    return corpus_text(corpus, opened, held_out=held_out), opened


# The distance at which a head looks first, and how steeply it looks away from it, head by head.
LOCAL_HEADS = ((-1, 3.0), (1, 3.0), (-2, 2.0), (2, 2.0), (0, 1.0), (0, 0.0))


@torch.no_grad()
def start_local(stack: Stack) -> None:
    """Set the position bias of head h to -slope * log2(1 + |distance - centre|), in place."""
    furthest = stack.config.position_distance
    distance = torch.arange(-furthest, furthest + 1 if stack.bidirectional else 1)
    buckets = position_bucket(
        distance,
        bidirectional=stack.bidirectional,
        buckets=stack.config.position_buckets,
        furthest=furthest,
    )
    nearest = distance[distance.abs().argsort(descending=True, stable=True)]
    buckets = buckets[distance.abs().argsort(descending=True, stable=True)]
    for head in range(stack.config.heads):
        centre, slope = LOCAL_HEADS[head % len(LOCAL_HEADS)]
        centre = centre if stack.bidirectional else -abs(centre)
        bias = -slope * (1 + (nearest - centre).abs()).log2()
        for bucket, value in zip(
            buckets.tolist(), bias.tolist()
        ):  # the nearest comes last and stays
            stack.positions.weight[bucket, head] = value


def nano() -> Pretraining:
    """The packaged model's first stage: span corruption at a constant rate, 13 M parameters.

    The rate falls in the second stage only, so this one may be stopped, or made longer, at any step:
    `training.steps=N` continues it.
    """
    return Pretraining(
        training=TrainingConfig(
            steps=20_000,
            batch_size=16,
            window=1,
            # Adafactor's steps are in proportion to each matrix: T5's small query weights need small ones.
            # AdamW at 2e-3 drove attention's scores to +-40, and the loss stood still at 5.8.
            optimizer=Adafactor(),
            schedule=WarmUp(peak=1e-2, warm_up=50),
            normalization="tokens",
            gradient_clip=1.0,
            validate_every=200,
            checkpoint_every=100,
            keep=2,
        ),
    )


def nano_lm() -> Pretraining:
    """Its second stage: prefix language modelling from the first stage's end; set `start`."""
    return _adaptation(nano(), peak=1e-2, steps=4000)


def pico() -> Pretraining:
    """A smaller sibling for tests and studies of scale: 1.6 M parameters."""
    return replace(nano(), shape=PICO)


def pico_lm() -> Pretraining:
    """Its second stage; set `start`."""
    return _adaptation(pico(), peak=1e-2, steps=4000)


def _adaptation(first: Pretraining, *, peak: float, steps: int) -> Pretraining:
    training = replace(
        first.training,
        steps=steps,
        window=16,
        schedule=Cosine(peak=peak, warm_up=20, steps=steps),
    )
    return replace(first, task=PrefixLM(), limits=Limits(input=512, target=512), training=training)
