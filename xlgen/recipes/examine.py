"""What a pretrained model is, by language on held-out text: how well it predicts, and whether it reads.

`xlgen show MODEL --corpus DIR`. DIR is the corpus of pretraining; its held-out documents are examined, so for
a model trained on other text it measures that too.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.data.shards import Shard, ShardedText
from xlgen.data.tokenizer import EOS, Tokenizer
from xlgen.errors import InputError
from xlgen.generation.sample import sample
from xlgen.languages import KNOWN
from xlgen.methods.base import Adapted
from xlgen.metrics.language import identify
from xlgen.model.packaged import open_model
from xlgen.model.packing import lengths_of
from xlgen.model.t5 import T5, shift_right
from xlgen.progress import progress
from xlgen.recipes.pretrain import Pretraining, open_text
from xlgen.recipes.trigrams import Trigrams
from xlgen.tasks import Limits
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.span_corruption import SpanCorruption
from xlgen.training.precision import best_device, device_of

if TYPE_CHECKING:
    from rich.table import Table

SPAN = Limits(input=256, target=128)
PREFIX = Limits(input=256, target=256)
CONTINUED = 48  # tokens of a continuation
BATCH = 8  # the head's output, [8, 256, 24064] in float32, takes 200 MB


@dataclass(frozen=True)
class Examined:
    """One language. Losses are nats a target token, shares 0 to 100; None where the text is too short.

    `blind` is span corruption's loss with another segment's source: as much above `span` as the source
    helps. `cloze`: how many hidden tokens are the model's first guess, given the true ones before. `bits`
    and `trigram_bits`: what a character of the prefix task's target costs the model, and Kneser-Ney
    trigrams of the language's training text. `right`: sampled continuations that CLD3 finds in the language;
    `really`: the same of the text that really follows, as much of it. (Greedy ones say the same again and
    again, and CLD3 takes such text for Japanese.)
    """

    language: str
    segments: int
    span: float
    blind: float | None
    cloze: float
    prefix: float
    bits: float
    trigram_bits: float
    right: float
    really: float


@dataclass(frozen=True)
class Examination:
    """All languages of a corpus."""

    languages: tuple[Examined, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return a record for each language."""
        return [asdict(examined) for examined in self.languages]

    def rows(self) -> list[list[str]]:
        """Return the heads, a line for each language, and the means of all."""
        names = [field.name for field in fields(Examined)][2:]
        lines = [
            [row.language, str(row.segments), *(_shown(getattr(row, name)) for name in names)]
            for row in self.languages
        ]
        means = (_shown(_mean([getattr(row, name) for row in self.languages])) for name in names)
        return [["", "n", *names], *lines, ["mean", "", *means]]

    def table(self) -> "Table":
        """Return a table for the terminal."""
        from rich.table import Table

        heads, *lines = self.rows()
        heads = [name.replace("_", "\n") for name in heads]
        table = Table(*heads, box=None, title="Held-out text")
        for column in table.columns[1:]:
            column.justify = "right"
        for line in lines:
            table.add_row(*line)
        return table

    def section(self, segments: int) -> str:
        """Return the card's section about it; `segments` is how many were asked for."""
        heads, *lines = self.rows()
        made = [heads, ["---", *["---:"] * (len(heads) - 1)], *lines]
        return "\n".join([
            "## What it is",
            "",
            f"Held-out text of the corpus: `xlgen show MODEL --corpus DIR --segments {segments}`. "
            "Losses (span, blind, prefix) in nats a target token; bits a character of the model and of "
            "trigrams; cloze, and continuations in the right language (and the text that really follows), "
            "in percent.",
            "",
            *(f"| {' | '.join(line)} |" for line in made),
        ])  # fmt: skip


def examine(model: str, corpus: Path, *, segments: int = 16) -> Examination:
    """Examine a model on at most `segments` held-out segments of each language of a corpus.

    Raises `InputError` where nothing is held out, or the corpus cannot be read.
    """
    opened, tokenizer = open_model(model)
    opened.to(best_device()).eval()
    text, _ = open_text(corpus, tokenizer.path, held_out=Pretraining().held_out)
    examined = Examiner(opened, text, tokenizer, segments)
    languages = progress(list(text.held_out), "Examining")
    found = tuple(examined.language(code) for code in languages)
    if not found:
        raise InputError(f"{corpus}: no document is held out; add text, some hundred documents")
    return Examination(found)


