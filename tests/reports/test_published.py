"""The paper's cells, against values read off its pages by eye."""

import pytest

from xlgen.languages import LANGUAGES
from xlgen.metrics import METRICS
from xlgen.reports.published import (
    SUMMARIES,
    printed_cells,
    published,
    published_languages,
    published_sizes,
)

# Vu et al. 2022: row, size, language, metric, mean, std as printed.
PRINTED = [
    ("lead-64", "", "en", "sp_rouge_lsum", 20.7, 0.0),
    ("prompt", "xxl", "th", "sp_rouge_lsum", 37.4, 0.7),
    ("model", "xxl", "th", "sp_rouge_lsum", 30.1, 0.5),
    ("model", "xl", "ru", "lid_en", 61.6, 15.8),
    ("prompt", "small", "ru", "lid", 10.1, 1.0),
    ("prompt, l=1", "base", "th", "lid", 80.2, 12.2),
    ("prompt, l=1000", "xxl", "en", "lid_en", 92.0, 2.0),
    ("model, sup-all", "xxl", "vi", "sp_rouge_lsum", 43.8, 0.2),
    ("prompt, trans-test", "xxl", "ru", "lid", 93.2, 0.3),
    ("model, it-lm", "base", "fr", "lid", 9.9, 11.6),
    ("prompt, fp-en", "xxl", "vi", "lid", 98.0, 0.8),
    ("prompt", "large", "hi", "sp_rouge_lsum", 17.3, 0.1),  # Table 8
]


@pytest.mark.parametrize(("row", "size", "language", "metric", "mean", "std"), PRINTED)
def test_cells_are_those_of_the_pages(row, size, language, metric, mean, std):
    cell = published(row, size, language=language, metric=metric)
    assert cell is not None
    assert (cell.mean, cell.std) == (mean, std)


def test_the_paper_repeats_itself_without_contradiction():
    found = {}
    for cell in printed_cells():
        if cell.table in SUMMARIES:
            key = (cell.row, cell.size, cell.language, cell.metric)
            assert found.setdefault(key, (cell.mean, cell.std)) == (cell.mean, cell.std), key
    assert len(printed_cells()) == 1320


def test_languages_and_metrics_are_ours():
    cells = [cell for cell in printed_cells() if cell.table in SUMMARIES]
    assert {cell.metric for cell in cells} <= set(METRICS)
    assert {cell.language for cell in cells} == set(LANGUAGES)
    assert published_languages("10") == ("en", "fr", "ru", "th", "vi")
    assert published_languages("8") == tuple(LANGUAGES)
    assert {cell.metric for cell in printed_cells() if cell.table != "9"} <= set(METRICS)


def test_what_is_not_printed_is_none():
    assert published("prompt, sup", "base", language="fr", metric="lid") is None
    assert published("prompt, trans-test", "xxl", language="en", metric="lid_en") is None
    assert published_sizes("prompt", table="10") == ("small", "base", "large", "xl", "xxl")
    assert published_sizes("prompt, fp", table="11") == ("base", "xxl")
    assert published_sizes("lead-64", table="11") == ("",)
    assert published_sizes("prompt, fp", table="10") == ()


@pytest.mark.parametrize(
    ("table", "size", "row", "language", "metric", "mean", "std"),
    [
        ("2", "xxl", "prompt", "sw", "accuracy", 80.7, 0.7),
        ("3", "base", "model", "el", "answer_f1", 68.4, 0.4),
        ("4", "xxl", "model", "ar", "mlqa_f1", 71.1, 0.5),
        ("5", "base", "prompt", "te", "answer_f1", 41.1, 3.3),
        ("6", "xxl", "prompt", "ko", "accuracy", 86.0, 0.9),
        ("7", "base", "prompt", "ur", "span_f1", 50.4, 6.9),
        ("7", "xxl", "model", "yo", "span_f1", 68.2, 3.1),
    ],
)
def test_cells_of_understanding_are_those_of_the_pages(
    table, size, row, language, metric, mean, std
):
    (cell,) = [
        cell
        for cell in printed_cells()
        if (cell.table, cell.size, cell.row, cell.language) == (table, size, row, language)
    ]
    assert (cell.metric, cell.mean, cell.std) == (metric, mean, std)
