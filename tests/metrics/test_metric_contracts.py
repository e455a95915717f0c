"""What every entry of METRICS must keep; a new metric is tested here before it has tests of its own."""

import math
from pathlib import Path

import numpy as np
import pytest

from xlgen import __version__
from xlgen.metrics import METRICS
from xlgen.metrics.base import Metric, signed
from xlgen.metrics.pieces import Pieces
from xlgen.metrics.predictions import Prediction
from xlgen.metrics.score import score_records

LANGUAGES = ("th", "ar", "hi", "zh", "vi", "en")
# How a text becomes a reference where not any text is one.
FORMS = {"span_f1": lambda text: f"PER: {text.replace(':', '')}"}


@pytest.fixture(params=list(METRICS))
def metric(request: pytest.FixtureRequest, pieces: Pieces) -> Metric:
    return METRICS[request.param](pieces)


def make_rows(metric: Metric, texts: dict[str, list[str]]) -> np.ndarray:
    rows = []
    for language in LANGUAGES:
        first, second = texts[language][:2]
        cases = [(first, second), (first, first), ("", first), (second[:40], first), (" ", first)]
        rows += [metric.statistics(*case, language) for case in cases]
    return np.array(rows)


def test_statistics_have_one_length_and_are_finite(
    metric: Metric, texts: dict[str, list[str]]
) -> None:
    rows = make_rows(metric, texts)
    assert rows.ndim == 2
    assert np.isfinite(rows).all()
    assert set(rows[:, -1]) <= {0.0, 1.0}


def test_the_parts_add_up_to_the_whole(metric: Metric, texts: dict[str, list[str]]) -> None:
    rows = make_rows(metric, texts)
    parts = rows[:11].sum(0) + rows[11:].sum(0)
    assert metric.score(parts) == pytest.approx(metric.score(rows.sum(0)), abs=1e-12)


def test_scores_lie_between_0_and_100(metric: Metric, texts: dict[str, list[str]]) -> None:
    for row in make_rows(metric, texts):
        score = metric.score(row)
        assert score is None or 0 <= score <= 100


def test_no_examples_have_no_score(metric: Metric, texts: dict[str, list[str]]) -> None:
    assert metric.score(np.zeros_like(make_rows(metric, texts)[0])) is None


def test_an_empty_output_scores_nothing(metric: Metric, texts: dict[str, list[str]]) -> None:
    assert metric.score(metric.statistics("", texts["th"][0], "th")) in (0.0, None)


def test_many_totals_are_scored_as_each_alone(metric: Metric, texts: dict[str, list[str]]) -> None:
    totals = np.cumsum(make_rows(metric, texts), axis=0)
    each = [metric.score(total) for total in totals]
    together = [None if math.isnan(score) else score for score in metric.scores(totals)]
    assert together == each


def test_a_perfect_output_has_100(pieces: Pieces, texts: dict[str, list[str]]) -> None:
    for name in METRICS:
        metric = METRICS[name](pieces)
        for language, (text, *_) in texts.items():
            if metric.needs_reference and metric.covers(language):
                text = FORMS.get(name, str)(text.replace("\n", " "))
                found = metric.score(metric.statistics(text, text, language))
                assert found == 100.0, (name, language)


def test_signatures_differ_and_carry_no_bar_in_a_field(pieces: Pieces) -> None:
    signatures = [METRICS[name](pieces).signature for name in METRICS]
    assert len(set(signatures)) == len(signatures)
    assert all("|v1" in signature and " " not in signature for signature in signatures)


def test_signatures_change_with_the_settings(
    metric: Metric, pieces: Pieces, latin_model_path: Path
) -> None:
    plain = signed(metric, n=250)
    assert plain == f"{metric.signature}|n:250|xlgen:{__version__}"
    assert signed(metric, n=249) != plain
    assert "|decoding:beam4/gnmt0.6|n:250|" in signed(metric, n=250, decoding="beam4|gnmt0.6")
    if "spm:" in metric.signature:
        name = next(name for name in METRICS if METRICS[name](pieces).signature == metric.signature)
        other = METRICS[name](Pieces(latin_model_path))
        assert other.signature != metric.signature
        assert pieces.tokenizer.sha256[:8] in metric.signature


def test_the_signature_of_the_main_score_is_readable(pieces: Pieces) -> None:
    spm = pieces.tokenizer.sha256[:8]
    expected = f"SP-ROUGE-Lsum|v1|F1|spm:{spm}|lower:no|stem:no|split:nl|nrefs:1"
    assert METRICS["sp_rouge_lsum"](pieces).signature == expected


def test_metrics_of_any_text_are_scored_by_default_in_the_order_of_their_table(
    model_path: Path,
) -> None:
    record = Prediction("1", "th", "เปิดแฟ้ม", "เปิดแฟ้มข้อมูล")
    cells = score_records([record], tokenizer_path=model_path).cells
    assert [cell.metric for cell in cells] == [
        name for name in METRICS if METRICS[name](Pieces()).by_default
    ]
    assert len(cells) == 11  # those of a benchmark's labels, answers and entities only where named


def test_the_order_of_records_changes_nothing(
    model_path: Path, texts: dict[str, list[str]]
) -> None:
    records = [
        Prediction(str(i), language, texts[language][i - 1], texts[language][i])
        for language in LANGUAGES
        for i in range(5)
    ]
    forwards, backwards = (
        score_records(some, tokenizer_path=model_path) for some in (records, records[::-1])
    )
    assert forwards == backwards
