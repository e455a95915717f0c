"""From evaluation to the page with nothing made up: real metrics, real files."""

import json
import re
from pathlib import Path

from udhr import ARTICLE_1

from xlgen.benchmarks.base import Benchmark
from xlgen.benchmarks.evaluate import System, evaluate
from xlgen.data.tokenizer import packaged_tokenizer
from xlgen.metrics import METRICS
from xlgen.reports.grid import MAIN_METRICS, SWITCHING_METRICS, metric_label
from xlgen.reports.html import make_report
from xlgen.reports.read import read_run
from xlgen.reports.samples import mark_words
from xlgen.run import evaluate_baseline


def test_the_reports_metrics_are_those_of_evaluation():
    assert set(MAIN_METRICS) <= set(METRICS)
    labels = [metric_label(name) for name in METRICS]
    assert len(set(labels)) == len(labels)
    assert metric_label("sp_rouge_lsum") == "SP-ROUGE-Lsum"
    assert metric_label("of another version") == "of another version"


def test_the_commands_beside_the_numbers_reproduce_them(tmp_path: Path, small_tokenizer):
    """They name the limit, the languages and the tokenizer where these are not the defaults."""
    evaluate_baseline(tmp_path / "lead", "howto0-short", languages=["th", "ar"], limit=2)
    evaluate_baseline(tmp_path / "whole", "howto0-short", limit=1, spm=small_tokenizer.path)
    make_report([tmp_path / "lead", tmp_path / "whole"], tmp_path / "report.html", samples=0)
    page = (tmp_path / "report.html").read_text("utf-8")
    start = "--benchmark howto0-short --split test --baseline lead-64"
    assert f"{start} --languages ar,th --limit 2\n" in page
    assert f"{start} --limit 1 --spm {small_tokenizer.path}\n" in page
    assert "The quality scores cannot be compared" in page  # two tokenizers


def test_predictions_beyond_the_limit_are_not_reported(tmp_path: Path):
    for limit in (3, 2):
        evaluate_baseline(tmp_path / "lead", "howto0-short", languages=["th"], limit=limit)
    predictions = read_run(tmp_path / "lead").predictions["howto0-short", "test"]
    assert len(predictions) == 2
    assert all(p.scores for p in predictions)


def test_an_evaluation_becomes_a_page(tmp_path: Path):
    lines = [
        {
            "id": f"page-{count}", "language": code, "input": text, "target": text[: 20 + 3 * count],
            "document": f"page-{count}", "source": "UDHR Article 1", "licence": "free to use",
        }
        for code, text in ARTICLE_1.items()
        for count in range(3)
    ]  # fmt: skip
    source = tmp_path / "articles.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    benchmark = Benchmark("own", str(source), tuple(ARTICLE_1), "articles")
    systems = {
        "prompt-tuning": lambda examples: [example.input[:40] for example in examples],
        "model-tuning": lambda examples: [ARTICLE_1["en"][:60] for _ in examples],
        "lead-64": lambda examples: [example.input[:20] for example in examples],
    }
    for method, predict in systems.items():
        evaluate(
            System(method, {"decoding": "cut"}, predict),
            benchmark,
            folder=tmp_path / method,
            tokenizer_path=packaged_tokenizer().path,
            split="all",
        )
    report = make_report([tmp_path / method for method in systems], tmp_path / "report.html")
    page = report.path.read_text("utf-8")
    assert report.missing == ()
    assert "PromptTuning does better" in report.headline[0]
    wrong = "100.0 % (100.0 to 100.0) of ModelTuning's non-empty outputs are in the wrong"
    assert any(wrong in text for text in report.headline)
    whole = "100.0 % (100.0 to 100.0) of its outputs are wholly in English"
    assert whole in report.headline[-1]
    assert "UDHR Article 1: free to use" in page
    assert page.count('<span class="flag">in English</span>') == 3 * (len(ARTICLE_1) - 1)


def test_code_switching_is_shown_and_old_scores_leave_dashes(tmp_path: Path):
    """One run was evaluated before there were these metrics; names and numbers stay unmarked."""
    outputs = {
        "en": "Click the red button now",
        "vi": "Bấm vào the red button Ubuntu 24 --help",
        "th": "เปิดแฟ้มข้อมูล close the window Ubuntu 24",
        "ar": "اضغط على الزر close the window",
        "hi": "खिड़की बंद करने के लिए the button दबाएँ",
        "zh": "",
    }
    lines = [
        {"id": code, "language": code, "input": ARTICLE_1[code], "target": ARTICLE_1[code][:60]}
        for code in outputs
    ]
    source = tmp_path / "articles.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    for method, metrics in (("prompt-tuning", None), ("model-tuning", ("sp_rouge_lsum", "lid"))):
        benchmark = Benchmark("own", str(source), tuple(outputs), "articles", metrics=metrics)
        evaluate(
            System(method, {}, lambda examples: [outputs[e.language] for e in examples]),
            benchmark,
            folder=tmp_path / method,
            tokenizer_path=packaged_tokenizer().path,
            split="all",
        )
    report = make_report(
        [tmp_path / m for m in ("prompt-tuning", "model-tuning")], tmp_path / "r.html"
    )
    page = report.path.read_text("utf-8")
    assert not any(metric_label(m) in text for m in SWITCHING_METRICS for text in report.missing)
    assert any("of the words of PromptTuning's outputs are in" in text for text in report.headline)
    table = page[page.index("Code switching by language") :]
    table = table[: table.index("</table>")]
    rows = {r.split("</span>")[0][-2:]: r for r in table.split("<tr")[3:] if 'class="code"' in r}
    assert set(rows) == set(outputs)
    # Of the two systems' four metrics: all of the old one, and what is undefined of the new.
    assert {code: row.count("–</td>") for code, row in rows.items()} == {
        "en": 4 + 2, "ar": 4, "hi": 4, "th": 4, "vi": 4 + 1, "zh": 4 + 3,
    }  # fmt: skip
    marked = set(re.findall(r'<span class="wrong[^"]*"[^>]*>([^<]*)</span><sup', page))
    assert marked - {"Wavy words"} == {"the red button", "close the window", "the button"}
    assert "<span>wrong words <b>" in page
    assert "<b>60.0 %</b>" in page


def test_words_of_two_languages_are_marked_apart():
    found = [(s.text, s.wrong) for s in mark_words("Bấm vào открыть the window nút 42", "vi")]
    assert found == [
        ("Bấm vào ", ""), ("открыть", "Cyrillic"), (" ", ""), ("the window", "en"), (" nút 42", ""),
    ]  # fmt: skip
    for text in ("", "42 % --help", *ARTICLE_1.values()):
        for code in ("th", "ar", "hi", "zh", "vi"):
            assert "".join(segment.text for segment in mark_words(text, code)) == text
