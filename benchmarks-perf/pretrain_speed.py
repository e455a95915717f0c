"""Pretraining tokens a second: ours against transformers' MT5 in a plain loop, with the same optimizer.

python benchmarks-perf/pretrain_speed.py --threads 2 --rounds 5
python benchmarks-perf/pretrain_speed.py --precision bf16          # both under autocast
python benchmarks-perf/pretrain_speed.py --peer-products ours      # transformers with our choice of products

Each round times one whole update (forward, loss, backward, clipping, optimizer) of each, one after the
other; the ratio of a round compares neighbours in time. Random tokens without padding, at the recipe's
lengths. It fails if the losses of the first update differ.

`limit` is what an update's matrix products alone would take at the rate of one large product on this machine.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

import torch
from limits import count_operations, device_clock, roofline
from peer import add_conditions, as_peer, as_transformers, set_conditions
from timing import clock_of, interleaved, medians, show
from transformers.optimization import Adafactor

from xlgen.data.batches import Batch, collate
from xlgen.data.examples import TokenizedExample
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.load import random_model
from xlgen.model.t5 import T5
from xlgen.recipes import RECIPES
from xlgen.recipes.pretrain import Pretraining
from xlgen.training.loss import mean_nats
from xlgen.training.optim import global_norm, scale_gradients
from xlgen.training.precision import autocast, best_device
from xlgen.training.validation import batch_loss

Update = Callable[[], float]
RATE = 1e-3


def make_batch(rows: int, inputs: int, *, targets: int, vocabulary: int) -> Batch:
    """Return a batch of random tokens without padding."""
    tokens = torch.randint(3, vocabulary, (rows, inputs + targets)).tolist()
    return collate(
        [
            TokenizedExample(str(i), "en", "", tuple(row[:inputs]), tuple(row[inputs:]))
            for i, row in enumerate(tokens)
        ]
    )


def ours(model: T5, batch: Batch, *, config: Pretraining) -> Update:
    """Return a function that makes one update as training.loop does, and returns its mean loss."""
    adapted = ModelTuning().attach(model, None, seed=0).train()
    parameters = adapted.trainable()
    updater = config.training.optimizer.make(parameters)

    def update() -> float:
        with autocast(batch.input_BL.device, config.training.precision):
            loss = batch_loss(adapted, batch)
        loss.objective.backward()
        norm = float(global_norm(parameters)) / loss.tokens
        scale_gradients(parameters, min(1.0, 1 / norm) / loss.tokens)
        updater.update(0, learning_rate=RATE)
        for parameter in parameters.values():
            parameter.grad = None
        return mean_nats(float(loss.nats), loss.tokens)

    return update


def theirs(model: T5, batch: Batch, *, config: Pretraining) -> Update:
    """Return a function that makes one update as a plain PyTorch loop over transformers does."""
    peer = as_transformers(model).train()
    optimizer = Adafactor(
        peer.parameters(), lr=RATE, relative_step=False, scale_parameter=True, warmup_init=False
    )

    def update() -> float:
        with autocast(batch.input_BL.device, config.training.precision):
            loss = peer(
                input_ids=batch.input_BL,
                attention_mask=batch.input_mask_BL,
                labels=batch.target_BT,
            ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return update


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="pretrain.nano")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    add_conditions(parser)
    options = parser.parse_args()
    compare(options)


def compare(options: argparse.Namespace) -> None:
    """Print rates, ratios and what bounds them."""
    conditions = set_conditions(options)
    device = best_device()
    config = RECIPES[options.recipe]()
    config = replace(config, training=replace(config.training, precision=options.precision))
    raw = config.task.raw_length(config.limits)
    lengths = config.task.lengths(raw)
    rows = options.batch or config.training.batch_size
    batch = make_batch(rows, lengths.input, targets=lengths.target, vocabulary=23_900).to(device)
    model = random_model(config.shape, seed=0).to(device)
    updates = {
        # copies the weights first
        "transformers": as_peer(theirs(model, batch, config=config), options),
        "xlgen": ours(model, batch, config=config),
    }
    first = {name: update() for name, update in updates.items()}
    tolerance = 1e-4 if options.precision == "fp32" else 0.05
    if abs(first["xlgen"] - first["transformers"]) > tolerance:
        sys.exit(f"the losses of the first update differ: {first}")
    clock = device_clock(device) if device.type == "cuda" else clock_of(options.threads)
    times = interleaved(updates, rounds=options.rounds, clock=clock)
    taken = medians(times)
    show(
        f"a pretraining update of `{options.recipe}`, {options.precision}, no padding, no dropout",
        times,
        limit=roofline(
            count_operations(updates["xlgen"]),
            taken=taken,
            device=device,
            clock=clock,
            dtype=torch.bfloat16 if options.precision == "bf16" else torch.float32,
        ),
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        raw_tokens_a_second={name: round(rows * raw / each) for name, each in taken.items()},
        conditions=conditions,
    )


if __name__ == "__main__":
    main()
