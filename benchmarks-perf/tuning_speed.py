"""One tuning step, ours against transformers + peft: seconds, and the most memory each takes.

python benchmarks-perf/tuning_speed.py --method prompt --threads 2 --rounds 5
python benchmarks-perf/tuning_speed.py --method model --shape mt5-small --batch 8
python benchmarks-perf/tuning_speed.py --even --precision bf16     # no padding; both under autocast

Forward, loss, backward and Adafactor on the same batch, which the peer pads. Its lengths are as uneven as
texts': log-normal around 400 tokens of 1,024 and 50 of 128, cut at the longest (with `--even` all are the
longest). Dropout is that with which models are tuned (`--dropout 0` without). Steps are interleaved, the
ratio of a round compares neighbours in time. It fails if the losses of the first step without dropout
differ. Memory is measured in a process for each side (Linux): the highest resident set of two steps minus
that before them.
"""

import argparse
import gc
import math
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers
from limits import count_operations, roofline
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
from timing import clock_of, interleaved, medians, show
from torch import Tensor, nn
from transformers.optimization import Adafactor as TheirAdafactor

from xlgen.data.batches import Batch, collate
from xlgen.data.examples import TokenizedExample
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import random_model
from xlgen.model.t5 import T5
from xlgen.training.loss import mean_nats
from xlgen.training.optim import Adafactor
from xlgen.training.precision import autocast, use_onednn_products
from xlgen.training.validation import batch_loss

PROMPT = 100
RATE = {"prompt": 0.1, "model": 1e-3}
NAMES = {"prompt": "PromptTuning", "model": "ModelTuning"}
CPU = torch.device("cpu")
TOLERANCE = {"fp32": 1e-5, "bf16": 1e-2}  # of the first loss, relative


@dataclass(frozen=True)
class Side:
    """A model in training: its loss (what to derive, and the mean), and what follows the derivatives."""

    model: nn.Module
    loss: Callable[[], tuple[Tensor, float]]
    update: Callable[[], None]

    def step(self) -> None:
        """Make one step."""
        self.loss()[0].backward()
        self.update()

    @torch.no_grad()
    def loss_without_dropout(self) -> float:
        """Return the mean loss."""
        self.model.eval()
        found = self.loss()[1]
        self.model.train()
        return found


def make_batch(options: argparse.Namespace) -> Batch:
    """Return a batch of random tokens; lengths log-normal around 0.4 of the longest, or all alike."""
    draw = random.Random(0)

    def length(longest: int) -> int:
        uneven = int(draw.lognormvariate(math.log(0.4 * longest), 0.6))
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


def ours(options: argparse.Namespace, batch: Batch) -> Side:
    """Return what the training loop does in a step."""
    method = PromptTuning(length=PROMPT) if options.method == "prompt" else ModelTuning()
    adapted = method.attach(make_model(options), Vocabulary(), seed=0).train()
    parameters = adapted.trainable()
    optimizer = Adafactor(parameter_scale=options.method == "model").make(parameters)

    def loss() -> tuple[Tensor, float]:
        with autocast(CPU, options.precision):
            found = batch_loss(adapted, batch)
        return found.objective, mean_nats(float(found.nats), found.tokens)

    def update() -> None:
        optimizer.update(0, learning_rate=RATE[options.method])
        for parameter in parameters.values():
            parameter.grad = None

    return Side(adapted, loss, update)


def theirs(options: argparse.Namespace, batch: Batch) -> Side:
    """Return what a plain loop over transformers, and peft for a prompt, does in a step."""
    model = make_model(options)
    if options.method == "prompt":
        prompt = PromptTuning(length=PROMPT).attach(model, Vocabulary(), seed=0).state()["prompt"]
        peer = as_peft(model, length=PROMPT).train()
        set_prompt(peer, prompt)
    else:
        peer = as_transformers(model).train()
    optimizer = TheirAdafactor(
        [parameter for parameter in peer.parameters() if parameter.requires_grad],
        lr=RATE[options.method],
        relative_step=False,
        scale_parameter=options.method == "model",
        warmup_init=False,
    )
    labels = batch.target_BT.masked_fill(~batch.target_mask_BT, -100)

    def loss() -> tuple[Tensor, float]:
        with autocast(CPU, options.precision):
            found = peer(
                input_ids=batch.input_BL, attention_mask=batch.input_mask_BL.long(), labels=labels
            ).loss
        return found, found.item()

    def update() -> None:
        optimizer.step()
        optimizer.zero_grad()

    return Side(peer, loss, update)


SIDES = {"peer": theirs, "xlgen": ours}


def memory(options: argparse.Namespace, side: str) -> int:
    """Return the MiB that two steps add, measured in a process of its own."""
    arguments = [sys.executable, __file__, "--only", side]
    for name in ("method", "shape", "batch", "input", "target", "dropout", "precision", "threads"):
        arguments += [f"--{name}", str(getattr(options, name))]
    ran = subprocess.run(
        [*arguments, *(["--even"] if options.even else [])], capture_output=True, check=True
    )
    return round(float(ran.stdout))


def own_memory(options: argparse.Namespace) -> float:
    """Make two steps of one side; return the MiB by which the highest resident set was above the first."""
    torch.set_num_threads(options.threads)
    use_onednn_products()
    step = SIDES[options.only](options, make_batch(options)).step
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


def compare(options: argparse.Namespace) -> None:
    """Print medians, ratios of neighbours in time, memory, and what bounds them."""
    conditions = set_conditions(options)
    batch = make_batch(options)
    peer = "transformers + peft" if options.method == "prompt" else "transformers"
    taken = {
        peer: memory(options, "peer"),
        "xlgen": memory(options, "xlgen"),
    }  # while there is room
    sides = {peer: theirs(options, batch), "xlgen": ours(options, batch)}
    losses = [side.loss_without_dropout() for side in sides.values()]
    if not math.isclose(*losses, rel_tol=TOLERANCE[options.precision]):
        sys.exit(f"the losses of the first step differ: {dict(zip(sides, losses, strict=True))}")
    steps = {peer: as_peer(sides[peer].step, options), "xlgen": sides["xlgen"].step}
    steps[peer]()
    operations = count_operations(steps["xlgen"])
    clock = clock_of(options.threads)
    times = interleaved(steps, rounds=options.rounds, clock=clock)
    padding = 1 - float(batch.input_mask_BL.float().mean())
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    show(
        f"a {NAMES[options.method]} step at {options.shape}'s shape, {options.precision},"
        f" {options.batch} inputs, {padding:.0%} padding, dropout {options.dropout:g}",
        times,
        limit=roofline(
            operations,
            taken=medians(times),
            device=CPU,
            clock=clock,
            dtype=dtype,
        ),
        memory_mib=taken,
        input_tokens=int(batch.input_mask_BL.sum()),
        target_tokens=int(batch.target_mask_BT.sum()),
        conditions=conditions,
    )


def main() -> None:
    """Time both sides, or tell one side's memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", choices=list(RATE), default="prompt")
    parser.add_argument("--shape", choices=list(SHAPES), default="nano")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--input", type=int, default=1024)
    parser.add_argument("--target", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--precision", choices=list(TOLERANCE), default="fp32")
    parser.add_argument("--even", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    add_conditions(parser)
    parser.add_argument("--only", choices=list(SIDES), help="print one side's memory")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if options.only:
        sys.stdout.write(f"{own_memory(options)}\n")
    else:
        compare(options)


if __name__ == "__main__":
    main()
