"""The start of pretraining: embedding and head as a language model of adjacent tokens, from counts alone.

xlgen train pretrain.nano_start corpus=DIR --out runs/start
xlgen train pretrain.nano corpus=DIR start=runs/start/model --out runs/nano

A model that will see little text spends most of it on learning which token follows which. Counting that over
the whole corpus takes seconds. The table is factorized, first as positive pointwise mutual information
(Levy and Goldberg 2014), then by descent on its own likelihood; what the layers add begins small, so that
the first logits are the factorized table's. Ours; docs/pretraining.md says what it brings.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from xlgen.benchmarks.text import HELD_OUT
from xlgen.data.mixture import temperature_rates
from xlgen.data.shards import Shard, ShardedText
from xlgen.data.tokenizer import Tokenizer
from xlgen.files import write_whole
from xlgen.model.load import random_model, save_model
from xlgen.model.t5 import T5, T5Config
from xlgen.progress import progress
from xlgen.recipes.base import RunConfig
from xlgen.recipes.copying import add_codes, bigram_width, start_copying
from xlgen.recipes.export import command
from xlgen.recipes.factors import Factors, factorize_pmi, marginals
from xlgen.recipes.pretrain import NANO, PICO, open_text, start_local
from xlgen.recipes.warm_start import E5Columns, GivenColumns
from xlgen.training.folder import RunFolder
from xlgen.training.precision import best_device


@dataclass(frozen=True)
class BigramResult:
    """The model folder that was written, and its held-out loss by language in nats a token."""

    model: Path
    losses: dict[str, float] | None

    def __str__(self) -> str:
        if self.losses is None:
            return f"{self.model}: done earlier"
        if not self.losses:
            return f"{self.model}: no text is held out, so no loss is known"
        mean = sum(self.losses.values()) / len(self.losses)
        return (
            f"{self.model}: held-out loss {mean:.3f} nats a token, "
            f"the mean of {len(self.losses)} languages"
        )


@dataclass(frozen=True)
class BigramStart(RunConfig):
    """Make the model folder that pretraining starts from.

    Each of `passes` goes over all rows of the table in batches of `rows`, with Adam at `learning_rate`
    falling to zero. `smoothing` counts of the unigram are added to each row. What attention and
    feed-forward add to the residual stream begins `damping` times as large as in T5. `codes` is the width
    of the codes by which the decoder copies from the source (`recipes.copying`); the bigrams have the rest.
    `e5` takes columns of theirs for a public table that has seen translations (`recipes.warm_start`): a
    variant, outside the paper's setting.
    """

    name: ClassVar[str] = "bigrams"
    corpus: Path | None = None
    tokenizer: Path | None = None
    shape: T5Config = NANO
    alpha: float = 0.5
    held_out: float = HELD_OUT
    passes: int = 12
    rows: int = 512
    learning_rate: float = 0.03
    smoothing: float = 1.0
    damping: float = 0.1
    codes: int = 0
    e5: E5Columns | None = None
    seed: int = 0

    def run(self, folder: Path) -> BigramResult:
        """Write `folder/model` with its card; what is there already is kept."""
        out = folder / "model"
        if (out / "README.md").is_file():
            return BigramResult(out, losses=None)
        text, tokenizer = open_text(self.corpus, self.tokenizer, held_out=self.held_out)
        given = self.given_columns(tokenizer)
        with RunFolder(folder, self) as opened:
            table = count_bigrams(text, vocabulary=self.shape.vocabulary, alpha=self.alpha)
            factors = self.fit(table, given_VG=given.columns_VG if given else None)
            losses = held_out_losses(factors, text)
            opened.write_json("losses.json", losses)
            save_model(
                self.make_model(factors, text_ids=tokenizer.text_ids),
                out,
                tokenizer_sha256=tokenizer.sha256,
            )
            if self.tokenizer is not None:
                shutil.copyfile(tokenizer.path, out / "spiece.model")
            write_whole(out / "README.md", self.card(text, losses, given=given))
        return BigramResult(out, losses)

    def given_columns(self, tokenizer: Tokenizer) -> GivenColumns | None:
        """Return the columns of the embedding that a public table gives, None where none does."""
        if self.e5 is None:
            return None
        room = bigram_width(self.shape, codes=self.codes)
        rows = self.shape.vocabulary
        return self.e5.make(tokenizer.text_pieces, rows=rows, room=room, seed=self.seed)

    def fit(self, table: csr_matrix, *, given_VG: Tensor | None = None) -> Factors:
        """Factorize the counts [V, V] of `next` after `token`, beside columns that are given."""
        totals, unigram = marginals(table)
        width = bigram_width(self.shape, codes=self.codes)
        if given_VG is None:
            factors = factorize_pmi(table, width=width, seed=self.seed)
        else:
            own = width - given_VG.shape[1]
            factors = factorize_pmi(table, width=own, seed=self.seed).beside(given_VG)
        device = best_device()
        factors = factors.to(device)
        unigram_V = torch.tensor(unigram, dtype=torch.float32, device=device)
        weight_V = torch.tensor(np.sqrt(totals + self.smoothing), dtype=torch.float32)
        parameters = [
            {"params": [factors.embedding_VD.requires_grad_()], "lr": 1.0},
            {
                "params": [factors.head_VD.requires_grad_()],
                "lr": 0.2,
            },  # its rows are as much smaller
        ]
        steps = list(self._batches(table.shape[0]))
        optimizer = torch.optim.Adam(parameters, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda n: self.learning_rate * min(1, (n + 1) / 20) * (1 - n / (len(steps) + 1)),
        )
        for rows in progress(steps, "Fitting bigrams"):
            counts_NV = torch.from_numpy(table[rows].toarray()).to(device)
            wanted_NV = counts_NV + self.smoothing * unigram_V
            wanted_NV /= wanted_NV.sum(1, keepdim=True)
            weight_N = weight_V[rows].to(device)
            loss = factors.losses(rows, wanted_NV) @ weight_N / weight_N.sum()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        fitted = Factors(factors.embedding_VD.detach(), factors.head_VD.detach(), factors.given_VG)
        unseen = np.flatnonzero(totals == 0)
        return fitted.to("cpu").tell_apart(unseen, seed=self.seed).joined()

    def _batches(self, vocabulary: int) -> Iterator[np.ndarray]:
        order = np.random.default_rng(self.seed)
        for _ in range(self.passes):
            yield from np.array_split(order.permutation(vocabulary), -(-vocabulary // self.rows))

    @torch.no_grad()
    def make_model(self, factors: Factors, *, text_ids: Sequence[int]) -> T5:
        """Return a fresh model around the factors; `text_ids` are the rows of running text."""
        model = random_model(self.shape, seed=self.seed)
        for stack in (model.encoder, model.decoder):
            start_local(stack)
        for name, parameter in model.named_parameters():
            if name.endswith(("output.weight", "down.weight")):
                parameter.mul_(self.damping)
        add_codes(
            model,
            embedding_VA=factors.embedding_VD,
            head_VA=factors.head_VD,
            text_ids=text_ids,
            seed=self.seed,
        )
        if self.codes:
            start_copying(model, codes=self.codes)
        return model

    def card(
        self, text: ShardedText, losses: dict[str, float], *, given: GivenColumns | None = None
    ) -> str:
        """Return what the folder's README says."""
        tokens = sum(text.counts("tokens").values())
        return "\n".join(
            [
                "# A start for pretraining: bigram embedding and head, fresh layers",
                "",
                *(given.warning() if given else []),
                f"- Counts of adjacent tokens over all {tokens:,} tokens of the corpus, languages weighted"
                f" by tokens ** {self.alpha}; {self.passes} passes over the table of counts",
                f"- Width for codes to copy by: twice {self.codes}",
                f"- Command: `{command(self, stage='_e5_start' if given else '_start')}`",
                f"- Tokenizer: SHA-256 {next(iter(text.manifests.values()))['tokenizer']}",
                "- Loss on held-out text, each token predicted from the one before (nats): "
                + ", ".join(f"{language} {loss:.2f}" for language, loss in losses.items()),
                *(given.facts() if given else []),
                "",
            ]
        )


