"""What the scores show, in words: who leads where, by how much, and what a baseline does beside."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from test_report_tables import make_one

from xlgen.reports.findings import CLOSE, Findings, find
from xlgen.reports.grid import make_grid
from xlgen.reports.read import read_run

EVEN = {"a": 5.0, "b": 6.0, "c": 7.0}
PROMPT, MODEL, LEAD = "prompt-tuning", "model-tuning", "lead-64"


def found(root: Path, *runs: Path) -> Findings:
    grid = make_grid([read_run(run) for run in runs], benchmark="howto0", split="test")
    told = find(grid)
    assert all(told.headline)  # no empty sentence
    return told


def raised(root: Path, languages: tuple[str, ...], **systems: Mapping[str, float]) -> Findings:
    """Find in systems that score the same but for so many points more in a language."""
    names = {"prompt": PROMPT, "model": MODEL, "lead": LEAD}
    return found(
        root,
        *(
            make_one(root, EVEN, method=names[system], languages=languages, raised=more)
            for system, more in systems.items()
        ),
    )


TITLES = [
    (("en",), "In English, ModelTuning does better; no other language was scored by all."),
    (
        ("th", "hi"),
        "In the other languages, PromptTuning does better; English was not scored by all.",
    ),
    (
        ("en", "th", "hi"),
        "ModelTuning does better in English, PromptTuning in the other languages.",
    ),
]


@pytest.mark.parametrize(("languages", "title"), TITLES)
def test_the_title_is_of_the_places_that_were_scored(tmp_path: Path, languages, title: str):
    told = raised(tmp_path, languages, prompt={"th": 3.0, "hi": 3.0}, model={"en": 2.0}, lead={})
    assert told.title == title


def test_equal_scores_have_no_leader(tmp_path: Path):
    told = raised(tmp_path, ("en", "zh"), prompt={}, model={})
    assert told.title == f"In English and in the other languages, the methods are {CLOSE}."
    assert all(f"are {CLOSE}" in text for text in told.sentences)


BASELINES = [
    (
        {"en": 9.0, "th": 9.0},
        "No method beats LEAD-64, which just copies the beginning of the article, in English or on "
        "average elsewhere.",
    ),
    (
        {"en": 9.0},
        "PromptTuning does better, in English and in the other languages; in English, LEAD",
    ),
    (
        {"th": 9.0},
        "PromptTuning does better, in English and in the other languages; on average else",
    ),
    ({"en": 1.0, "th": 1.0}, "PromptTuning does better, in English and in the other languages."),
]


@pytest.mark.parametrize(("lead", "title"), BASELINES)
def test_a_baseline_leads_where_it_is_ahead_of_every_method(tmp_path: Path, lead, title: str):
    """Of one method it is ahead in each case."""
    told = raised(
        tmp_path, ("en", "th"), prompt={"en": 2.0, "th": 2.0}, model={}, lead={"en": 1.0, "th": 1.0} | lead
    )  # fmt: skip
    assert told.title.startswith(title)
    assert any("ModelTuning does worse than LEAD-64" in text for text in told.warnings)


def test_languages_in_which_the_leader_is_ahead_are_counted(tmp_path: Path):
    """Ahead by a third of a point is ahead, but not clearly; in Arabic it is behind."""
    codes = ("th", "hi", "ar")
    ours = make_one(tmp_path, EVEN, method=PROMPT, languages=codes, raised={"hi": 60.0, "ar": -3.0})
    theirs = make_one(tmp_path, {"a": 9.0, "b": 2.0, "c": 6.0}, method=MODEL, languages=codes)
    told = " ".join(found(tmp_path, ours, theirs).sentences)
    assert "It is ahead in 2 of 3 languages, clearly so in 1." in told


def test_outputs_of_a_baseline_are_not_held_against_it(tmp_path: Path):
    """What it copies is the user's own article, empty or in another language."""
    runs = [make_one(tmp_path, EVEN, method=name, languages=("th",)) for name in (PROMPT, LEAD)]
    for run in runs:
        path = run / "predictions/howto0-test.jsonl"
        path.write_text(path.read_text("utf-8").replace('"\\u0e01"', '""', 1), "utf-8")
        scores = path.with_suffix(".scores.jsonl")
        scores.write_text(scores.read_text("utf-8").replace('{"sp', '{"lid": 0.0, "sp'), "utf-8")
        data = json.loads((run / "scores.json").read_text("utf-8"))
        words = [
            data["cells"][0] | {"metric": m, "value": 8.0} for m in ("wrong_words", "all_english")
        ]
        (run / "scores.json").write_text(
            json.dumps(data | {"cells": data["cells"] + words}), "utf-8"
        )
    sentences = found(tmp_path, *runs).sentences
    wrong, words, empty = sentences[-3:]
    assert "of PromptTuning's non-empty outputs are in the wrong language" in wrong
    assert words.startswith("In the other languages, 8.0 % of the words of PromptTuning's outputs")
    assert empty.endswith("of PromptTuning's outputs are empty.")
    assert not any("LEAD-64's" in text for text in sentences)
