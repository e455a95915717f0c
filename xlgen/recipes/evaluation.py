"""Evaluation as in the paper: every checkpoint on validation, each language's best one on the test split.

xlgen train evaluate.protocol run_folder=runs/prompt limit=100 --out runs/prompt-scores
xlgen report runs/prompt-scores/by-target runs/prompt-scores/by-english

`Evaluation` reads a trained run and writes a folder of its own; `Baseline` is LEAD-n, which nothing trains.
A sweep adds both to its runs (`xlgen/studies`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.evaluate import evaluate
from xlgen.config import override, read_config, to_json
from xlgen.errors import InputError
from xlgen.files import read_object, write_json, write_whole
from xlgen.languages import SOURCE
from xlgen.recipes.base import RunConfig
from xlgen.run import Adaptation, evaluate_baseline, open_run
from xlgen.training.folder import RunFolder, list_steps
from xlgen.translation.base import Translator
from xlgen.translation.through import through_english

CHOICES = ("target", "english")
Split = Literal["validation", "test"]


@dataclass(frozen=True)
class Evaluated:
    """Which checkpoint was chosen for each language: on its own validation texts, and on English ones."""

    folder: Path
    target: Mapping[str, int]
    english: int | None

    def __str__(self) -> str:
        chosen = ", ".join(f"{language} {step:,}" for language, step in self.target.items())
        english = "" if self.english is None else f", by English {self.english:,}"
        return f"{self.folder}: best steps {chosen}{english}"


@dataclass(frozen=True)
class Evaluation(RunConfig):
    """Score all checkpoints of the run in `run_folder` on validation, and the best ones on the test split.

    The best one of a language has the highest quality (SP-ROUGE-Lsum, or the benchmark's first metric) on
    `validation_limit` validation examples in it (section 2.2.2: 250), which needs labels there; beside it
    stands the choice on English alone. Of the test split, `limit` examples a language. `settings` override
    what only generation depends on, as "method.swap=false" (FP-EN). With a `translator` inputs go through
    English (TRANS-TEST).

    The folder holds `curve.jsonl` (validation scores of every step), `checkpoints/`, and two folders that
    read like a run's: `by-target` and `by-english`.
    """

    name: ClassVar[str] = "evaluation"
    split: ClassVar[Split] = "test"  # of the scores that are reported
    run_folder: Path = Path("run")
    benchmark: str = "howto0"
    languages: tuple[str, ...] | None = None
    validation_limit: int | None = 250
    limit: int | None = None
    settings: tuple[str, ...] = ()
    translator: Translator | None = None

    def run(self, folder: Path) -> Evaluated:
        """Evaluate into `folder`; what an earlier call has predicted is kept."""
        languages = list(self.languages or BENCHMARKS[self.benchmark].languages)
        config = override(read_config(RunConfig, self.run_folder / "config.json"), self.settings)
        steps = list_steps(self.run_folder)
        if not isinstance(config, Adaptation) or config.training.steps not in steps:
            raise InputError(
                f"{self.run_folder}: expected an adaptation with all its steps; run `xlgen train` on it first"
            )
        with RunFolder(folder, self) as opened, opened.evaluating():
            cells = {
                s: self._evaluate(folder, s, split="validation", languages=languages) for s in steps
            }
            self._write_curve(folder / "curve.jsonl", cells)
            metric = BENCHMARKS[self.benchmark].quality
            quality = {step: _scores(cells[step], metric) for step in steps}
            target = {code: best_of(quality, code) for code in languages}
            english = best_of(quality, SOURCE) if SOURCE in languages else None
            choices = {"target": target}
            if english is not None:
                choices["english"] = dict.fromkeys(languages, english)
            for step in steps:
                wanted = {
                    code
                    for chosen in choices.values()
                    for code in languages
                    if chosen[code] == step
                }
                if wanted and self.split == "test":  # those of validation are there
                    asked = [code for code in languages if code in wanted]
                    self._evaluate(folder, step, split="test", languages=asked)
            for name, chosen in choices.items():
                out = folder / f"by-{name}"
                self._gather(out, chosen, name=name)
                write_json(out / "config.json", to_json(config))
        return Evaluated(folder, target, english)

    def _evaluate(
        self, folder: Path, step: int, *, split: str, languages: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return the cells of one checkpoint and split."""
        system = open_run(self.run_folder, str(step), settings=self.settings).system()
        stamp = system.stamp | {"settings": list(self.settings)}
        predict = system.predict
        if self.translator is not None:
            stamp |= {"translator": self._translator_identity(languages)}
            memory = folder / "translations.jsonl"
            predict = through_english(predict, self.translator, memory=memory)
            # alone, so that a translator that fails takes one language with it
            system = replace(system, together=1)
        system = replace(system, stamp=stamp, predict=predict)
        limit = self.limit if split == "test" else self.validation_limit
        place = _place(folder, step)
        scores = evaluate(
            system,
            BENCHMARKS[self.benchmark],
            folder=place,
            split=split,
            languages=languages,
            limit=limit,
        )
        return [cell for cell in scores["cells"] if cell["split"] == split]

    def _write_curve(self, path: Path, cells: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
        names = ("language", "metric", "value", "n")
        lines = [
            {"step": step} | {n: cell[n] for n in names}
            for step, of in cells.items()
            for cell in of
        ]
        write_whole(path, "".join(json.dumps(line) + "\n" for line in lines))

    def _translator_identity(self, languages: Sequence[str]) -> dict[str, str]:
        """Return what decides each direction's translations; refuse a language without a way."""
        assert self.translator is not None
        foreign = [code for code in languages if code != SOURCE]
        ways = [way for code in foreign for way in ((code, SOURCE), (SOURCE, code))]
        for way in ways:
            self.translator.check(*way)
        return {"-".join(way): self.translator.identity(*way) for way in ways}

    def _gather(self, out: Path, chosen: Mapping[str, int], *, name: str) -> None:
        """Write the scores and predictions of the chosen checkpoints as one run's."""
        stem = f"{self.benchmark}-{self.split}"
        (out / "predictions").mkdir(parents=True, exist_ok=True)
        places = {code: _place(out.parent, step) for code, step in chosen.items()}
        for end in (".jsonl", ".scores.jsonl"):
            path = Path("predictions") / f"{stem}{end}"
            parts = [_lines_of(place / path, language=code) for code, place in places.items()]
            write_whole(out / path, "".join(parts))
        cells: list[dict[str, Any]] = []
        scores: dict[str, Any] = {}
        for code, place in places.items():
            scores = read_object(place / "scores.json", remedy="delete it and evaluate again")
            found = (
                c for c in scores["cells"] if (c["language"], c["split"]) == (code, self.split)
            )
            cells += [cell | {"checkpoint": chosen[code]} for cell in found]
        steps = sorted(set(chosen.values()))
        step = steps[0] if len(steps) == 1 else None
        stamp = scores["run"] | {"checkpoint": step, "chosen": f"by {name}"}
        write_json(out / "scores.json", scores | {"run": stamp, "checkpoint": step, "cells": cells})
        history = self.run_folder / "metrics.jsonl"
        if history.is_file():
            write_whole(out / "metrics.jsonl", history.read_text("utf-8"))


@dataclass(frozen=True)
class BestValidation(Evaluation):
    """As `Evaluation`, but what is reported are the validation scores that chose (Tables 2 to 7)."""

    # a class of its own, not a setting: settings name the folders of sweeps that have begun already
    name: ClassVar[str] = "best validation"
    split: ClassVar[Split] = "validation"


def best_of(quality: Mapping[int, Mapping[str, float]], language: str) -> int:
    """Return the step with a language's highest score; the earliest of equals.

    >>> best_of({100: {"fr": 9.0}, 200: {"fr": 11.0}, 300: {"fr": 11.0}}, "fr")
    200
    """
    found = {step: scores[language] for step, scores in quality.items() if language in scores}
    if not found:
        raise InputError(
            f"no checkpoint has a validation score in {language}, so none is the best; "
            "leave the language out, or choose a benchmark that validates it"
        )
    return min(found, key=lambda step: (-found[step], step))


def _scores(cells: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float]:
    found = (c for c in cells if c["metric"] == metric and c["value"] is not None and c["n"])
    return {cell["language"]: cell["value"] for cell in found}


def _place(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:07d}"


def _lines_of(path: Path, *, language: str) -> str:
    lines = path.read_text("utf-8").split("\n")
    return "".join(
        f"{line}\n" for line in lines if line and json.loads(line)["language"] == language
    )


@dataclass(frozen=True)
class Scored:
    """A baseline's folder and how many cells it holds."""

    folder: Path
    cells: int

    def __str__(self) -> str:
        return f"{self.folder}: {self.cells:,} scores"


@dataclass(frozen=True)
class Baseline(RunConfig):
    """LEAD-n on the test split: `baseline` copies the first n pieces of the article."""

    name: ClassVar[str] = "baseline"
    baseline: str = "lead-64"
    benchmark: str = "howto0"
    languages: tuple[str, ...] | None = None
    limit: int | None = None

    def run(self, folder: Path) -> Scored:
        """Score into `folder`."""
        scores = evaluate_baseline(
            folder,
            self.benchmark,
            baseline=self.baseline,
            languages=self.languages,
            limit=self.limit,
        )
        return Scored(folder, len(scores["cells"]))


def protocol() -> Evaluation:
    """Score all checkpoints of `run_folder` on validation, and each language's best one on the test split."""
    return Evaluation()
