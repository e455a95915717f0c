"""Measure how well English words are found in texts of other languages, and how often by mistake.

    python benchmarks-perf/switching_accuracy.py [--count 400] [--split validation]

Real text of the packaged data (HowTo-0 and its short form), half of it with English words planted: see
`tests/metrics/planted.py`. The counts behind the identifier hold none of this text. Prints precision and
recall of planted words, and the share of words marked in pure text; --references gives the four metrics of
the references, which are in the right language: what is missing to 0, or to 100, is the identifiers' error.
"""

import argparse
import sys
from pathlib import Path

from xlgen.languages import LANGUAGES
from xlgen.metrics.score import score_records
from xlgen.sources.packaged import read_packaged

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "metrics"))
from planted import count_hits, make_mixtures

NAMES = ("howto0", "howto0-short")
METRICS = ("wrong_words", "all_english", "lpr", "wpr")


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=400, help="texts per language")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--references", action="store_true")
    arguments = parser.parse_args()
    if arguments.references:
        show_references(arguments.split)
    else:
        show_hits(arguments.count, arguments.split)


def show_hits(count: int, split: str) -> None:
    show("| language | planted words | precision | recall | marked in pure text |")
    show("|---|---:|---:|---:|---:|")
    for code, language in LANGUAGES.items():
        if code == "en":
            continue
        hits = count_hits(make_mixtures(code, split=split, count=count), code)
        shares = [hits.precision, hits.recall, hits.false_alarms]
        shown = " | ".join(f"{100 * share:.1f} %" for share in shares)
        show(f"| {language.name} | {hits.planted:,} | {shown} |")


def show_references(split: str) -> None:
    records = [
        {"id": f"{name} {e.id}", "language": e.language, "prediction": e.target}
        for name in NAMES
        for e in read_packaged(name, split)
    ]
    scores = score_records(records, metrics=METRICS)
    show(f"| language | {' | '.join(METRICS)} |")
    show(f"|---|{'---:|' * len(METRICS)}")
    for code in dict.fromkeys(cell.language for cell in scores.cells):
        cells = [scores.cell(code, metric) for metric in METRICS]
        shown = ["–" if c.value is None else f"{c.value:.1f} ({c.n})" for c in cells]
        show(f"| {LANGUAGES[code].name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
