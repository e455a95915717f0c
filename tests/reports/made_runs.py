"""Run folders as evaluation writes them, made from real text and a seed: two methods and LEAD-64.

The texts are Article 1 of the Universal Declaration of Human Rights (United Nations, OHCHR's
translations), so that every script is really there; the scores are drawn, not measured.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from udhr import ARTICLE_1

SHORT_ONLY = ("ar", "hi", "th")
BENCHMARKS = {
    "howto0": tuple(code for code in ARTICLE_1 if code not in SHORT_ONLY),
    "howto0-short": tuple(ARTICLE_1),
}
# Mean SP-ROUGE-Lsum in English and elsewhere, and the share of wrong-language outputs.
SYSTEMS: dict[str, tuple[float, float, float]] = {
    "prompt-tuning": (24.0, 15.5, 0.10),
    "model-tuning": (31.0, 9.0, 0.62),
    "lead-64": (17.0, 12.5, 0.05),
}
VARIANTS = {"sp_rouge_1": 1.1, "sp_rouge_2": 0.4, "sp_rouge_l": 0.9}
HOSTILE = (
    "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)> "
    "\u202eabc\u202c \x1b[31mred\x1b[0m"
)


def make_runs(
    root: Path,
    *,
    systems: Mapping[str, tuple[float, float, float]] = SYSTEMS,
    examples: int = 6,
    benchmarks: Mapping[str, Sequence[str]] = BENCHMARKS,
    seed: int = 0,
) -> list[Path]:
    """Write one run folder per system under `root` and return them."""
    return [
        _make_run(root / method, method, means, examples, benchmarks, seed)
        for method, means in systems.items()
    ]


def _make_run(
    folder: Path,
    method: str,
    means: tuple[float, float, float],
    examples: int,
    benchmarks: Mapping[str, Sequence[str]],
    seed: int,
) -> Path:
    random_ = random.Random(f"{method} {seed}")
    (folder / "predictions").mkdir(parents=True)
    cells: list[dict[str, Any]] = []
    for benchmark, languages in benchmarks.items():
        predictions, scores = [], []
        for language in languages:
            for count in range(examples):
                record, score = _example(method, language, count, means, random_)
                predictions.append(record)
                scores.append(score)
            cells += _cells(benchmark, language, [s["scores"] for s in scores[-examples:]])
        _write_lines(folder / "predictions" / f"{benchmark}-test.jsonl", predictions)
        _write_lines(folder / "predictions" / f"{benchmark}-test.scores.jsonl", scores)
    baseline = method.startswith("lead")
    data = {
        "run": {
            "command": f"xlgen evaluate --run runs/{method} --benchmark howto0,howto0-short",
            "versions": {"xlgen": "0.1.0", "torch": "2.13.0"},
            "licences": {"howto0": "MPL-2.0, CC-BY-SA-3.0", "howto0-short": "GPL-2.0-or-later"},
        },
        "method": method,
        "checkpoint": None if baseline else 600,
        "cells": cells,
    }
    write_json(folder / "scores.json", data)
    if not baseline:
        write_json(folder / "config.json", {"method": {"name": method}, "training": {"steps": 800}})
        _write_lines(folder / "metrics.jsonl", _history(method, random_))
    return folder


def _example(
    method: str,
    language: str,
    count: int,
    means: tuple[float, float, float],
    random_: random.Random,
) -> tuple[dict[str, Any], dict[str, Any]]:
    english, elsewhere, wrong_rate = means
    quality = min(100.0, max(0.0, random_.gauss(english if language == "en" else elsewhere, 7)))
    wrong = language != "en" and random_.random() < wrong_rate
    text, reference = ARTICLE_1[language], ARTICLE_1[language][: len(ARTICLE_1[language]) // 2]
    scores = {
        "sp_rouge_lsum": quality,
        "lid": 0.0 if wrong else random_.uniform(70, 100),
        "lid_en": random_.uniform(60, 100) if wrong else 0.0,
        "ascii": random_.uniform(60, 100) if wrong else 20.0,
        **{name: min(100.0, quality * factor) for name, factor in VARIANTS.items()},
    }
    if language == "en":
        scores["lid_en"] = scores["lid"]
    identity = f"page-{count:03d}"
    record = {
        "id": identity,
        "language": language,
        "input": "\n".join([text] * 4),
        "prediction": _prediction(method, text, count, wrong, random_),
        "reference": reference,
    }
    return record, {"id": identity, "language": language, "scores": scores}


def _prediction(method: str, text: str, count: int, wrong: bool, random_: random.Random) -> str:
    if count == 0:
        return f"{HOSTILE} {text[:30]}"
    if count == 2 and method == "model-tuning":
        return ""
    if wrong:
        words = ARTICLE_1["en"].split()
        start = random_.randrange(len(words) - 12)
        return f"{text[: random_.randrange(1, 40)]} {' '.join(words[start : start + 12])}"
    return text[: random_.randrange(30, 90)]


def _cells(benchmark: str, language: str, scores: list[dict[str, float]]) -> list[dict[str, Any]]:
    made = []
    for metric in scores[0]:
        values = [score[metric] for score in scores]
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
        half = 1.96 * spread / len(values) ** 0.5
        made.append(
            {
                "benchmark": benchmark, "split": "test", "language": language, "metric": metric,
                "value": mean, "n": len(values),
                "low": max(0.0, mean - half), "high": min(100.0, mean + half),
                "signature": f"{metric}|version:1|tok:packaged-1a2b3c|lines:lf|beam:4|alpha:0.6",
            }
        )  # fmt: skip
    return made


def _history(method: str, random_: random.Random) -> list[dict[str, Any]]:
    forgets = 0.9 if method == "model-tuning" else 0.25
    lines = []
    for step in range(10, 801, 10):
        line: dict[str, Any] = {"step": step, "loss": 5 * step**-0.18 + random_.gauss(0, 0.08)}
        if step % 100 == 0:
            line["validation"] = {
                code: {
                    "loss": 5.1 * step**-0.16
                    + (0 if code == "en" else 0.6 + forgets * step / 900 + index / 40)
                }
                for index, code in enumerate(BENCHMARKS["howto0"])
            }
        lines.append(line)
    return lines


def write_json(path: Path, data: Any) -> None:
    """Write JSON as the package does."""
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")


def _write_lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(text, "utf-8")