@dataclass(frozen=True)
class Examiner:
    """A model and the text to examine it on."""

    model: T5
    text: ShardedText
    tokenizer: Tokenizer
    segments: int

    def language(self, code: str) -> Examined:
        """Examine one language."""
        spans, prefixes = (
            self._examples(code, Pretraining(task=task, limits=limits))
            for task, limits in ((SpanCorruption(), SPAN), (PrefixLM(), PREFIX))
        )
        read = score_tokens(self.model, spans)
        turned = [
            replace(example, input=other.input)
            for example, other in zip(spans, [*spans[1:], *spans[:1]], strict=True)
        ]
        blind = [scores.nats for scores in score_tokens(self.model, turned)]
        text_ids = torch.tensor(self.tokenizer.text_ids)
        hidden = [
            scores.hits[torch.isin(torch.tensor(example.target), text_ids)]
            for scores, example in zip(read, spans, strict=True)
        ]
        ahead = [scores.nats for scores in score_tokens(self.model, prefixes)]
        characters = sum(len(self.tokenizer.decode(e.target)) for e in prefixes)
        bits = 1 / math.log(2) / max(1, characters)
        right, really = self._continued(code)
        return Examined(
            language=code,
            segments=len(spans),
            span=float(torch.cat([scores.nats for scores in read]).mean()),
            blind=float(torch.cat(blind).mean()) if len(spans) > 1 else None,
            cloze=100 * float(torch.cat(hidden).float().mean()),
            prefix=float(torch.cat(ahead).mean()),
            bits=sum(float(nats[:-1].sum()) for nats in ahead) * bits,
            trigram_bits=self._trigram_nats(code, prefixes) * bits,
            right=right,
            really=really,
        )

    def _examples(self, code: str, config: Pretraining) -> list[TokenizedExample]:
        shards = {code: self.text.held_out[code]}
        return [*config.examples(shards, self.tokenizer).first(self.segments)]

    def _trigram_nats(self, code: str, examples: Sequence[TokenizedExample]) -> float:
        """Return what the targets, without </s>, cost trigrams that see the source before them."""
        trigrams = Trigrams(self.text.train[code].tokens, vocabulary=self.tokenizer.size)
        nats = 0.0
        for example in examples:
            source, target = example.input[:-1], example.target[:-1]
            tokens = np.array([self.tokenizer.eos, *source, *target])
            first = len(tokens) - len(target)
            context = np.stack([tokens[first - 2 : -2], tokens[first - 1 : -1]], axis=1)
            nats -= float(np.log(trigrams.probabilities(context, tokens[first:])).sum())
        return nats

    def _continued(self, code: str) -> tuple[float, float]:
        """Return `right` and `really` for continuations of half a segment."""
        shard = self.text.held_out[code]
        count = min(self.segments, shard.segments(PREFIX.input))
        examples = [_half(shard, number) for number in range(count)]
        outputs: list[list[int]] = []
        for start in range(0, count, BATCH):
            batch = examples[start : start + BATCH]
            outputs += sample(Adapted(self.model), batch, length=CONTINUED, seed=start)
        return self._share(code, outputs), self._share(code, [e.target[:-1] for e in examples])

    def _share(self, code: str, texts: Sequence[Sequence[int]]) -> float:
        found = [identify(self.tokenizer.decode(tokens))[0] for tokens in texts]
        return 100 * sum(label == KNOWN[code].cld3 for label in found) / len(found)


@dataclass(frozen=True)
class TokenScores:
    """Of each target token [T]: its nats, and whether it was the likeliest."""

    nats: Tensor
    hits: Tensor


@torch.inference_mode()
def score_tokens(model: T5, examples: Sequence[TokenizedExample]) -> list[TokenScores]:
    """Score each target's tokens, each token given the true ones before it."""
    scored = []
    for start in range(0, len(examples), BATCH):
        batch = collate(examples[start : start + BATCH]).to(device_of(model))
        encoded = model.encode(batch.input_BL, batch.input_mask_BL)
        mask_BT = batch.target_mask_BT
        hidden_ND = model.decode(shift_right(batch.target_BT), encoded, mask_BT)
        logits_NV, target_N = model.head(hidden_ND).float(), batch.target_BT[mask_BT]
        nats_N = torch.nn.functional.cross_entropy(logits_NV, target_N, reduction="none")
        scores = (
            scores.cpu().split(lengths_of(mask_BT))
            for scores in (nats_N, logits_NV.argmax(1) == target_N)
        )
        scored += [TokenScores(nats_T, hits_T) for nats_T, hits_T in zip(*scores, strict=True)]
    return scored


def _half(shard: Shard, number: int) -> TokenizedExample:
    tokens = shard.document_segment(number, raw_length=PREFIX.input).tolist()
    middle = max(1, len(tokens) // 2)
    follows = tokens[middle : middle + CONTINUED]
    return TokenizedExample(str(number), "", "", (*tokens[:middle], EOS), (*follows, EOS))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
