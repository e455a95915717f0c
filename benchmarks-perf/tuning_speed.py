"""One tuning step, ours against transformers + peft: seconds, and the most memory each takes.

python benchmarks-perf/tuning_speed.py --method prompt --threads 2 --rounds 5
python benchmarks-perf/tuning_speed.py --method model --shape mt5-small --batch 4

Forward, loss, backward and Adafactor on the same padded batch, whose lengths are as uneven as texts' (with
`--even` all alike), with dropout as models are tuned (`--dropout 0` without). Steps are interleaved, the
ratio of a round compares neighbours in time. It fails if the losses of the first step without dropout
differ. Memory is measured in a process for each side (Linux): the highest resident set of two steps minus
that before them.
"""

import argparse
import gc
import json
import math
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import transformers
from peer import (
    SHAPES,
    Vocabulary,
    add_conditions,
    as_peer,
    as_peft,
    as_transformers,
    set_conditions,
    set_prompt,
)
from timing import clock_of, interleaved, medians, ratio
from transformers.optimization import Adafactor as TheirAdafactor

from xlgen.data.batches import Batch, collate
from xlgen.data.examples import TokenizedExample
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import random_model
from xlgen.model.t5 import T5
from xlgen.training.loss import mean_nats
from xlgen.training.optim import Adafactor
from xlgen.training.precision import use_onednn_products
from xlgen.training.validation import batch_loss

Step = Callable[[], float]
PROMPT = 100
RATE = {"prompt": 0.1, "model": 1e-3}


def make_batch(options: argparse.Namespace) -> Batch:
    """Return a batch of random tokens; lengths log-normal around 0.6 of the longest, or all alike."""
    draw = random.Random(0)

    def length(longest: int) -> int:
        uneven = int(draw.lognormvariate(math.log(0.6 * longest), 0.5))
        return longest if options.even else min(longest, max(4, uneven))

    def tokens(count: int) -> tuple[int, ...]:
        return (*(draw.randrange(3, 24_000) for _ in range(count - 1)), 1)

    return collate(
        [
            TokenizedExample(
                str(i), "en", "t", tokens(length(options.input)), tokens(length(options.target))
            )
            for i in range(options.batch)
        ]
    )


def make_model(options: argparse.Namespace) -> T5:
    """Return random weights with the dropout asked for."""
    return random_model(replace(SHAPES[options.shape], dropout=options.dropout), seed=0)


def ours(options: argparse.Namespace, batch: Batch) -> Step:
    """Return one step as the training loop makes it; it returns the mean loss."""
    model = make_model(options)
    method = PromptTuning(length=PROMPT) if options.method == "prompt" else ModelTuning()
    adapted = method.attach(model, Vocabulary(), seed=0).train()
    parameters = adapted.trainable()
    optimizer = Adafactor(parameter_scale=options.method == "model").make(parameters)

    def step() -> float:
        loss = batch_loss(adapted, batch)
        loss.objective.backward()
        optimizer.update(0, learning_rate=RATE[options.method])
        for parameter in parameters.values():
            parameter.grad = None
        return mean_nats(float(loss.nats), loss.tokens)

    return step


def theirs(options: argparse.Namespace, batch: Batch) -> Step:
    """Return one step as a plain loop over transformers, and peft for a prompt, makes it."""
    model = make_model(options)
    if options.method == "prompt":
        prompt = PromptTuning(length=PROMPT).attach(model, Vocabulary(), seed=0).state()["prompt"]
        peer = as_peft(model, length=PROMPT).train()
        set_prompt(peer, prompt)
    else:
        peer = as_transformers(model).train()
    trained = [parameter for parameter in peer.parameters() if parameter.requires_grad]
    optimizer = TheirAdafactor(
        trained,
        lr=RATE[options.method],
        relative_step=False,
        scale_parameter=options.method == "model",
        warmup_init=False,
    )
    labels = batch.target_BT.masked_fill(~batch.target_mask_BT, -100)

    def step() -> float:
        loss = peer(
            input_ids=batch.input_BL, attention_mask=batch.input_mask_BL.long(), labels=labels
        ).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


SIDES = {"transformers": theirs, "xlgen": ours}


def refuse_different_losses(options: argparse.Namespace, batch: Batch) -> None:
    """Exit unless both sides' first loss without dropout is the same."""
    plain = argparse.Namespace(**{**vars(options), "dropout": 0.0})
    found = {name: side(plain, batch)() for name, side in SIDES.items()}
    if abs(found["xlgen"] - found["transformers"]) > 1e-3:
        sys.exit(f"the losses of the first step differ: {found}")


def memory(options: argparse.Namespace, side: str) -> float:
    """Return the MiB that two steps add, measured in a process of its own."""
    arguments = [sys.executable, __file__, "--only", side]
    for name in ("method", "shape", "batch", "input", "target", "dropout", "threads"):
        arguments += [f"--{name}", str(getattr(options, name))]
    ran = subprocess.run(
        [*arguments, *(["--even"] if options.even else [])], capture_output=True, check=True
    )
    return float(ran.stdout)


def own_memory(options: argparse.Namespace) -> float:
    """Make two steps of one side; return the MiB by which the highest resident set was above the first."""
    torch.set_num_threads(options.threads)
    use_onednn_products()
    step = SIDES[options.only](options, make_batch(options))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the highest is the present one now
    before = resident("VmRSS")
    step()
    step()
    return (resident("VmHWM") - before) / 1024


def resident(name: str) -> int:
    """Return a line of this process' status, in KiB."""
    lines = Path("/proc/self/status").read_text().split("\n")
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def compare(options: argparse.Namespace) -> dict[str, object]:
    """Return medians, the ratio of neighbours in time, and memory."""
    conditions = set_conditions(options)
    batch = make_batch(options)
    refuse_different_losses(options, batch)
    steps = {name: side(options, batch) for name, side in SIDES.items()}
    steps["transformers"] = as_peer(steps["transformers"], options)
    for step in steps.values():
        step()
    times = interleaved(steps, rounds=options.rounds, clock=clock_of(options.threads))
    return {
        **{name: getattr(options, name) for name in ("method", "shape", "batch", "dropout")},
        **conditions,
        "input_tokens": int(batch.input_mask_BL.sum()),
        "target_tokens": int(batch.target_mask_BT.sum()),
        "padding": round(1 - float(batch.input_mask_BL.float().mean()), 3),
        "seconds": {name: round(value, 3) for name, value in medians(times).items()},
        "ratio_of_rounds": ratio(times, "transformers", "xlgen"),
        "memory_mib": {name: round(memory(options, name)) for name in steps},
    }


def main() -> None:
    """Time both and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", choices=list(RATE), default="prompt")
    parser.add_argument("--shape", choices=list(SHAPES), default="nano")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--input", type=int, default=512)
    parser.add_argument("--target", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--even", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    add_conditions(parser)
    parser.add_argument("--only", choices=list(SIDES), help="print one side's memory")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    found = own_memory(options) if options.only else compare(options)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
