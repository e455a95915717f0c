"""Evaluate a checkpoint in all languages, ours against a loop over transformers, rouge-score and CLD3.

python benchmarks-perf/evaluate_speed.py --limit 4 --threads 1 --rounds 3

The packaged model, as it is, summarizes the first examples of each language of howto0's test split. Both
sides search with four beams, score SP-ROUGE-Lsum and ask CLD3 for the target language. Ours does what
`xlgen evaluate` does: it writes a run folder with predictions, all metrics and their intervals. The
peer's loop keeps the benchmark's order and pads. Interleaved; CPU seconds on one thread, else wall seconds.
Fails if a prediction or a score differs.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import transformers
from gcld3 import NNetLanguageIdentifier
from peer import add_conditions, as_peer, as_transformers, search, set_conditions
from rouge_score import rouge_scorer
from timing import clock_of, interleaved, show

from xlgen.benchmarks.evaluate import System, evaluate
from xlgen.benchmarks.howto import HOWTO0
from xlgen.data.examples import Example
from xlgen.data.tokenizer import EOS, Tokenizer
from xlgen.generation.generate import generate_text
from xlgen.generation.settings import BeamSettings
from xlgen.languages import KNOWN
from xlgen.methods.base import Adapted
from xlgen.metrics.language import LONGEST, SHORTEST
from xlgen.model.packaged import open_model
from xlgen.tasks import Limits
from xlgen.tasks.summarization import Summarization

Scores = dict[str, tuple[float, float]]
PEER = "transformers, rouge-score, CLD3"
METRICS = ("sp_rouge_lsum", "lid")
LIMITS = Limits(input=512, target=128)


def main() -> None:
    options = read_options()
    conditions = set_conditions(options)
    transformers.logging.set_verbosity_error()
    model, tokenizer = open_model("nano")
    settings = BeamSettings(penalty="hf", max_length=options.output)
    examples = HOWTO0.examples("test", languages=HOWTO0.languages, limit=options.limit)
    works: dict[str, Callable[[], tuple[list[str], Scores]]] = {
        "xlgen": lambda: ours(Adapted(model), tokenizer, settings, limit=options.limit),
        PEER: as_peer(
            lambda: theirs(peer, tokenizer, settings, examples=examples, batch=options.batch),
            options,
        ),
    }
    peer = as_transformers(model).eval()
    refuse_different_results(*(work() for work in works.values()))
    times = interleaved(works, rounds=options.rounds, clock=clock_of(options.threads))
    show(
        f"`nano` evaluated in {len(examples)} languages, {options.limit} texts each:"
        " search, SP-ROUGE-Lsum, CLD3",
        times,
        conditions=conditions,
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=int, default=4, help="examples of each language")
    parser.add_argument("--output", type=int, default=64, help="most output tokens")
    parser.add_argument("--batch", type=int, default=16, help="the peer's inputs in a batch")
    parser.add_argument("--rounds", type=int, default=3)
    add_conditions(parser)
    return parser.parse_args()


def ours(
    adapted: Adapted, tokenizer: Tokenizer, settings: BeamSettings, *, limit: int
) -> tuple[list[str], Scores]:
    """Return the predictions and scores that the run folder holds."""

    def predict(examples: Sequence[Example]) -> list[str]:
        tokenized = [Summarization().tokenize(e, tokenizer, limits=LIMITS) for e in examples]
        return generate_text(adapted, tokenized, tokenizer=tokenizer, settings=settings, clean=str)

    with tempfile.TemporaryDirectory() as name:
        system = System("plain", {"decoding": settings.signature}, predict)
        cells = evaluate(system, HOWTO0, folder=Path(name), split="test", limit=limit)["cells"]
        lines = (Path(name) / "predictions" / "howto0-test.jsonl").read_text("utf-8").splitlines()
    predictions = [json.loads(line)["prediction"] for line in lines]
    values = {(cell["language"], cell["metric"]): cell["value"] for cell in cells}
    return predictions, {
        code: tuple(values[code, metric] for metric in METRICS) for code in HOWTO0.languages
    }


def theirs(
    peer: transformers.MT5ForConditionalGeneration,
    tokenizer: Tokenizer,
    settings: BeamSettings,
    *,
    examples: dict[str, list[Example]],
    batch: int,
) -> tuple[list[str], Scores]:
    """Return the same by a loop over the languages."""

    class Words:
        """What rouge-score asks of a tokenizer."""

        tokenize = staticmethod(tokenizer.pieces)

    scorer = rouge_scorer.RougeScorer(["rougeLsum"], tokenizer=Words())
    detector = NNetLanguageIdentifier(SHORTEST, LONGEST)
    predictions, scores = [], {}
    for code, group in examples.items():
        texts = []
        for start in range(0, len(group), batch):
            rows = [
                [*tokenizer.encode(example.input)[: LIMITS.input - 1], EOS]
                for example in group[start : start + batch]
            ]
            texts += [tokenizer.decode(row) for row in search(peer, rows, settings)]
        rouge = [
            scorer.score(example.target, text)["rougeLsum"].fmeasure
            for example, text in zip(group, texts, strict=True)
        ]
        found = [detector.FindLanguage(text=text) for text in texts]
        said = [guess.probability if guess.language == KNOWN[code].cld3 else 0.0 for guess in found]
        scores[code] = (100 * sum(rouge) / len(rouge), 100 * sum(said) / len(said))
        predictions += texts
    return predictions, scores


def refuse_different_results(
    ours: tuple[list[str], Scores], theirs: tuple[list[str], Scores]
) -> None:
    """Exit unless both sides predict the same texts and score them alike."""
    differing = sum(one != other for one, other in zip(ours[0], theirs[0], strict=True))
    if differing:
        sys.exit(f"{differing} of {len(ours[0])} predictions differ")
    for code, values in theirs[1].items():
        for name, mine, other in zip(METRICS, ours[1][code], values, strict=True):
            if abs(mine - other) > 1e-4:
                sys.exit(f"{name} in {code} differs: {mine} and {other}")


if __name__ == "__main__":
    main()