def count_bigrams(text: ShardedText, *, vocabulary: int, alpha: float) -> csr_matrix:
    """Count how often `column` follows `row` [V, V]; languages weigh as they are drawn in pretraining."""
    shards = text.train.values()
    sizes = [len(shard.tokens) for shard in shards]
    table = csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    parts = list(zip(shards, sizes, temperature_rates(sizes, alpha), strict=True))
    for shard, size, rate in progress(parts, "Counting bigrams"):
        table += _count(shard, vocabulary) * (rate * sum(sizes) / size)
    return table


def held_out_losses(factors: Factors, text: ShardedText) -> dict[str, float]:
    """Return the mean loss of each language's held-out tokens given the one before, in nats."""
    return {
        language: _loss(factors, _count(shard, len(factors.head_VD)))
        for language, shard in text.held_out.items()
    }


@torch.no_grad()
def _loss(factors: Factors, counts: csr_matrix) -> float:
    seen = np.flatnonzero(np.diff(counts.indptr))
    total = sum(
        float(factors.losses(rows, torch.from_numpy(counts[rows].toarray())).sum())
        for rows in np.array_split(seen, -(-len(seen) // 1024))
    )
    return total / float(counts.sum())


def _count(shard: Shard, vocabulary: int) -> csr_matrix:
    tokens = np.asarray(shard.tokens, np.int64)
    pairs, counts = np.unique(tokens[:-1] * vocabulary + tokens[1:], return_counts=True)
    places = np.divmod(pairs, vocabulary)
    return csr_matrix((counts, places), (vocabulary, vocabulary), dtype=np.float32)


def nano() -> BigramStart:
    """What the packaged model's first stage starts from."""
    return BigramStart(codes=NANO.head_width)


def nano_e5() -> BigramStart:
    """A variant whose embedding has seen translations, which the paper forbids; set `e5.file`."""
    return replace(nano(), e5=E5Columns())


def pico() -> BigramStart:
    """The same for `pico`, which is too narrow for codes."""
    return BigramStart(shape=PICO)
