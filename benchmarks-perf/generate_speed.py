"""Compare beam search with transformers' `generate` and with CTranslate2: same weights, same batches.

    python benchmarks-perf/generate_speed.py [--shape nano] [--examples 32] [--threads 2]
    python benchmarks-perf/generate_speed.py --shape mt5-small --examples 8 --input 356 --output 64 --fixed

Weights are random. Inputs are as uneven as texts, and </s> is made likely enough for outputs to end
unevenly; with `--fixed` every input and output has the same length, and CTranslate2 takes part, whose
rule for ending a search is another. Interleaved; times are CPU seconds of this process on one thread, so a
busy machine disturbs them little, and wall seconds on more. Fails if an output differs from that of a
float32 peer up to its </s>, and says how many are equal with int8.
"""

import argparse
import math
import operator
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import ctranslate2
import torch
import transformers
from limits import count_operations, roofline
from peer import (
    SHAPES,
    add_conditions,
    as_peer,
    as_transformers,
    save_for_ctranslate2,
    search,
    set_conditions,
)
from timing import clock_of, interleaved, medians, show

from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import EOS
from xlgen.generation.generate import generate
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.model.load import random_model
from xlgen.model.t5 import T5, T5Config

NEVER = -1e4  # added to the logit of </s>


def main() -> None:
    arguments = read_arguments()
    conditions = set_conditions(arguments)
    transformers.logging.set_verbosity_error()
    model = make_model(SHAPES[arguments.shape], end=NEVER if arguments.fixed else arguments.end)
    examples = make_examples(arguments.examples, median=arguments.input, fixed=arguments.fixed)
    with tempfile.TemporaryDirectory() as folder:
        compare(model, examples, arguments, folder=Path(folder), conditions=conditions)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=sorted(SHAPES), default="nano")
    parser.add_argument("--examples", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--input", type=int, default=250, help="median input tokens")
    parser.add_argument("--output", type=int, default=60, help="most output tokens")
    parser.add_argument("--end", type=float, default=3.0, help="added to the logit of </s>")
    parser.add_argument(
        "--fixed", action="store_true", help="all inputs and outputs of equal length"
    )
    parser.add_argument("--beams", type=int, default=4)
    add_conditions(parser)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def make_model(config: T5Config, *, end: float) -> T5:
    model = random_model(config, seed=0)
    with torch.no_grad():
        model.head.weight.mul_(2.0)
        model.head.bias = torch.nn.Parameter(torch.zeros(config.vocabulary))
        model.head.bias[EOS] = end
    return model


def make_examples(count: int, *, median: int, fixed: bool) -> list[TokenizedExample]:
    """Make random inputs with lengths as uneven as texts' (log-normal), the longest first."""
    draw = random.Random(0)
    spread = 0.0 if fixed else 0.6
    lengths = [
        min(1024, max(8, round(draw.lognormvariate(math.log(median), spread))))
        for _ in range(count)
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
    model: T5,
    examples: list[TokenizedExample],
    arguments: argparse.Namespace,
    *,
    folder: Path,
    conditions: dict[str, object],
) -> None:
    peer, adapted = as_transformers(model).eval(), Adapted(model)
    settings = BeamSettings(
        beams=arguments.beams, penalty="hf", alpha=0.6, max_length=arguments.output
    )

    def ours() -> list[list[int]]:
        size = arguments.batch_size
        return generate(
            adapted, examples, settings=settings, batch_size=size, batch_tokens=1_000_000
        )

    works: dict[str, Callable[[], list[list[int]]]] = {
        "xlgen": ours,
        "transformers": as_peer(
            lambda: with_transformers(peer, examples, settings, arguments.batch_size),
            arguments,
        ),
    }
    if arguments.fixed:
        save_for_ctranslate2(peer, folder)
        for name, compute in {"CTranslate2": "float32", "CTranslate2 int8": "int8"}.items():
            works[name] = with_ctranslate2(folder, examples, settings, arguments, compute=compute)
    outputs = {name: work() for name, work in works.items()}
    equal = {name: sum(map(operator.eq, outputs["xlgen"], outputs[name])) for name in works}
    differing = [name for name in works if equal[name] < len(examples) and "int8" not in name]
    assert not differing, f"the outputs differ from those of {differing}: {equal}"
    clock = clock_of(arguments.threads)
    times = interleaved(works, rounds=arguments.rounds, clock=clock)
    inputs, tokens = ([len(e.input) for e in examples], list(map(len, outputs["xlgen"])))
    steps = sum(
        1 + max(tokens[start : start + arguments.batch_size])
        for start in range(0, len(tokens), arguments.batch_size)
    )
    show(
        f"beam-{arguments.beams} search at {arguments.shape}'s shape: {len(examples)} inputs of"
        f" {statistics.mean(inputs):.0f} tokens, outputs of {statistics.mean(tokens):.0f}",
        times,
        limit=roofline(
            count_operations(ours),
            taken=medians(times),
            device=model.head.weight.device,
            clock=clock,
            weights=steps * decoder_bytes(model),
        ),
        equal_outputs=equal,
        conditions=conditions,
    )


def decoder_bytes(model: T5) -> int:
    """Return the bytes of weights that a step of search reads."""
    parts = (model.decoder, model.head)
    return sum(parameter.nbytes for part in parts for parameter in part.parameters())


def with_ctranslate2(
    folder: Path,
    examples: Sequence[TokenizedExample],
    settings: BeamSettings,
    arguments: argparse.Namespace,
    *,
    compute: str,
) -> Callable[[], list[list[int]]]:
    """Return the search by CTranslate2, which counts its threads itself."""
    translator = ctranslate2.Translator(
        str(folder), compute_type=compute, intra_threads=arguments.threads
    )
    rows = [[str(token) for token in example.input] for example in examples]

    def translate() -> list[list[int]]:
        answers = translator.translate_batch(
            rows,
            max_batch_size=arguments.batch_size,
            beam_size=settings.beams,
            length_penalty=settings.alpha,
            max_input_length=0,
            max_decoding_length=settings.max_length,
        )
        return [[int(token) for token in answer.hypotheses[0]] for answer in answers]

    return translate


def with_transformers(
    peer: transformers.MT5ForConditionalGeneration,
    examples: Sequence[TokenizedExample],
    settings: BeamSettings,
    batch_size: int,
) -> list[list[int]]:
    outputs = []
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        outputs += search(peer, [example.input for example in batch], settings)
    return outputs


if __name__ == "__main__":
    main()
