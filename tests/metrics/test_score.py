"""Scoring a file: the numbers, the formats, and one line for every mistake a file can hold."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from xlgen.errors import InputError
from xlgen.metrics.predictions import LONGEST_LINE, LONGEST_TEXT
from xlgen.metrics.score import make_metrics, score_file, score_records

LANGUAGES = ("en", "th", "ar", "hi", "zh", "vi")


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")
    return path


@pytest.fixture
def predictions(tmp_path: Path, texts: dict[str, list[str]]) -> Path:
    """Perfect outputs in English, Chinese and Vietnamese; English ones where it should be the others."""
    records = [
        {
            "id": f"page-{i}",
            "language": language,
            "input": "not read",
            "prediction": texts[language if language in ("zh", "vi") else "en"][i],
            "reference": texts[language][i],
        }
        for language in LANGUAGES
        for i in (0, 1, 2)
    ]
    return write_jsonl(tmp_path / "predictions.jsonl", records)


def test_perfect_and_wrong_language_outputs_are_told_apart(
    predictions: Path, model_path: Path
) -> None:
    scores = score_file(predictions, tokenizer_path=model_path)
    for language in ("en", "zh", "vi"):
        assert scores.cell(language, "sp_rouge_lsum").value == 100.0
    for language in ("th", "ar", "hi"):
        assert scores.cell(language, "lid").value == 0
        assert scores.cell(language, "lid_en").value == scores.cell("en", "lid").value
        assert scores.cell(language, "ascii").value == 100
        value = scores.cell(language, "sp_rouge_lsum").value
        assert value is not None
        assert value < 50
    cell = scores.cell("th", "sp_rouge_lsum")
    assert cell.n == 3
    assert cell.signature.startswith("SP-ROUGE-Lsum|v1|F1|spm:")
    assert re.search(r"\|n:3\|xlgen:\d", cell.signature)


def test_averages_are_over_all_languages_and_without_english(
    predictions: Path, model_path: Path
) -> None:
    scores = score_file(predictions, tokenizer_path=model_path)
    found = {len(a.languages): a for a in scores.averages if a.metric == "sp_rouge_lsum"}
    for count, codes in ((6, LANGUAGES), (5, LANGUAGES[1:])):
        average = found[count]
        values = [scores.cell(code, "sp_rouge_lsum").value or 0.0 for code in codes]
        assert average.value == pytest.approx(sum(values) / count)
        assert average.low is not None
        assert average.high is not None
        assert average.low <= (average.value or 0) <= average.high
        assert set(average.languages) == set(codes)


@pytest.mark.parametrize("named", ["document", "id"])
def test_translations_of_a_page_are_resampled_together(named: str, model_path: Path) -> None:
    """Two languages with the same scores page by page say no more than one: the interval is as wide."""

    def average(codes: tuple[str, ...]) -> Any:
        records = [
            {
                "id": f"gnome/help/page-{n}#intro@{code}" if named == "id" else f"{code} {n}",
                "language": code,
                "prediction": "ก" if n % 3 else "ข",
                "reference": "ก",
                **({"document": f"page-{n}"} if named == "document" else {}),
            }
            for code in codes
            for n in range(30)
        ]
        scores = score_records(records, tokenizer_path=model_path, metrics=("sp_rouge_l",))
        return scores.averages[0]

    one, four = average(("th",)), average(("th", "vi", "hi", "zh"))
    assert four.value == pytest.approx(one.value)
    assert four.high - four.low == pytest.approx(one.high - one.low, rel=0.01)


def test_lines_per_example_have_the_scores_of_each(
    predictions: Path, model_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.jsonl"
    scores = score_file(predictions, tokenizer_path=model_path, per_example=out)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(lines) == 18
    assert set(lines[0]) == {"id", "language", "scores"}
    for metric in ("sp_rouge_lsum", "sp_rouge_2", "lid", "ascii"):
        values = [line["scores"][metric] for line in lines if line["language"] == "th"]
        assert sum(values) / 3 == pytest.approx(scores.cell("th", metric).value)
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_json_has_the_fields_of_scores_json(predictions: Path, model_path: Path) -> None:
    data = score_file(predictions, tokenizer_path=model_path).to_json(method="mine", checkpoint=5)
    assert json.loads(json.dumps(data)) == data
    assert (data["method"], data["checkpoint"], data["run"]) == ("mine", 5, {})
    expected = ["language", "metric", "value", "n", "low", "high", "signature"]
    assert list(data["cells"][0]) == expected
    assert data["averages"][0]["n"] == 6


def test_the_table_shows_every_language_and_the_signatures(
    predictions: Path, model_path: Path
) -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(score_file(predictions, tokenizer_path=model_path).table())
    shown = console.export_text()
    for part in ("th ", "vi ", "mean 6", "not en", "SP-ROUGE-Lsum|v1", "100.0±0.0"):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.replace("\n", "").count("|xlgen:") == len(
        make_metrics(None, tokenizer_path=model_path)
    )


def test_empty_outputs_are_scored(
    tmp_path: Path, model_path: Path, texts: dict[str, list[str]]
) -> None:
    record = {"id": "1", "language": "ja", "prediction": "", "reference": texts["ja"][0]}
    scores = score_file(write_jsonl(tmp_path / "p.jsonl", [record]), tokenizer_path=model_path)
    assert scores.cell("ja", "sp_rouge_lsum").value == 0
    assert scores.cell("ja", "lid").value == 0
    share = scores.cell("ja", "ascii")
    assert (share.value, share.n, share.low) == (None, 0, None)


def test_language_metrics_need_no_reference_and_no_tokenizer(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "p.jsonl", [{"id": 1, "language": "th", "prediction": "สวัสดี"}])
    scores = score_file(path, tokenizer_path=tmp_path / "none", metrics=("lid", "ascii"))
    assert (scores.cell("th", "lid").value or 0) > 90


def test_records_in_memory_are_checked_like_those_of_a_file(model_path: Path) -> None:
    good = json.loads(GOOD)
    scores = score_records([good], tokenizer_path=model_path, decoding="beam4")
    assert scores.cell("th", "sp_rouge_l").value == 100
    assert "|decoding:beam4|n:1|" in scores.cell("th", "sp_rouge_l").signature
    with pytest.raises(InputError, match="record 2: expected a text in 'prediction'"):
        score_records([good, {"id": "2", "language": "th"}], tokenizer_path=model_path)
    assert score_records([], tokenizer_path=model_path).cells == ()


def test_html_is_counted_as_a_warning(tmp_path: Path, model_path: Path) -> None:
    texts = ["<b>ดี</b>", "a < b", "<extra_id_0> ดี", "x<br/>"]
    records = [
        {"id": str(i), "language": "th", "prediction": text, "reference": "ดี"}
        for i, text in enumerate(texts)
    ]
    scores = score_file(write_jsonl(tmp_path / "p.jsonl", records), tokenizer_path=model_path)
    (warning,) = scores.warnings
    assert warning.startswith(f"HTML tags in 2 predictions, first in {tmp_path}/p.jsonl:1;")


GOOD = '{"id": "1", "language": "th", "prediction": "ดี", "reference": "ดี"}'

BAD = {
    "no JSON": ("hello", "expected a JSON record .* got 'hello'"),
    "cut off": (GOOD[:-9], "expected a JSON record"),
    "a list": ("[1]", "expected a JSON object, got '\\[1\\]'"),
    "deep": ("[" * 100_000, "expected a JSON record"),
    "huge number": (GOOD.replace('"1"', "9" * 5000), "expected a JSON record"),
    "no id": (GOOD.replace('"id"', '"key"'), "expected an 'id', .* got none"),
    "id of a wrong type": (GOOD.replace('"1"', "1.5"), "expected an 'id'"),
    "no language": (GOOD.replace('"language"', '"lang"'), "'language', got only .*'lang'"),
    "no prediction": (GOOD.replace('"prediction"', '"output"'), "'prediction', got only"),
    "null prediction": (
        GOOD.replace('"ดี", "r', 'null, "r'),
        "'prediction', got None; .* empty output",
    ),
    "no reference": (GOOD.replace('"reference"', '"target"'), "expected a 'reference' .* got none"),
    "null reference": (GOOD.replace('"ดี"}', "null}"), "expected a 'reference' .* got none"),
    "empty reference": (
        GOOD.replace('"ดี"}', '" \\n"}'),
        "expected a 'reference' .* got an empty one",
    ),
    "unknown language": (GOOD.replace("th", "xx"), "unknown language code 'xx'"),
    "legacy code": (GOOD.replace("th", "in"), "expected language code 'id', got 'in'; write 'id'"),
    "region": (GOOD.replace("th", "zh-CN"), "expected language code 'zh', got 'zh-CN'; write 'zh'"),
    "surrogate": (GOOD.replace("ดี", "a\\ud800", 1), "got a lone surrogate U\\+D800 at character 2"),
    "long text": (GOOD.replace("ดี", "ก" * (LONGEST_TEXT + 1)), "at most 50,000 characters"),
    "10 MB line": (GOOD.replace("ดี", "ก" * 3_500_000), f"more than {LONGEST_LINE:,} bytes"),
    "not UTF-8": (GOOD.replace("ดี", "\udcff"), "expected UTF-8, got 0xff as byte 46 of the line"),
    "twice": (GOOD.replace('"1"', '"0"'), "id '0' came in 'th' already, on line 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_lines_are_named_with_their_remedy(case: str, tmp_path: Path, model_path: Path) -> None:
    line, message = BAD[case]
    path, out = tmp_path / "p.jsonl", tmp_path / "out.jsonl"
    text = GOOD.replace('"1"', '"0"') + "\n\n" + line + "\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    out.write_text("from before")
    with pytest.raises(InputError, match=message) as raised:
        score_file(path, tokenizer_path=model_path, per_example=out)
    shown = str(raised.value)
    assert shown.startswith(f"{path}:3: ")
    assert "\n" not in shown
    assert len(shown) < 400 + len(str(path))
    assert out.read_text() == "from before"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_same_id_in_two_languages_is_no_mistake(tmp_path: Path, model_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text("\ufeff" + GOOD + "\r\n" + GOOD.replace("th", "zh"), "utf-8")
    assert score_file(path, tokenizer_path=model_path).cell("zh", "sp_rouge_1").n == 1


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_records_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="got none; generate predictions first"):
        score_file(path)


def test_missing_files_are_named(tmp_path: Path, predictions: Path, model_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none.jsonl: expected predictions in JSONL, cannot read it"
    ):
        score_file(tmp_path / "none.jsonl", tokenizer_path=model_path)
    with pytest.raises(InputError, match=r"s.jsonl: cannot write it .*another place"):
        score_file(predictions, tokenizer_path=model_path, per_example=predictions / "s.jsonl")
    with pytest.raises(InputError, match=r"none.model: expected a SentencePiece model"):
        score_file(predictions, tokenizer_path=tmp_path / "none.model")
    with pytest.raises(InputError, match="expected a SentencePiece model"):
        score_file(predictions, tokenizer_path=predictions)


def test_scoring_imports_no_heavy_library() -> None:
    """`xlgen score` starts in under a second because of this."""
    heavy = ("torch", "transformers", "pyarrow", "scipy", "matplotlib")
    code = f"import sys, xlgen.metrics.score as s; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"
