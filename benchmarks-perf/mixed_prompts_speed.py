"""Search with sixteen prompts in one batch, each before its own input, against one prompt at a time.

python benchmarks-perf/mixed_prompts_speed.py --threads 1 --rounds 3

Random weights at `nano`'s shape and sixteen random prompts of 100 vectors. One at a time is measured twice:
ours, and transformers' `generate` behind peft's prompt tuning, whose batches hold one prompt. Interleaved;
CPU seconds on one thread, else wall seconds. Fails if an output differs.
"""

import argparse
import operator
import sys
import warnings
from collections.abc import Callable

import torch
import transformers
from generate_speed import make_examples, make_model
from peer import (
    SHAPES,
    Vocabulary,
    add_conditions,
    as_peer,
    as_peft,
    search,
    set_conditions,
    set_prompt,
)
from peft import PeftModel
from timing import clock_of, interleaved, show

from xlgen.data.examples import TokenizedExample
from xlgen.generation.generate import generate
from xlgen.generation.settings import BeamSettings
from xlgen.languages import LANGUAGES
from xlgen.methods.language_prompts import LanguagePrompts, LanguagePromptsAdapted
from xlgen.methods.prompt_tuning import PromptTuning

PROMPT, COUNT = 100, 16


def main() -> None:
    options = read_options()
    conditions = set_conditions(options)
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    adapted = make_adapted(end=options.end)
    codes = tuple(LANGUAGES)[:COUNT]
    examples = [
        TokenizedExample(code, code, "t", example.input, ())
        for code, example in zip(
            codes, make_examples(COUNT, median=options.input, fixed=False), strict=True
        )
    ]
    settings = BeamSettings(penalty="hf", max_length=options.output)
    peer = as_peft(adapted.model, length=PROMPT).eval()
    works: dict[str, Callable[[], list[list[int]]]] = {
        "xlgen": lambda: generate(adapted, examples, settings=settings),
        "xlgen, one at a time": lambda: [
            generate(adapted, [example], settings=settings)[0] for example in examples
        ],
        "transformers + peft, one at a time": as_peer(
            lambda: with_peft(peer, adapted, examples=examples, settings=settings), options
        ),
    }
    outputs = {name: work() for name, work in works.items()}
    for name, output in outputs.items():
        equal = sum(map(operator.eq, outputs["xlgen"], output))
        if equal < COUNT:
            sys.exit(f"{COUNT - equal} of {COUNT} outputs differ: {name}")
    times = interleaved(works, rounds=options.rounds, clock=clock_of(options.threads))
    show(
        f"{COUNT} inputs, each with a prompt of {PROMPT} vectors of its own, in one batch: nano's shape",
        times,
        output_tokens=sum(map(len, outputs["xlgen"])),
        conditions=conditions,
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", type=int, default=150, help="median input tokens")
    parser.add_argument("--output", type=int, default=48, help="most output tokens")
    parser.add_argument("--end", type=float, default=3.0, help="added to the logit of </s>")
    parser.add_argument("--rounds", type=int, default=3)
    add_conditions(parser)
    return parser.parse_args()


def make_adapted(*, end: float) -> LanguagePromptsAdapted:
    """Return random weights behind random prompts, one a language."""
    model = make_model(SHAPES["nano"], end=end)
    method = LanguagePrompts(prompt=PromptTuning(length=PROMPT), languages=tuple(LANGUAGES)[:COUNT])
    adapted = method.attach(model, Vocabulary(), seed=0)
    assert isinstance(adapted, LanguagePromptsAdapted)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for prompt_PD in adapted.trainable().values():
            prompt_PD.copy_(torch.randn(prompt_PD.shape, generator=generator))
    return adapted


def with_peft(
    peer: PeftModel,
    adapted: LanguagePromptsAdapted,
    *,
    examples: list[TokenizedExample],
    settings: BeamSettings,
) -> list[list[int]]:
    """Return the answers; each input meets its own prompt."""
    outputs = []
    for example in examples:
        set_prompt(peer, adapted.prompt(example.language))
        outputs += search(peer, [example.input], settings)
    return outputs


if __name__ == "__main__":
    main()
