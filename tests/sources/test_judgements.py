"""Multi_SummEval's folder: every summary with its reference and judgements, and every damage by name."""

import csv
import shutil

import pytest
from judged_summaries import LANGUAGES, SYSTEMS, put, write_judged

from xlgen.errors import InputError
from xlgen.sources.judgements import MULTI_SUMMEVAL_LANGUAGES, read_multi_summeval


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_judged(tmp_path_factory.mktemp("judged"), documents=4)


@pytest.fixture
def folder(written, tmp_path):
    """A copy to damage, of three languages."""
    for code in ("DE", "FR", "ZH"):
        shutil.copytree(written / code, tmp_path / code)
    return tmp_path


def read(folder):
    return read_multi_summeval(folder, ["de", "fr", "zh"])


def test_every_summary_has_its_texts_and_scores(written):
    found = read_multi_summeval(written)
    assert MULTI_SUMMEVAL_LANGUAGES == LANGUAGES
    assert [row.language for row in found.rows] == [code for code in LANGUAGES for _ in range(8)]
    assert [row.system for row in found.rows] == [*SYSTEMS] * 32
    assert found.warnings == ()
    for row in found.rows:
        home = written / row.language.upper()
        name = row.document.zfill(6) if row.language == "zh" else row.document
        assert row.reference == (home / "gold" / name).read_text("utf-8")
        text = (home / f"pred_{row.system}" / name).read_text("utf-8")
        assert row.prediction == text.removesuffix("\n")
        assert row.place == str(home / f"pred_{row.system}" / name)
    scores = list(csv.DictReader((written / "ZH" / "score.csv").open()))
    assert [{k: float(s[k]) for k in ("focus", "coverage")} for s in scores] == [
        dict(row.scores) for row in found.rows if row.language == "zh"
    ]


def test_lines_of_a_text_stay_lines(written):
    found = read_multi_summeval(written, ["zh"]).rows[0]
    assert found.reference.count("\n") == 1
    assert found.document == "2"


def test_the_root_of_the_repository_is_taken_too(written, tmp_path):
    shutil.copytree(written / "FR", tmp_path / "resulting_data" / "FR")
    assert read_multi_summeval(tmp_path, ["fr"]).rows[0].reference
    assert read_multi_summeval(tmp_path / "resulting_data", ["fr"]).rows[0].reference


def test_languages_come_in_the_order_of_the_table(written):
    found = read_multi_summeval(written, ["zh-CN", "de"])
    assert list(dict.fromkeys(row.language for row in found.rows)) == ["de", "zh"]


def test_line_breaks_and_a_byte_order_mark_of_windows_are_read(folder):
    table = folder / "FR" / "score.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_multi_summeval(folder, ["fr"]).rows) == 8


def test_the_signature_is_that_of_the_content(folder):
    before = read(folder).signature
    assert before == read(folder).signature
    put(folder / "ZH" / "pred_PG" / "000002", "人人生而自由")
    assert read(folder).signature != before
    assert before.startswith("multi-summeval@")


def test_an_empty_summary_is_kept_and_warned_of(folder):
    put(folder / "ZH" / "pred_PG" / "000002", "\n")
    found = read(folder)
    assert found.rows[17].prediction == ""
    assert "pred_PG/000002: an empty summary" in found.warnings[0]


def test_a_text_without_judgement_is_told(folder):
    put(folder / "DE" / "gold" / "99", "übrig")
    put(folder / "DE" / "gold" / ".hidden", "")
    (warning,) = read(folder).warnings
    assert "gold/99: no line in score.csv, left out (1 such texts in DE)" in warning


def line(folder, number, text):
    """Replace a line of the French score.csv; the first is 1."""
    table = folder / "FR" / "score.csv"
    lines = table.read_text("utf-8").split("\n")
    lines[number - 1 : number] = [] if text is None else [text]
    table.write_text("\n".join(lines), "utf-8")


def unlink(*parts):
    return lambda folder: folder.joinpath(*parts).unlink()


def write(text, *parts):
    return lambda folder: folder.joinpath(*parts).write_bytes(text)


# what is done to the folder -> what must be said
DAMAGES = {
    "no language": (lambda f: shutil.rmtree(f / "FR"), "folder FR, it has DE, ZH; .*--languages de,zh"),
    "no scores": (unlink("FR", "score.csv"), "FR/score.csv: cannot read it"),
    "empty scores": (write(b"", "FR", "score.csv"), "score.csv:1: .*an empty file"),
    "header alone": (write(b"id,model,focus,coverage\n", "FR", "score.csv"), "below the header, got none"),
    "a column is missing": (
        write(b"id,model,focus\n2,PG,1\n", "FR", "score.csv"),
        "expected columns .*coverage, got only id, model"
    ),
    "no text": (unlink("FR", "pred_PG", "9"), "score.csv:5: .*id '9' in .*pred_PG/9, .*no file 9 or 000009"),
    "no reference": (unlink("ZH", "gold", "000009"), "score.csv:4: .*gold/9, found no file"),
    "empty reference": (write(b"\n", "DE", "gold", "2"), "gold/2: .*the file is empty"),
    "not UTF-8": (write(b"caf\xe9", "FR", "gold", "2"), "gold/2: expected UTF-8, got 0xe9 as byte 4"),
    "no number": (lambda f: line(f, 3, "2,PG,good,1"), "score.csv:3: expected .*focus, got 'good'"),
    "not finite": (lambda f: line(f, 3, "2,PG,1,nan"), "score.csv:3: expected .*coverage, got 'nan'"),
    "unknown system": (lambda f: line(f, 3, "2,GPT,1,1"), "csv:3: expected model BERT or PG, got 'GPT'"),
    "twice": (lambda f: line(f, 3, "2,BERT,1,1"), "score.csv:3: id '2' of BERT came already, on line 2"),
    "one system alone": (lambda f: line(f, 3, None), "score.csv:2: .*of BERT and PG, got BERT alone"),
    "too few fields": (lambda f: line(f, 3, "2,PG,1"), "score.csv:3: expected 4 fields .*got fewer"),
    "too many fields": (lambda f: line(f, 3, "2,PG,1,1,1"), "score.csv:3: expected 4 fields .*got more"),
    "an id that leads away": (lambda f: line(f, 3, "../gold/2,PG,1,1"), "csv:3: expected the id of a text"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(folder, damage):
    harm, message = DAMAGES[damage]
    harm(folder)
    with pytest.raises(InputError, match=message):
        read(folder)


def test_what_is_no_folder_of_judgements_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: expected the folder .*found nothing"):
        read_multi_summeval(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="this is a file"):
        read_multi_summeval(tmp_path / "file")
    with pytest.raises(InputError, match="it has no language"):
        read_multi_summeval(tmp_path)
    for asked, said in (
        (["th"], "got th; known: de"),
        (["xx"], "unknown language"),
        ([], "got none"),
    ):
        with pytest.raises(InputError, match=said):
            read_multi_summeval(tmp_path, asked)
