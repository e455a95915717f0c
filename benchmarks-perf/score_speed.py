"""Compare SP-ROUGE-Lsum with rouge-score on 60-piece texts: same inputs, interleaved, one core.

    python benchmarks-perf/score_speed.py [--spm MODEL] [--rounds 7]

Texts are cut out of the tests' real texts in 18 languages, or out of the lines of a file (--text). Both
sides tokenize, with the same model; times are CPU seconds of this process, so a busy machine disturbs
them little.
Fails if a score differs.
"""

import argparse
import json
import random
from pathlib import Path

from rouge_score import rouge_scorer
from timing import interleaved, show

from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.metrics.pieces import Pieces
from xlgen.metrics.rouge import sp_rouge_lsum

PIECES = 60
TEXTS = Path(__file__).parent.parent / "tests" / "metrics" / "texts.jsonl"


def main() -> None:
    arguments = read_arguments()
    tokenizer = Tokenizer(arguments.spm) if arguments.spm else packaged_tokenizer()
    lines = read_lines(arguments.text)
    for shape, least, most in (("3-7 lines", 3, 7), ("1 line", 1, 1)):
        pairs = make_pairs(lines, tokenizer, least=least, most=most)
        compare(shape, pairs, tokenizer, rounds=arguments.rounds)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--spm", type=Path, help="a SentencePiece model; else the packaged one")
    parser.add_argument("--text", type=Path, default=TEXTS)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file; of the tests' JSONL, each record's text as one line."""
    lines = path.read_text("utf-8").splitlines()
    return (
        [json.loads(line)["text"].replace("\n", " ") for line in lines] if path == TEXTS else lines
    )


def make_pairs(
    lines: list[str], tokenizer: Tokenizer, *, least: int, most: int, count: int = 1000
) -> list[tuple[str, str]]:
    """Make (prediction, reference) pairs whose lines are cut from one line of `lines`, 60 pieces in all."""
    draw = random.Random(0)
    known = [tokens for tokens in map(tokenizer.encode, lines) if len(tokens) > 2 * PIECES]

    def text(tokens: list[int], parts: int) -> str:
        size = PIECES // parts
        starts = [draw.randrange(len(tokens) - size) for _ in range(parts)]
        return "\n".join(tokenizer.decode(tokens[start : start + size]) for start in starts)

    pairs = []
    for _ in range(count):
        tokens = draw.choice(known)
        pairs.append(
            (text(tokens, draw.randint(least, most)), text(tokens, draw.randint(least, most)))
        )
    return pairs


def compare(shape: str, pairs: list[tuple[str, str]], tokenizer: Tokenizer, *, rounds: int) -> None:
    class Peer:
        """What rouge-score asks of a tokenizer."""

        tokenize = staticmethod(tokenizer.pieces)

    peer = rouge_scorer.RougeScorer(["rougeLsum"], tokenizer=Peer())

    def score_ours() -> list[float]:
        metric = sp_rouge_lsum(Pieces(tokenizer))  # a fresh one remembers no text
        return [metric.statistics(prediction, reference, "")[0] for prediction, reference in pairs]

    def score_theirs() -> list[float]:
        return [
            peer.score(reference, prediction)["rougeLsum"].fmeasure
            for prediction, reference in pairs
        ]

    assert score_ours() == score_theirs(), "the scores differ"
    times = interleaved({"xlgen": score_ours, "rouge-score": score_theirs}, rounds=rounds)
    show(f"SP-ROUGE-Lsum of {len(pairs):,} pairs of {PIECES} pieces, {shape}", times)


if __name__ == "__main__":
    main()
