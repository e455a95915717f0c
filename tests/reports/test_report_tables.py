"""Tables and sentences say what scores.json says."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import make_runs, write_json
from rich.console import Console

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.reports.findings import find
from xlgen.reports.grid import QUALITY, difference, empty_share, make_grid, wrong_share
from xlgen.reports.html import Report, make_report
from xlgen.reports.read import RunResults, read_run
from xlgen.reports.tables import markdown_table, terminal_table


@pytest.fixture(scope="module")
def results(runs: list[Path]) -> list[RunResults]:
    return [read_run(run) for run in runs]


def shown(table: object, width: int) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    return console.export_text().splitlines()


def stored(run: Path, benchmark: str) -> dict[tuple[str, str], dict]:
    cells = json.loads((run / "scores.json").read_text("utf-8"))["cells"]
    return {(c["language"], c["metric"]): c for c in cells if c["benchmark"] == benchmark}


@pytest.mark.parametrize("benchmark", ["howto0", "howto0-short"])
def test_markdown_equals_scores(runs: list[Path], results: list[RunResults], benchmark: str):
    lines = markdown_table(results, benchmark).splitlines()
    assert lines[0] == "| language | n | PromptTuning | ModelTuning | LEAD-64 |"
    rows = {line.split("|")[1].strip(): line.split("|")[3:-1] for line in lines[2:-1]}
    for system, run in enumerate(runs):
        for (language, metric), cell in stored(run, benchmark).items():
            if metric == QUALITY:
                text = rows[LANGUAGES[language].name][system].replace("*", "").strip()
                assert text == f"{cell['value']:.1f} ({cell['low']:.1f} to {cell['high']:.1f})"
    assert all(line.count("**") == 2 for line in lines[2:-1])


def test_n_is_that_of_the_quality_scores(tmp_path: Path):
    run = make_runs(tmp_path)[0]
    scores = json.loads((run / "scores.json").read_text("utf-8"))
    for cell in scores["cells"]:
        cell["n"] -= 2 * (cell["metric"] == "ascii")  # two empty outputs
    write_json(run / "scores.json", scores)
    rows = markdown_table([read_run(run)], "howto0").splitlines()[2:-1]
    assert {row.split("|")[2].strip() for row in rows} == {"6"}


@pytest.mark.parametrize("width", [80, 100])
def test_terminal_table_fits_and_equals_scores(
    runs: list[Path], results: list[RunResults], width: int
):
    lines = shown(terminal_table(results, "howto0-short", width=width), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    for system, run in enumerate(runs):
        for (language, metric), cell in stored(run, "howto0-short").items():
            if metric != QUALITY:
                continue
            name = LANGUAGES[language].name if width == 100 else language
            (row,) = [line for line in lines if line.startswith(f"{name} ")]
            value = f"{cell['value']:.1f} ±{(cell['high'] - cell['low']) / 2:.1f}"
            assert value in row
            assert row.index(value) < len(row) * (system + 1) / 3 + 12


def test_terminal_table_fits_with_gaps_and_with_many_systems(tmp_path: Path):
    names = ["prompt-tuning", "model-tuning", "lead-64", "lora", "factorized-prompt"]
    systems = dict.fromkeys(names, (20.0, 10.0, 0.3))
    results = [read_run(run) for run in make_runs(tmp_path, systems=systems, examples=3)]
    gap = replace(results[0], cells=tuple(c for c in results[0].cells if c.language != "vi"))
    for some in ([gap, *results[1:3]], [gap, *results[1:]]):
        lines = shown(terminal_table(some, "howto0", width=80), 80)
        assert max(map(len, lines)) <= 80
        assert "…" not in "".join(lines)
        assert "(n=13 of 14)" in "".join(lines)
        assert "missing" in next(line for line in lines if line.startswith("vi"))


def test_page_equals_scores(runs: list[Path], page: str):
    for run in runs:
        for cell in stored(run, "howto0").values():
            if cell["metric"] == QUALITY:
                assert f"{cell['low']:.1f} to {cell['high']:.1f}</span>" in page


def test_average_is_over_the_other_languages(runs: list[Path], results: list[RunResults]):
    grid = make_grid(results, benchmark="howto0", split="test")
    for system, run in enumerate(runs):
        values = [
            cell["value"]
            for (language, metric), cell in stored(run, "howto0").items()
            if metric == QUALITY and language != "en"
        ]
        average = grid.average(QUALITY, system)
        assert average is not None
        assert (average.n, average.of) == (14, 14)
        assert average.value == pytest.approx(sum(values) / 14)
        assert average.low < average.value < average.high


def test_interval_of_one_language_is_that_of_the_mean(tmp_path: Path):
    run = make_one(tmp_path, {"a": 10.0, "b": 20.0, "c": 60.0})
    base = make_one(tmp_path, {"a": 0.0, "b": 0.0, "c": 0.0}, method="lead-64")
    grid = make_grid([read_run(run), read_run(base)], benchmark="howto0", split="test")
    gap = difference(grid, (0, 1), languages=["th"])
    assert gap is not None
    # Mean 30, sample variance 700, so half the interval is 1.96 * sqrt(700 / 3).
    assert (gap.value, gap.high) == pytest.approx((30.0, 30.0 + 1.959964 * (700 / 3) ** 0.5))


def test_translations_of_one_document_are_one_cluster(tmp_path: Path):
    values = {"a": 10.0, "b": 20.0, "c": 60.0}
    runs = [
        make_one(tmp_path / name, values, languages=languages)
        for name, languages in (("one", ["th"]), ("two", ["th", "hi"]))
    ]
    one, two = (
        make_grid([read_run(run)], benchmark="howto0", split="test").average(QUALITY, 0)
        for run in runs
    )
    assert (one.low, one.high) == pytest.approx((two.low, two.high))


def make_one(
    root: Path,
    values: dict[str, float],
    *,
    method: str = "prompt-tuning",
    languages: tuple = ("th",),
    raised: Mapping[str, float] | None = None,
) -> Path:
    """Write a run with just these scores per example, higher by `raised` in a language."""
    folder = root / method
    (folder / "predictions").mkdir(parents=True)
    lines, scores, cells = [], [], []
    for language in languages:
        more = (raised or {}).get(language, 0.0)
        for name, value in values.items():
            key = {"id": name, "language": language}
            lines.append(json.dumps({**key, "prediction": "ก", "reference": "ข"}))
            scores.append(json.dumps({**key, "scores": {QUALITY: value + more}}))
        mean = sum(values.values()) / len(values) + more
        cell = {"benchmark": "howto0", "split": "test", "language": language, "metric": QUALITY}
        cells.append({**cell, "value": mean, "n": len(values)})
    (folder / "predictions/howto0-test.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "predictions/howto0-test.scores.jsonl").write_text("\n".join(scores), "utf-8")
    write_json(folder / "scores.json", {"method": method, "cells": cells})
    return folder


# Means in English and elsewhere, share of wrong language; the sentence that has to be there.
CASES = [
    ((20, 15, 0.1), (30, 8, 0.6), (5, 5, 0), "ModelTuning does better in English, PromptTuning in"),
    ((30, 15, 0.1), (20, 8, 0.6), (5, 5, 0), "PromptTuning does better, in English and in the"),
    ((20, 15, 0.1), (20, 15, 0.1), (5, 5, 0), "the methods are too close to call."),
    ((20, 15, 0.1), (20, 8, 0.6), (5, 5, 0), "in the other languages, PromptTuning does better."),
    (
        (20, 15, 0.1),
        (30, 8, 0.6),
        (25, 12, 0),
        "PromptTuning does worse than LEAD-64 in English by",
    ),
    ((20, 15, 0.1), (30, 8, 0.6), (25, 12, 0), "ModelTuning does worse than LEAD-64 in the other"),
    (
        (20, 15, 0.1),
        (30, 8, 0.6),
        (20, 5, 0),
        "PromptTuning is not clearly better than LEAD-64 in E",
    ),
]


@pytest.mark.parametrize(("prompt", "model", "lead", "sentence"), CASES)
def test_headline_follows_the_scores(tmp_path: Path, prompt, model, lead, sentence: str):
    systems = {"prompt-tuning": prompt, "model-tuning": model, "lead-64": lead}
    languages = {"howto0": ["en", "de", "ru", "vi", "zh", "fr"]}
    runs = make_runs(tmp_path, systems=systems, examples=40, benchmarks=languages)
    grid = make_grid([read_run(r) for r in runs], benchmark="howto0", split="test")
    assert sentence in " ".join(find(grid).headline)


def test_headline_names_the_languages_in_which_a_method_beats_a_baseline(tmp_path: Path):
    codes, values = ("en", "de", "zh"), {"a": 5.0, "b": 6.0, "c": 7.0}
    method = make_one(tmp_path, values, languages=codes, raised={"zh": 9.0})
    lead = make_one(
        tmp_path, values, method="lead-64", languages=codes, raised={"en": 8.0, "de": 8.5}
    )
    runs = (method, lead)
    grid = make_grid([read_run(r) for r in runs], benchmark="howto0", split="test")
    assert "It is clearly ahead of it in Chinese." in find(grid).warnings[0]


def test_headline_tells_no_lead64_warning_where_methods_are_better(tmp_path: Path):
    systems = {"prompt-tuning": (40, 30, 0.1), "model-tuning": (40, 20, 0.5), "lead-64": (5, 5, 0)}
    runs = make_runs(tmp_path, systems=systems, examples=20)
    report = make_report(runs, tmp_path / "report.html", samples=0)
    assert "LEAD-64 in" not in " ".join(report.headline)


def test_wrong_language_share_counts_outputs_with_no_confidence(
    runs: list[Path], report: Report, results: list[RunResults]
):
    lines = (runs[1] / "predictions/howto0-test.scores.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    outputs = {(p.language, p.id): p.prediction for p in results[1].predictions["howto0", "test"]}
    shares, empty = [], []
    for code in dict.fromkeys(r["language"] for r in records if r["language"] != "en"):
        scores = [
            (outputs[code, r["id"]], r["scores"]["lid"]) for r in records if r["language"] == code
        ]
        wrong = [lid == 0 for text, lid in scores if text]
        shares.append(100 * sum(wrong) / len(wrong))
        empty.append(100 * sum(not text for text, _ in scores) / len(scores))
    text = " ".join(report.headline)
    assert f"{sum(shares) / 14:.1f} % (" in text.split("outputs are in the wrong")[0]
    assert f"{sum(empty) / 14:.1f} % (" in text.split("references")[1]
    assert "of ModelTuning's outputs are empty." in text


def test_empty_outputs_are_in_no_language(tmp_path: Path):
    run = make_one(tmp_path, {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0})
    path = run / "predictions/howto0-test.jsonl"
    lines = path.read_text("utf-8").split("\n")
    lines[:2] = [line.replace('"\\u0e01"', '" \\n"') for line in lines[:2]]
    path.write_text("\n".join(lines), "utf-8")
    scores = path.with_suffix(".scores.jsonl")
    text = scores.read_text("utf-8").replace('{"sp', '{"lid": 0.0, "sp', 3)
    scores.write_text(text.replace('{"sp', '{"lid": 90.0, "sp'), "utf-8")
    grid = make_grid([read_run(run)], benchmark="howto0", split="test")
    wrong, empty = (f(grid, 0, languages=["th"]) for f in (wrong_share, empty_share))
    assert wrong is not None
    assert empty is not None
    assert (wrong.value, empty.value) == (50.0, 50.0)
    assert wrong_share(grid, 0, languages=["hi"]) is None


def test_scores_of_two_tokenizers_are_not_compared(tmp_path: Path):
    runs = make_runs(tmp_path, examples=3)
    data = json.loads((runs[0] / "scores.json").read_text("utf-8"))
    for cell in data["cells"]:
        cell["signature"] = cell["signature"].replace("1a2b3c", "9z9z9z")
    write_json(runs[0] / "scores.json", data)
    report = make_report(runs, tmp_path / "report.html", samples=0)
    assert report.headline[0].startswith("The quality scores cannot be compared")
    assert "PromptTuning: sp_rouge_lsum|version:1|tok:packaged-9z9z9z" in report.headline[1]
    assert "does better" not in " ".join(report.headline)
    grid = make_grid([read_run(r) for r in runs], benchmark="howto0", split="test")
    assert grid.best("vi", QUALITY) == frozenset()
    compared = {(gap["first"], gap["second"]) for gap in report.differences}
    assert compared == {("ModelTuning", "LEAD-64")}


def test_differences_are_those_of_the_scores_and_clear_ones_are_marked(
    runs: list[Path], report: Report, page: str
):
    grid = make_grid([read_run(run) for run in runs], benchmark="howto0", split="test")
    told = {
        (d["language"], d["first"], d["second"]): d
        for d in report.to_json()["differences"]
        if d["benchmark"] == "howto0"
    }
    assert len(told) == 3 * (len(grid.languages) + 1)
    gap = told["vi", "PromptTuning", "ModelTuning"]
    values = [grid.cell("vi", QUALITY, system).value for system in (0, 1)]
    assert gap["value"] == pytest.approx(values[0] - values[1])
    assert gap["low"] < gap["value"] < gap["high"]
    others = difference(grid, (0, 2), languages=grid.others)
    assert told["others", "PromptTuning", "LEAD-64"]["value"] == pytest.approx(others.value)
    clear = [d for d in report.differences if d["low"] > 0 or d["high"] < 0]
    assert page.count('title="clear: the interval excludes zero"') == len(clear) > 0


def test_scores_of_different_numbers_of_examples_are_warned_of(tmp_path: Path):
    runs = make_runs(tmp_path, examples=4)
    data = json.loads((runs[0] / "scores.json").read_text("utf-8"))
    for cell in data["cells"]:
        if cell["language"] == "vi":
            cell["n"] = 2
    write_json(runs[0] / "scores.json", data)
    report = make_report(runs, tmp_path / "report.html", samples=0)
    assert "different numbers of examples (Vietnamese 2/4)" in " ".join(report.headline)


def test_scores_compare_whatever_their_count_decoding_and_release(tmp_path: Path):
    runs = make_runs(tmp_path, examples=3)
    for n, run in enumerate(runs):
        data = json.loads((run / "scores.json").read_text("utf-8"))
        for cell in data["cells"]:
            cell["signature"] += f"|decoding:beam:{n}|n:{n}|xlgen:0.1.{n}"
        write_json(run / "scores.json", data)
    report = make_report(runs, tmp_path / "report.html", samples=0)
    assert "compared" not in report.headline[0]


@pytest.mark.parametrize(
    ("systems", "sentence"),
    [
        ({"lead-64": (5, 5, 0)}, "Only a baseline was scored: LEAD-64."),
        ({"prompt-tuning": (20, 10, 0.2)}, "PromptTuning on howto0: one method"),
    ],
)
def test_one_system_has_a_headline_too(tmp_path: Path, systems, sentence: str):
    runs = make_runs(tmp_path, systems=systems, examples=2)
    assert sentence in make_report(runs, tmp_path / "report.html").headline[0]


@pytest.mark.parametrize("languages", [["en"], ["th"], ["th", "ar"]])
def test_few_languages_are_enough(tmp_path: Path, languages: list[str]):
    runs = make_runs(tmp_path, examples=3, benchmarks={"howto0": languages})
    report = make_report(runs, tmp_path / "report.html")
    assert report.headline[0].endswith(".")
    assert shown(report.tables[0], 100)


def test_two_runs_of_one_method_are_told_apart(tmp_path: Path):
    runs = [
        make_runs(
            tmp_path / str(seed), systems={"prompt-tuning": (20, 10, 0.2)}, examples=3, seed=seed
        )[0]
        for seed in (0, 1)
    ]
    runs = [run.rename(tmp_path / f"seed-{i}") for i, run in enumerate(runs)]
    text = markdown_table([read_run(run) for run in runs], "howto0")
    assert "PromptTuning (seed-0) | PromptTuning (seed-1)" in text


def test_unknown_benchmark_names_near_ones(results: list[RunResults]):
    with pytest.raises(InputError, match="did you mean howto0"):
        terminal_table(results, "howto")
    with pytest.raises(InputError, match="no split 'validation'"):
        markdown_table(results, "howto0", split="validation")


def test_terminal_shows_data_as_text_only(tmp_path: Path):
    (run,) = make_runs(tmp_path, systems={"prompt-tuning": (20, 10, 0.2)}, examples=2)
    data = json.loads((run / "scores.json").read_text("utf-8"))
    write_json(run / "scores.json", {**data, "method": "[red]x[/red]\x1b[31m\u202e"})
    text = "\n".join(shown(terminal_table([read_run(run)], "howto0"), 100))
    assert "[red]x[/red]<U+001B>[31m<U+202E>" in text
    assert "\x1b" not in text
