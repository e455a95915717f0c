"""Pretraining tokens a second: ours against transformers' MT5 in a plain loop, same shape and batch.

python benchmarks-perf/pretrain_speed.py --threads 2 --rounds 5

Each round times one whole update (forward, loss, backward, clipping, AdamW) of each, one after the other;
the ratio of a round compares neighbours in time. fp32; random tokens; span corruption's lengths.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from xlgen.data.batches import Batch, collate
from xlgen.data.examples import TokenizedExample
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.load import hugging_face_config, random_model
from xlgen.recipes import RECIPES
from xlgen.training.optim import global_norm, scale_gradients
from xlgen.training.precision import keep_freed_memory
from xlgen.training.validation import batch_loss


def make_batch(rows: int, inputs: int, targets: int, vocabulary: int) -> Batch:
    """Return a batch of random tokens without padding."""
    tokens = torch.randint(3, vocabulary, (rows, inputs + targets)).tolist()
    return collate(
        [
            TokenizedExample(str(i), "en", "", tuple(row[:inputs]), tuple(row[inputs:]))
            for i, row in enumerate(tokens)
        ]
    )


def ours(config, batch: Batch):
    """Return a function that makes one update as training.loop does."""
    adapted = ModelTuning().attach(random_model(config.shape, seed=0), None, seed=0).train()
    parameters = adapted.trainable()
    updater = config.training.optimizer.make(parameters)

    def update() -> None:
        loss = batch_loss(adapted, batch, z_loss=config.training.z_loss)
        loss.objective.backward()
        scale_gradients(parameters, 1 / loss.tokens)
        norm = float(global_norm(parameters))
        scale_gradients(parameters, min(1.0, 1 / norm))
        updater.update(0, learning_rate=1e-4)
        for parameter in parameters.values():
            parameter.grad = None

    return update


def theirs(config, batch: Batch):
    """Return a function that makes one update as a plain PyTorch loop over transformers does."""
    model = MT5ForConditionalGeneration(MT5Config(**hugging_face_config(config.shape))).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def update() -> None:
        loss = model(
            input_ids=batch.input_BL, attention_mask=batch.input_mask_BL, labels=batch.target_BT
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return update


def main() -> None:
    """Time both and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="pretrain.nano")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int)
    parser.add_argument("--malloc", choices=["default", "kept"], default="kept")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.malloc == "kept":
        keep_freed_memory()  # process-wide: both sides have it
    config = RECIPES[options.recipe]()
    raw = config.task.raw_length(config.limits)
    lengths = config.task.lengths(raw)
    rows = options.batch or config.training.batch_size
    batch = make_batch(rows, lengths.input, lengths.target, 23_900)
    updates = {"xlgen": ours(config, batch), "transformers": theirs(config, batch)}
    wall: dict[str, list[float]] = {name: [] for name in updates}
    cpu: dict[str, list[float]] = {name: [] for name in updates}
    for _ in range(options.rounds + 1):
        for name, update in updates.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            update()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - start_cpu)
    tokens = rows * raw
    ratios = [t / o for o, t in list(zip(cpu["xlgen"], cpu["transformers"]))[1:]]
    result = {
        "recipe": options.recipe,
        "threads": options.threads,
        "malloc": options.malloc,
        "raw_tokens_a_step": tokens,
        "raw_tokens_a_second": {k: round(tokens / min(v[1:])) for k, v in wall.items()},
        "raw_tokens_a_cpu_second": {k: round(tokens / min(v[1:])) for k, v in cpu.items()},
        "cpu_ratio_of_rounds": {
            "median": round(statistics.median(ratios), 2),
            "lowest": round(min(ratios), 2),
            "highest": round(max(ratios), 2),
        },
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
