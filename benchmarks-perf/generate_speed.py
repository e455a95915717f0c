"""Compare beam search with transformers' `generate`: same weights, same batches, interleaved, equal tokens.

    python benchmarks-perf/generate_speed.py [--examples 32] [--threads 2] [--rounds 3] [--json]

The model has nano's shape and random weights; </s> is made likely enough for outputs to end unevenly.
Times are CPU seconds of this process on one thread, so a busy machine disturbs them little, and wall
seconds on more. Prints medians and the ratio; fails if an output differs up to its </s>.
"""

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable

import torch
import transformers
from peer import add_conditions, as_peer, as_transformers, set_conditions
from timing import clock_of, interleaved, medians, ratio

from xlgen.data.examples import TokenizedExample
from xlgen.generation.generate import generate
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.model.load import random_model
from xlgen.model.t5 import T5, T5Config

SHAPES = {
    "nano": T5Config(24_064, 192, 6, 32, 512, 4, 4),
    "mt5-small": T5Config(250_112, 512, 6, 64, 1024, 8, 8),
}
EOS = 1


def main() -> None:
    arguments = read_arguments()
    conditions = set_conditions(arguments)
    transformers.logging.set_verbosity_error()
    model = make_model(SHAPES[arguments.shape], end=arguments.end)
    examples = make_examples(arguments.examples, median=arguments.input)
    result = compare(model, examples, arguments) | conditions
    if arguments.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    sys.stdout.write(
        f"{arguments.shape}, {len(examples)} inputs of {result['input_tokens']:.0f} tokens on average,"
        f" outputs of {result['output_tokens']:.0f}, beam {arguments.beams}, {arguments.threads} thread(s)\n"
        f"transformers {result['transformers_seconds']:.2f} s, ours {result['ours_seconds']:.2f} s,"
        f" ratio {result['ratio']:.2f} (median of {arguments.rounds}, equal tokens);"
        f" ours with the gnmt penalty {result['gnmt_seconds']:.2f} s\n"
    )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=sorted(SHAPES), default="nano")
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--input", type=int, default=250, help="median input tokens")
    parser.add_argument("--output", type=int, default=60, help="most output tokens")
    parser.add_argument("--end", type=float, default=3.0, help="added to the logit of </s>")
    parser.add_argument("--beams", type=int, default=4)
    add_conditions(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make_model(config: T5Config, *, end: float) -> T5:
    model = random_model(config, seed=0)
    with torch.no_grad():
        model.head.weight.mul_(2.0)
        model.head.bias = torch.nn.Parameter(torch.zeros(config.vocabulary))
        model.head.bias[EOS] = end
    return model


def make_examples(count: int, *, median: int) -> list[TokenizedExample]:
    """Make random inputs with lengths as uneven as texts' (log-normal), the longest first."""
    draw = random.Random(0)
    lengths = [
        min(1024, max(8, int(draw.lognormvariate(math.log(median), 0.6)))) for _ in range(count)
    ]
    return [
        TokenizedExample(
            str(length),
            "en",
            "t",
            (*(draw.randrange(3, 24_000) for _ in range(length - 1)), EOS),
            (),
        )
        for length in sorted(lengths, reverse=True)
    ]


def compare(
    model: T5, examples: list[TokenizedExample], arguments: argparse.Namespace
) -> dict[str, float]:
    peer, adapted = as_transformers(model).eval(), Adapted(model)
    settings = BeamSettings(
        beams=arguments.beams, penalty="hf", alpha=0.6, max_length=arguments.output
    )
    gnmt = BeamSettings(beams=arguments.beams, alpha=0.6, max_length=arguments.output)
    batches = {"batch_size": arguments.batch_size, "batch_tokens": 1_000_000}
    works: dict[str, Callable[[], list[list[int]]]] = {
        "ours": lambda: generate(adapted, examples, settings=settings, **batches),
        "transformers": as_peer(
            lambda: generate_with_transformers(peer, examples, settings, arguments.batch_size),
            arguments,
        ),
        "gnmt": lambda: generate(adapted, examples, settings=gnmt),
    }
    ours, theirs, _ = (work() for work in works.values())
    assert ours == theirs, "the outputs differ"
    times = interleaved(works, rounds=arguments.rounds, clock=clock_of(arguments.threads))
    return {
        **{f"{name}_seconds": median for name, median in medians(times).items()},
        "ratio": ratio(times, "transformers", "ours")["median"],
        "input_tokens": statistics.mean(len(example.input) for example in examples),
        "output_tokens": statistics.mean(map(len, ours)),
        "examples": len(examples),
    }


@torch.inference_mode()
def generate_with_transformers(
    peer: transformers.MT5ForConditionalGeneration,
    examples: list[TokenizedExample],
    settings: BeamSettings,
    batch_size: int,
) -> list[list[int]]:
    outputs = []
    for start in range(0, len(examples), batch_size):
        rows = [list(example.input) for example in examples[start : start + batch_size]]
        input_BL = torch.tensor([row + [0] * (len(rows[0]) - len(row)) for row in rows])
        output_BT = peer.generate(
            input_ids=input_BL,
            attention_mask=(input_BL != 0).long(),
            num_beams=settings.beams,
            length_penalty=settings.alpha,
            early_stopping=False,
            max_new_tokens=settings.max_length,
            do_sample=False,
        )
        answers = [row[1:] for row in output_BT.tolist()]
        outputs += [row[: row.index(EOS)] if EOS in row else row for row in answers]
    return outputs


if __name__ == "__main__":
    main()
