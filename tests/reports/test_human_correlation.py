"""Table 9 and Figure 7: ours beside the printed rows, undefined ones said, every summary drawn."""

import csv
import json
import struct
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from judged_summaries import LANGUAGES, put, write_judged
from scipy import stats
from typer.testing import CliRunner

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.metrics.program import Program
from xlgen.metrics.score import make_metrics
from xlgen.reports.correlation import correlate_with_people
from xlgen.sources.judgements import SCALES, read_multi_summeval

SVG = "{http://www.w3.org/2000/svg}"
# Longer is better; the program of a user.
LENGTH = (
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    r = json.loads(line)\n"
    "    print(json.dumps({'id': r['id'], 'score': len(r['prediction']) / len(r['reference'])}))\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_judged(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def judgements(folder):
    return read_multi_summeval(folder)


@pytest.fixture(scope="module")
def spm(small_tokenizer):
    return small_tokenizer.path


@pytest.fixture(scope="module")
def result(judgements, spm):
    return correlate_with_people(judgements, metrics=["sp_rouge_lsum", "ascii"], tokenizer_path=spm)


@pytest.fixture
def length(tmp_path):
    (tmp_path / "length.py").write_text(LENGTH, "utf-8")
    return tmp_path / "length.py"


@pytest.mark.parametrize("code", LANGUAGES)
def test_cells_are_correlations_over_single_summaries(result, folder, spm, code):
    """From the files to Pearson's r by another way: SciPy over the metric's score of each."""
    metric = make_metrics(["sp_rouge_lsum"], tokenizer_path=spm)["sp_rouge_lsum"]
    home = folder / code.upper()
    x, y = [], []
    for row in csv.DictReader((home / "score.csv").open()):
        name = row["id"].zfill(6) if code == "zh" else row["id"]
        texts = [(home / f / name).read_text("utf-8") for f in (f"pred_{row['model']}", "gold")]
        x.append(metric.score(metric.statistics(*texts, code)))
        y.append([float(row[scale]) for scale in SCALES])
    for column, scale in enumerate(SCALES):
        cell = result.cell(code, "sp_rouge_lsum", scale=scale)
        assert cell.value == pytest.approx(stats.pearsonr(x, np.array(y)[:, column]).statistic)
        assert cell.low < cell.value < cell.high
        assert cell.n == 24
        rho = result.cell(code, "sp_rouge_lsum", scale=scale, kind="spearman")
        assert rho.value == pytest.approx(stats.spearmanr(x, np.array(y)[:, column]).statistic)


def test_printed_rows_stand_beside_ours(result):
    """Table 9: SP-RG .67 and BLEURT .70 on focus in French; averages .65 and .70 on coverage."""
    assert result.cell("fr", "sp_rouge_lsum", scale="focus").printed == {
        "sp-rg": 0.67,
        "bleurt": 0.70,
    }
    mean = result.cell("mean", "sp_rouge_lsum", scale="coverage")
    assert (mean.printed, mean.n) == ({"sp-rg": 0.65, "bleurt": 0.70}, 8)
    assert result.cell("fr", "sp_rouge_lsum", scale="focus", kind="spearman").printed == {}


def test_a_mean_over_fewer_languages_stands_beside_none(folder, spm):
    read = read_multi_summeval(folder, ["de", "fr"])
    found = correlate_with_people(read, tokenizer_path=spm).cell(
        "mean", "sp_rouge_lsum", scale="focus"
    )
    assert (found.n, found.printed) == (2, {})
    assert "|languages:de,fr|" in found.signature


def test_the_signature_says_how(result, judgements):
    found = result.cell("zh", "sp_rouge_lsum", scale="focus", kind="spearman").signature
    assert found.startswith("SP-ROUGE-Lsum|v1|F1|spm:")
    told = f"|per:summary|data:{judgements.signature}|spearman|interval:documents,1000,seed:0|n:24|"
    assert told in found


def test_a_metric_that_covers_no_language_of_a_script_leaves_it_out(judgements, spm):
    """WPR is of non-Latin scripts only: Russian and Chinese."""
    found = correlate_with_people(judgements, metrics=["wpr"], tokenizer_path=spm)
    assert found.cell("de", "wpr", scale="focus").value is None
    assert "wpr: no score for 24 of 24 summaries in de, left out" in found.warnings
    assert (
        "wpr, de, focus: 0 summaries have a score, 3 are needed, so there is no correlation"
        in found.warnings
    )
    assert found.cell("zh", "wpr", scale="focus").n > 0


def test_a_language_that_a_metric_does_not_cover_has_no_value(judgements, spm):
    """Output wholly in English is no fault in English."""
    found = correlate_with_people(judgements, metrics=["all_english"], tokenizer_path=spm)
    assert "all_english: no score for 24 of 24 summaries in en, left out" in found.warnings
    assert found.cell("de", "all_english", scale="focus").n == 24


def test_constant_scores_are_said_and_not_in_the_mean(judgements, spm, tmp_path):
    (tmp_path / "m.py").write_text(
        LENGTH.replace("len(r['prediction'])", "(r['language'] != 'zh') * len(r['prediction'])")
    )
    program = Program("mine", (sys.executable, str(tmp_path / "m.py")))
    found = correlate_with_people(judgements, metrics=[], programs=[program])
    assert found.cell("zh", "mine", scale="coverage").value is None
    assert "mine, zh, focus: every score is 0, so there is no correlation" in found.warnings
    mean = found.cell("mean", "mine", scale="focus")
    others = [found.cell(c, "mine", scale="focus").value for c in LANGUAGES if c != "zh"]
    assert (mean.value, mean.n) == (pytest.approx(np.mean(others)), 7)
    json.dumps(found.to_json(), allow_nan=False)
    assert "| zh | 24 | - | - | 0.77 | 0.73 |" in found.markdown()


def test_metrics_have_names_of_their_own(judgements, length):
    program = Program("lid", (sys.executable, str(length)))
    with pytest.raises(InputError, match="metric 'lid' is named twice"):
        correlate_with_people(judgements, programs=[program])
    with pytest.raises(
        InputError, match="unknown metric 'sp_rouge_lsun': did you mean sp_rouge_lsum"
    ):
        correlate_with_people(judgements, metrics=["sp_rouge_lsun"])


def test_the_first_metric_is_held_against_the_others(judgements, spm, length):
    program = Program("length", (sys.executable, str(length)))
    found = correlate_with_people(judgements, programs=[program], tokenizer_path=spm)
    for difference in found.differences:
        chosen = {"scale": difference.scale, "kind": difference.kind}
        means = [found.cell("mean", name, **chosen).value for name in ("sp_rouge_lsum", "length")]
        assert difference.value == pytest.approx(means[0] - means[1])
        assert difference.low < difference.value < difference.high
    assert len(found.differences) == 4
    assert "SP-ROUGE-Lsum minus length, mean r of 8 languages, focus: " in found.markdown()


def test_a_difference_is_of_the_summaries_that_both_score(judgements, spm):
    """WPR of few summaries has one number: no language is left to compare."""
    found = correlate_with_people(judgements, metrics=["sp_rouge_lsum", "wpr"], tokenizer_path=spm)
    assert all((d.value, d.n) == (None, 0) for d in found.differences)
    assert "minus" not in found.markdown()


def test_a_metric_must_be_named(judgements):
    with pytest.raises(InputError, match="expected a metric, got none"):
        correlate_with_people(judgements, metrics=[])


def test_the_same_input_gives_the_same_numbers(judgements, result, spm):
    again = correlate_with_people(
        judgements, metrics=["sp_rouge_lsum", "ascii"], tokenizer_path=spm
    )
    assert again == result


def call(*arguments):
    return CliRunner().invoke(app, ["correlate", "multi-summeval", *map(str, arguments)])


def test_the_command_writes_table_scores_and_figures(folder, spm, length, tmp_path):
    out = tmp_path / "new" / "humans"
    command = f"{sys.executable} {length}"
    arguments = (
        "--data",
        folder,
        "--spm",
        spm,
        "--metric-command",
        f"length={command}",
        "--out",
        out,
    )
    told = call(*arguments)
    assert told.exit_code == 0, told.output
    assert "SP-ROUGE-Lsum and human judgements" in told.output
    assert "length|program:" in told.output
    stems = [
        f"{kind}-{name}" for kind in ("figure7", "scatter") for name in ("length", "sp_rouge_lsum")
    ]
    assert {path.name for path in out.iterdir()} == {
        "table.md", "correlation.json", "scores.jsonl", "answers.json",
        *(f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")),
    }  # fmt: skip
    as_json = call(*arguments, "--json")
    assert json.loads(as_json.stdout) == json.loads((out / "correlation.json").read_text("utf-8"))
    lines = [json.loads(line) for line in (out / "scores.jsonl").open(encoding="utf-8")]
    assert len(lines) == 8 * 24
    assert set(lines[0]["scores"]) == {"sp_rouge_lsum", "length"}
    assert (out / "table.md").read_text("utf-8").count("\n| zh | 24 |") == 2


def test_figures_show_every_summary(folder, spm, tmp_path):
    call("--data", folder, "--spm", spm, "--out", tmp_path)
    for name, panels, titles in (
        ("figure7", 1, ["French"]),
        ("scatter", 16, ["German", "Chinese"]),
    ):
        root = ET.parse(tmp_path / f"{name}-sp_rouge_lsum.svg").getroot()
        drawn = [text.text for text in root.iter(f"{SVG}text")]
        assert set(titles) <= set(drawn)
        assert sum((text or "").startswith("r 0.") for text in drawn) == panels
        # a dot is a <use> of its shape that is filled; ticks and the legend's two are others
        dots = [use for use in root.iter(f"{SVG}use") if use.get("fill-opacity") == "0.65"]
        assert len(dots) == panels * 24
        data = (tmp_path / f"{name}-sp_rouge_lsum.png").read_bytes()
        wide, high = struct.unpack(">II", data[16:24])
        box = root.attrib["viewBox"].split()
        assert wide / high == pytest.approx(float(box[2]) / float(box[3]), rel=0.01)


def test_figure_7_is_of_the_language_asked_for(folder, spm, tmp_path):
    done = call(
        "--data", folder, "--spm", spm, "--out", tmp_path, "--languages", "tr,zh", "--figure", "zh"
    )
    assert done.exit_code == 0, done.output
    root = ET.parse(tmp_path / "figure7-sp_rouge_lsum.svg").getroot()
    assert "Chinese" in [text.text for text in root.iter(f"{SVG}text")]
    with pytest.raises(InputError, match="expected a language that is read, got 'fr'"):
        CliRunner().invoke(
            app, ["correlate", "multi-summeval", "--data", str(folder), "--languages", "tr", "--out",
                  str(tmp_path), "--figure", "fr"], catch_exceptions=False,
        )  # fmt: skip


def test_an_undefined_panel_says_so(tmp_path, spm):
    write_judged(tmp_path / "data", ["zh"], documents=4)
    for name in ("000002", "000009", "000016", "000023"):
        for system in ("BERT", "PG"):
            put(tmp_path / "data" / "ZH" / f"pred_{system}" / name, "")
    done = call(
        "--data", tmp_path / "data", "--spm", spm, "--languages", "zh", "--out", tmp_path / "out"
    )
    assert done.exit_code == 0, done.output
    assert "an empty summary" in done.output
    svg = (tmp_path / "out" / "figure7-sp_rouge_lsum.svg").read_text("utf-8")
    assert "r not defined" in svg
