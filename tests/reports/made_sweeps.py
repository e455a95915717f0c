"""A sweep's folder as `xlgen sweep` leaves it: outputs made from real references, scored by the real metrics.

An output is the reference with some words changed for the article's, or the English reference in its
place: how often, the row decides. No model is trained; only the learning curves' values are drawn.
"""

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from made_runs import write_json

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.base import Benchmark
from xlgen.benchmarks.evaluate import System, evaluate
from xlgen.data.examples import Example
from xlgen.languages import LANGUAGES
from xlgen.reports.grid import SWITCHING_METRICS

# Row -> share of the reference's words kept, and of outputs that are English instead.
ROWS: dict[str, tuple[float, float]] = {
    "lead-64": (0.25, 0.0),
    "prompt": (0.45, 0.35),
    "prompt, l=1": (0.30, 0.05),
    "prompt, l=10": (0.40, 0.15),
    "prompt, mix-unsup": (0.42, 0.08),
    "prompt, mix-unsup-all": (0.41, 0.10),
    "prompt, it-gigaword": (0.46, 0.50),
    "prompt, fp": (0.43, 0.12),
    "prompt, fp-en": (0.44, 0.28),
    "prompt, sup": (0.60, 0.01),
    "model": (0.55, 0.75),
    "model, mix-unsup": (0.55, 0.20),
    "model, mix-unsup-all": (0.54, 0.24),
    "model, it-gigaword": (0.56, 0.90),
    "model, sup": (0.70, 0.01),
}
TARGETED = ("mix-unsup", "sup", "it-lm", "trans-train", "trans-test")
METRICS = ("sp_rouge_lsum", "lid", "lid_en", "ascii", *SWITCHING_METRICS)
STEPS = (100, 200, 300, 400, 500)
CURVES = ("sp_rouge_lsum", "lid", "ascii")


@dataclass(frozen=True)
class Sweep:
    """What to make: see `make_sweep`."""

    rows: Sequence[str] = tuple(ROWS)
    sizes: Sequence[str] = ("pico", "nano")
    seeds: Sequence[int] = (0, 1, 2)
    languages: Sequence[str] = ("en", "fr", "ru", "vi", "zh")
    benchmark: str = "howto0"
    documents: int = 6
    unfinished: Collection[tuple[str, str, int]] = ()  # (row, size, seed) that did not run yet
    notes: Mapping[str, str] = field(default_factory=dict)  # by row


# That of the fixture `sweep`.
SWEEP = Sweep(
    rows=(
        "lead-64", "prompt", "prompt, l=1", "prompt, mix-unsup", "model", "model, mix-unsup", "model, sup",
    ),
    sizes=("nano",),
    seeds=(0, 1),
    languages=("en", "ar", "hi", "th", "vi", "zh"),
    benchmark="howto0-short",
    unfinished={("model, sup", "nano", 1)},
    notes={"model, sup": "labels of howto0-short"},
)  # fmt: skip


@dataclass(frozen=True)
class FewDocuments(Benchmark):
    """The first test documents of a benchmark, read once."""

    given: Mapping[str, Sequence[Example]] = field(default_factory=dict)

    def examples(
        self, split: str, *, languages: Sequence[str], limit: int | None = None
    ) -> dict[str, list[Example]]:
        """Return the examples of each language."""
        return {code: list(self.given[code])[:limit] for code in languages}


@cache
def few_documents(name: str, languages: tuple[str, ...], documents: int) -> FewDocuments:
    """Read the first `documents` of a benchmark's test split."""
    whole = BENCHMARKS[name]
    given = whole.examples("test", languages=languages, limit=documents)
    return FewDocuments(
        name, whole.source, languages, whole.description, metrics=METRICS, given=given
    )


def make_sweep(root: Path, sweep: Sweep = Sweep()) -> Path:
    """Write a sweep under `root` and return it: sweep.json, evaluation folders, run folders."""
    listed: list[dict[str, Any]] = []
    for row in sweep.rows:
        for size in ("nano",) if row.startswith("lead-") else sweep.sizes:
            for target in _targets(row, sweep):
                for seed in (None,) if row.startswith("lead-") else sweep.seeds:
                    name = f"{len(listed):03d}"
                    listed.append(
                        {"row": row, "target": target, "seed": seed, "model": size,
                         "folder": f"evaluations/{name}", "note": sweep.notes.get(row, "")}
                    )  # fmt: skip
                    if (row, size, seed) not in sweep.unfinished:
                        _evaluate(root, listed[-1], sweep)
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / "sweep.json", {"grid": "made", "rows": listed})
    return root


