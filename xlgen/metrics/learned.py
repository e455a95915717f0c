"""Learned metrics, each in a process of its own: BLEURT, BERTScore, the cosine of sentence embeddings.

`python -m xlgen.metrics.learned NAME MODEL` is a program as `xlgen.metrics.program` runs them. It uses
nothing of XLGen, so a copy of this file runs in any environment that has the metric's package.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

Score = Callable[
    [Sequence[str], Sequence[str]], Iterable[Any]
]  # predictions, references -> numbers
BATCH = 32  # records; answers are written after each


def bleurt(settings: argparse.Namespace) -> Score:
    """Make BLEURT (Sellam et al. 2020) of a checkpoint's folder, such as BLEURT-20."""
    from bleurt.score import BleurtScorer

    scorer = BleurtScorer(settings.model)
    return lambda predictions, references: scorer.score(
        references=list(references), candidates=list(predictions), batch_size=BATCH
    )


def bertscore(settings: argparse.Namespace) -> Score:
    """Make BERTScore's F1 (Zhang et al. 2020) of a BERT; `--layer` says whose vectors are compared.

    An empty text scores 0, as the package itself has it.
    """
    from bert_score import BERTScorer

    scorer = BERTScorer(model_type=settings.model, num_layers=settings.layer, batch_size=BATCH)

    def score(predictions: Sequence[str], references: Sequence[str]) -> list[float]:
        pairs = list(zip(predictions, references))
        full = [pair for pair in pairs if all(text.strip() for text in pair)]
        numbers = iter(scorer.score(*map(list, zip(*full)))[2].tolist() if full else ())
        return [next(numbers) if pair in full else 0.0 for pair in pairs]

    return score


def cosine(settings: argparse.Namespace) -> Score:
    """Make the cosine of two embeddings of a sentence-transformers folder; `--prefix` goes before both."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(settings.model)

    def embed(texts: Sequence[str]) -> Any:
        prefixed = [settings.prefix + text for text in texts]
        return model.encode(prefixed, normalize_embeddings=True, show_progress_bar=False)

    return lambda predictions, references: (embed(predictions) * embed(references)).sum(-1)


# name -> (how to make it, what to install)
LEARNED = {
    "bleurt": (bleurt, "pip install git+https://github.com/google-research/bleurt"),
    "bertscore": (bertscore, "pip install bert-score"),
    "cosine": (cosine, "pip install sentence-transformers"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer every record of standard input; what the packages print goes to standard error."""
    parser = argparse.ArgumentParser(prog="learned", description=__doc__)
    parser.add_argument("name", choices=list(LEARNED))
    parser.add_argument("model", help="a folder, or a name that the package knows")
    parser.add_argument("--layer", type=int, help="bertscore: the layer whose vectors are compared")
    parser.add_argument("--prefix", default="", help="cosine: what goes before each text")
    settings = parser.parse_args(arguments)
    if settings.name == "bertscore" and settings.layer is None and Path(settings.model).is_dir():
        parser.error("bertscore of a folder needs --layer, a number from 1: which layer to compare")
    make, remedy = LEARNED[settings.name]
    answers = sys.stdout
    records = [json.loads(line) for line in sys.stdin if line.strip()]
    with contextlib.redirect_stdout(sys.stderr):
        try:
            score = make(settings)
        except ImportError as error:
            sys.stderr.write(
                f"\n{settings.name} cannot be loaded ({error}); install it: {remedy}\n"
            )
            return 2
        _answer(records, score, answers)
    return 0


def _answer(records: Sequence[dict[str, str]], score: Score, answers: IO[str]) -> None:
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        numbers = score([r["prediction"] for r in batch], [r["reference"] for r in batch])
        for record, number in zip(batch, numbers):
            answers.write(json.dumps({"id": record["id"], "score": float(number)}) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.exit(main())
