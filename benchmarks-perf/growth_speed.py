"""What a token costs as a batch grows: a PromptTuning step and a search with 1 to 64 texts of 256 tokens.

python benchmarks-perf/growth_speed.py --threads 1 --svg growth.svg
python benchmarks-perf/growth_speed.py --kept results/performance/zen3.json --svg docs/growth.svg

Nano's shape, random weights. A step reads 64 labels a text, a search writes 16 tokens a text. Sizes take
turns in each round; the median counts.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
from generate_speed import NEVER, make_examples, make_model
from matplotlib.figure import Figure
from peer import SHAPES, add_conditions, set_conditions
from timing import clock_of, interleaved, medians, show
from tuning_speed import make_batch, ours

from xlgen.files import write_whole
from xlgen.generation.generate import generate
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.reports.svg import (
    SYSTEM_COLOURS,
    SYSTEM_MARKERS,
    inline_svg,
    plain_settings,
    standalone,
)

SIZES = (1, 2, 4, 8, 16, 32, 64)
TOKENS, LABELS, OUTPUT = 256, 64, 16
SHAPE = " at nano's shape, a text"


def tuning(size: int) -> Callable[[], object]:
    """Return a step of PromptTuning with `size` texts."""
    fixed = {"method": "prompt", "shape": "nano", "precision": "fp32", "dropout": 0.1, "even": True}
    options = argparse.Namespace(batch=size, input=TOKENS, target=LABELS, **fixed)
    return ours(options, make_batch(options)).step


def search(size: int) -> Callable[[], object]:
    """Return a search with `size` inputs."""
    adapted = Adapted(make_model(SHAPES["nano"], end=NEVER))
    examples = make_examples(size, median=TOKENS, fixed=True)
    settings = BeamSettings(max_length=OUTPUT)
    return lambda: generate(
        adapted, examples, settings=settings, batch_size=size, batch_tokens=1_000_000
    )


WORKS = {"a PromptTuning step": tuning, "beam-4 search": search}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--svg", type=Path, help="draw the costs")
    parser.add_argument("--kept", type=Path, help="draw those of the suite's JSON, measure nothing")
    add_conditions(parser)
    options = parser.parse_args()
    if options.kept:
        rows = json.loads(options.kept.read_text("utf-8"))["rows"]
        told = [row for row in rows if "microseconds_a_token" in row]
    else:
        told = list(measure(options))
    if options.svg:
        draw(told, options.svg)


def measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Print and yield a line for each work."""
    conditions = set_conditions(options)
    for name, make in WORKS.items():
        works = {str(size): make(size) for size in SIZES}
        for work in works.values():
            work()
        times = interleaved(works, rounds=options.rounds, clock=clock_of(options.threads))
        costs = {size: 1e6 * taken / (int(size) * TOKENS) for size, taken in medians(times).items()}
        yield show(
            f"{name}{SHAPE} of {TOKENS} tokens: one of {SIZES[-1]} in a batch",
            {"xlgen": [t / SIZES[-1] for t in times[str(SIZES[-1])]], "alone": times["1"]},
            microseconds_a_token={size: round(cost, 2) for size, cost in costs.items()},
            conditions=conditions,
        )


def draw(told: list[dict[str, Any]], path: Path) -> None:
    """Draw the cost of an input token over the tokens of a batch."""
    costs = {line["work"].partition(SHAPE)[0]: line["microseconds_a_token"] for line in told}
    title = f"What a token costs, {told[0]['conditions']['threads']} thread(s)"
    with matplotlib.rc_context(plain_settings()):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for (name, points), marker, colour in zip(costs.items(), SYSTEM_MARKERS, SYSTEM_COLOURS):
            tokens = [int(size) * TOKENS for size in points]
            axes.plot(tokens, list(points.values()), marker=marker, color=colour, label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(tokens, [f"{count:,}" for count in tokens])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"input tokens in a batch, texts of {TOKENS}")
        axes.set_ylabel("microseconds an input token")
        axes.set_title(title)
        axes.legend(frameon=False)
        named = "; ".join(f"{name}: {points}" for name, points in costs.items())
        svg = inline_svg(figure, name="growth", title=title, description=named)
    write_whole(path, standalone(svg))


if __name__ == "__main__":
    main()