def _targets(row: str, sweep: Sweep) -> Sequence[str | None]:
    targeted = row.partition(", ")[2] in TARGETED
    return [code for code in sweep.languages if code != "en"] if targeted else [None]


def _evaluate(root: Path, job: Mapping[str, Any], sweep: Sweep) -> None:
    folder = root / job["folder"]
    made = few_documents(sweep.benchmark, tuple(sweep.languages), sweep.documents)
    english = {example.document: example.target for example in made.given["en"]}
    languages = [c for c in sweep.languages if job["target"] in (None, c) or c == "en"]
    baseline = job["seed"] is None
    for part in (".",) if baseline else ("by-target", "by-english"):
        writer = Writer(job["row"], job["model"], job["seed"] or 0, english, part)
        stamp = {"model": job["model"], "decoding": "beam:4|alpha:0.6", "seed": job["seed"]}
        method = job["row"].split(",")[0]
        place = folder / part
        place.mkdir(parents=True)
        scores = evaluate(
            System(method if baseline else f"{method}-tuning", stamp, writer.write),
            made, folder=place, split="test", languages=languages, limit=sweep.documents,
        )  # fmt: skip
        if not baseline:
            for cell in scores["cells"]:
                cell["checkpoint"] = 300
            write_json(place / "scores.json", scores)
            run = root / f"run-{folder.name}"
            run.mkdir(parents=True, exist_ok=True)
            config = {"method": {"name": f"{method}-tuning", "length": 100}}
            write_json(run / "config.json", config if method == "prompt" else {"method": {}})
            was = Path("elsewhere") / run.name  # where the sweep was before it was moved
            write_json(folder / "config.json", {"run_folder": str(was)})
            write_json(place / "config.json", {"run_folder": str(was)})
    if not baseline:
        _write_curve(folder / "curve.jsonl", job, languages)


@dataclass(frozen=True)
class Writer:
    """Makes the outputs of one run: the same for the same row, size, seed and checkpoint."""

    row: str
    size: str
    seed: int
    english: Mapping[str, str]
    part: str

    def write(self, examples: Sequence[Example]) -> list[str]:
        """Return an output for each example."""
        return [self._output(example) for example in examples]

    def _output(self, example: Example) -> str:
        kept, forgets = ROWS[self.row]
        run = random.Random(f"{self.row} {self.size} {self.seed}")
        kept += run.gauss(0, 0.01) + (0.05 if self.size == "nano" else 0)
        forgets *= (1.3 if self.size == "pico" else 1.0) * (1 + run.gauss(0, 0.05))
        forgets *= 1.0 if "Latin" not in LANGUAGES[example.language].scripts else 0.5
        forgets *= 1.2 if self.part == "by-target" else 1.1
        if self.row.startswith("lead-"):
            return example.input[:200]
        chance = random.Random(f"{self.row} {self.seed} {example.id} {self.part}")
        if example.language != "en" and chance.random() < forgets:
            return self.english.get(example.document, "Click the button.")
        spaced = LANGUAGES[example.language].spaced
        words = example.target.split(" ") if spaced else list(example.target)
        others = (example.input.split() if spaced else list(example.input)) or words
        changed = [w if chance.random() < kept else chance.choice(others) for w in words]
        return (" " if spaced else "").join(changed)


def _write_curve(path: Path, job: Mapping[str, Any], languages: Sequence[str]) -> None:
    random_ = random.Random(str(sorted(job.items(), key=str)))
    forgets = ROWS[job["row"]][1]
    lines = []
    for step in STEPS:
        for code in languages:
            lost = 0 if code == "en" else forgets * step / STEPS[-1]
            far = "Latin" not in LANGUAGES[code].scripts
            values = {
                "sp_rouge_lsum": 12 + 20 * (step / 500) ** 0.5 - 18 * lost,
                "lid": 95 - 85 * lost * (1.2 if far else 0.7),
                "ascii": (15 + 80 * lost) if far else 80 + 15 * lost,
            }
            for metric in CURVES:
                value = min(100.0, max(0.0, values[metric] + random_.gauss(0, 1.5)))
                lines.append(
                    {"step": step, "language": code, "metric": metric, "value": value, "n": 20}
                )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
