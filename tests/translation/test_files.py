"""A file through a translator, by the function and by the command."""

import json
import sys

import pytest
from typer.testing import CliRunner

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.metrics.score import score_file
from xlgen.translation.files import corpus_chrf, translate_file

PAIR = {"source": "en", "target": "hi"}


@pytest.fixture
def rows(tmp_path, article_1, write_jsonl):
    """Return a function that writes records in Hindi and Thai, with targets or without."""

    def write(targets: bool = True):
        records = [
            {"id": f"{n}", "language": language, "input": text}
            | ({"target": f"HI({text})"} if targets else {})
            for n, text in enumerate(article_1.values())
            for language in ("hi", "th")
        ]
        return write_jsonl(tmp_path / "in.jsonl", records)

    return write


def test_records_of_the_language_are_translated(shouting, rows, tmp_path, article_1):
    out = tmp_path / "out.jsonl"
    done = translate_file(shouting(), **PAIR, input=rows(targets=False), output=out)
    assert (done.translations, done.chrf) == (6, None)
    records = [json.loads(line) for line in out.open(encoding="utf-8")]
    assert [r["prediction"] for r in records] == [f"HI({text})" for text in article_1.values()]
    assert {tuple(r) for r in records} == {("id", "language", "input", "prediction")}


def test_references_give_chrf_and_a_file_to_score(shouting, rows, tmp_path):
    pytest.importorskip("sacrebleu")
    out = tmp_path / "out.jsonl"
    done = translate_file(shouting(), **PAIR, input=rows(), output=out, limit=2)
    assert (done.translations, round(done.chrf)) == (2, 100)
    assert "chrF 100.0 (nrefs:1|" in str(done)
    assert score_file(out).to_json()["cells"]
    assert corpus_chrf(["The cat sat on the mat"], ["The cat sat on the mat"])[0] == 100
    assert corpus_chrf(["The cat sat"], ["ลูกแมว"])[0] == 0


def test_where_some_references_lack_there_is_no_chrf_and_the_others_go_along(
    shouting, tmp_path, write_jsonl
):
    """A score of some would pass for that of all."""
    rows = [{"id": "1", "language": "hi", "input": "a", "target": "ख"}]
    rows += [{"id": "2", "language": "hi", "input": "b"}]
    given, out = write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    done = translate_file(shouting(), **PAIR, input=given, output=out)
    assert (done.chrf, done.signature) == (None, None)
    records = [json.loads(line) for line in out.open(encoding="utf-8")]
    assert [record.get("reference") for record in records] == ["ख", None]


def test_what_cannot_work_is_told_before_the_work(shouting, rows, tmp_path, monkeypatch):
    made = rows()
    with pytest.raises(InputError, match="is the input too"):
        translate_file(shouting(), **PAIR, input=made, output=made)
    with pytest.raises(InputError, match="expected examples in vi, found hi, th"):
        translate_file(shouting(), source="en", target="vi", input=made, output=tmp_path / "o")
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(InputError, match=r"pip install 'xlgen\[translation\]'"):
        translate_file(shouting(), **PAIR, input=made, output=tmp_path / "o")
    assert not list(tmp_path.glob("o*"))


def test_the_command_takes_settings(shouting, rows, tmp_path):
    given = ["--input", str(rows(targets=False)), "--output", str(tmp_path / "out.jsonl")]
    pair = ["--source", "en", "--target", "hi"]
    run = CliRunner().invoke(app, ["translate", "shouting", "version=2", *pair, *given])
    assert run.exit_code == 0, run.output
    assert "6 translations in" in run.output
    kept = (tmp_path / "out.jsonl.translations").read_text("utf-8")
    assert kept.count('"translator": "shouting 2"') == 6
