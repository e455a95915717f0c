"""The study's page stands alone and is safe; the command reports a sweep, and runs as before."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_runs import write_json
from made_sweeps import SWEEP, Sweep, make_sweep
from typer.testing import CliRunner

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.reports import FINDINGS
from xlgen.reports.study import Study, read_study
from xlgen.reports.study_figures import draw_study
from xlgen.reports.study_page import StudyReport, make_study_report


@pytest.fixture(scope="module")
def page(made: StudyReport) -> str:
    return made.path.read_text("utf-8")


class Tags(HTMLParser):
    """Collects tags, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_asks_for_nothing(page: str):
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert "http" not in re.sub(r'xmlns="[^"]+"', "", page.split("</style>")[1])
    for tag, attributes in tags.found:
        link = attributes.get("href") or ""
        assert not link or link.startswith(("#", "data:"))
        assert "style" not in attributes
        assert tag not in {"img", "iframe", "script"}
    anchors = [a["href"] for t, a in tags.found if t == "a" and (a["href"] or "").startswith("#")]
    names = {a.get("id") for _, a in tags.found}
    assert all(anchor[1:] in names for anchor in anchors)


def test_ids_are_unique(page: str):
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_page_tells_findings_tables_and_gaps(page: str, made: StudyReport):
    assert made.headline in page.replace("&#39;", "'")
    for name in FINDINGS:
        assert FINDINGS[name].text in page
    assert "chosen on 20 validation texts a language (the paper: 250)" in page
    for number in (8, 10, 11):
        assert page.count(f"<h3>Table {number}:") == 2  # both ways of choosing checkpoints
    assert "nano · model, sup · th: 1 of 2 seeds" in page
    assert page.count("<figure>") == 5  # 2a and 2b, 2c, 3, 4, 6


def test_what_stands_behind_a_row_is_told_where_it_stands(made: StudyReport, study: Study):
    page, text = (path.read_text("utf-8") for path in (made.path, made.findings_path))
    sections = {name: page.split(f'id="{name}"')[1].split("</section>")[0] for name in (
        "findings", "figures", "tables", "switching", "samples",
    )}  # fmt: skip
    for section in sections.values():
        assert "labels of howto0-short" in section
    told = "† MODEL, SUP: labels of howto0-short"
    assert f"- {told}\n" in text.split("## Labels in the target language")[1]
    for heading in ("### Table 10", "### Mean of", "### Thai"):
        assert f"\n{told}\n" in text.split(heading)[1].split("###")[0]
    assert told not in text.split("### Table 8")[1].split("###")[0]  # the row is not in it
    found = [f for f in made.to_json()["findings"] if f["notes"]]
    assert {f["finding"] for f in found} == {"supervision-above"}
    assert found[0]["notes"] == ["MODEL, SUP: labels of howto0-short"]
    rows = {record["row"] for record in made.scores if record["note"]}
    assert rows == {"model, sup"}


def test_the_same_sweep_gives_the_same_bytes_wherever_it_lies(
    sweep: Path, page: str, tmp_path: Path
):
    moved = Path(shutil.copytree(sweep, tmp_path / "elsewhere"))
    assert make_study_report(moved, tmp_path / "moved.html").path.read_text("utf-8") == page


@pytest.mark.usefixtures("without_figures")
def test_seeds_to_come_stand_where_they_will(sweep: Path, tmp_path: Path):
    copy = Path(shutil.copytree(sweep, tmp_path / "sweep"))
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    row, rows = "prompt, mix-unsup", data["rows"]
    data["rows"] = [r for r in rows if r["row"] != row or r["target"] == "zh"]
    for made in (r for r in data["rows"] if r["row"] == row):
        shutil.rmtree(copy / made["folder"])
    write_json(copy / "sweep.json", data)
    page = make_study_report(copy, tmp_path / "report.html").path.read_text("utf-8")
    table = page.split("<h3>Table 11")[1].split("</table>")[0]
    line = table.split(">PROMPT, MIX-UNSUP ")[1].split("</tr>")[0]
    # in English and Chinese, where quality and LID in one or two languages are to come
    assert line.count(">–<") == 2 + 3 * 7
    assert line.count('–<span class="spread missing">0 of 2</span>') == 2 + 3


def test_figures_name_what_colours_show(study: Study):
    pictures = {picture.title.split(":")[0]: picture for picture in draw_study(study)}
    assert list(pictures) == ["Figure 2a, 2b", "Figure 2c", "Figure 3", "Figure 4", "Figure 6"]
    for title, names in {
        "Figure 2a, 2b": ("PromptTuning", "ModelTuning", "Thai", "XXL"),
        "Figure 2c": ("nano", "paper BASE", "Hindi"),
        "Figure 3": ("th", "ar", "PromptTuning"),
        "Figure 4": ("LEAD-64", "MODEL, SUP", "Vietnamese"),
        "Figure 6": ("MIX-UNSUP", "paper XXL", "Chinese"),
    }.items():
        for name in names:
            assert f">{name}<" in pictures[title].svg, (title, name)


def test_hostile_names_are_escaped(sweep: Path, tmp_path: Path):
    evil = '"><script>alert(1)</script>\u202e{{ 7 * 7 }}'
    copy = Path(shutil.copytree(sweep, tmp_path / "sweep"))
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    data["grid"] = evil
    for job in data["rows"]:
        job["row"] = evil if job["row"] == "prompt, l=1" else job["row"]
        job["model"] = f"models/{evil.replace('/', '|')}"
        job["note"] = evil
    write_json(copy / "sweep.json", data)
    text = make_study_report(copy, tmp_path / "report.html").path.read_text("utf-8")
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "49" not in re.findall(r"<code>.*?</code>", text)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of which LEAD-64 alone has run."""
    unfinished = {(row, "nano", seed) for row in ("prompt", "model") for seed in (0, 1)}
    sweep = Sweep(
        rows=("lead-64", "prompt", "model"), sizes=("nano",), seeds=(0, 1), languages=("en", "vi"),
        documents=2, unfinished=unfinished,
    )  # fmt: skip
    return make_sweep(tmp_path_factory.mktemp("begun"), sweep)


def test_a_sweep_that_has_just_begun_is_reported(begun: Path, tmp_path: Path):
    told = CliRunner().invoke(
        app, ["report", str(begun), "--out", str(tmp_path / "r.html"), "--json"]
    )
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    assert set(data) == {"path", "headline", "findings", "missing", "scores"}
    assert data["headline"] == "0 of the paper's 11 findings hold at nano: 11 are not measured."
    assert "nano · prompt: not run" in data["missing"]


def test_a_baseline_alone_is_reported(tmp_path: Path):
    rows = Sweep(rows=("lead-64",), sizes=(), languages=("en", "vi"), documents=2)
    sweep = make_sweep(tmp_path / "sweep", rows)
    assert read_study(sweep).sizes == ()
    assert "not measured" in make_study_report(sweep, tmp_path / "report.html").headline


def test_command_reports_a_sweep(sweep: Path, tmp_path: Path, made: StudyReport):
    out, findings = tmp_path / "report.html", tmp_path / "findings.md"
    told = CliRunner().invoke(
        app, ["report", str(sweep), "--out", str(out), "--findings", str(findings)]
    )
    assert told.exit_code == 0, told.output
    for text in (
        "Table 10",
        "Table 11",
        "Findings",
        made.headline,
        "missing: nano · model, sup · th",
        "MODEL, SUP † (1 of 2",
        "† MODEL, SUP: labels of howto0-short",
    ):
        assert text in " ".join(told.output.split()), text
    assert "Table 8" not in told.output
    assert findings.read_text("utf-8") == made.findings_path.read_text("utf-8")
    data = made.to_json()
    assert {finding["finding"] for finding in data["findings"]} == set(FINDINGS)
    assert len(SWEEP.rows) == len({s["row"] for s in data["scores"] if s["source"] == "ours"})


REFUSED = {
    "two sweeps": (["SWEEP", "SWEEP"], "expected a sweep's folder alone, got 2 folders"),
    "a sweep and a run": (["SWEEP", "RUN"], "expected a sweep's folder alone"),
    "findings of a run": (["RUN", "--findings", "x.md"], "--findings needs a sweep's folder"),
    "findings into nothing": (
        ["SWEEP", "--findings", "SWEEP"],
        "expected a file to write, this is a folder",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_mistakes_are_told(sweep: Path, runs: list[Path], tmp_path: Path, kind: str):
    words, message = REFUSED[kind]
    places = {"SWEEP": str(sweep), "RUN": str(runs[0])}
    told = CliRunner().invoke(
        app, ["report", *(places.get(w, w) for w in words), "--out", str(tmp_path / "r.html")]
    )
    assert told.exit_code != 0
    assert isinstance(told.exception, InputError)
    assert message in str(told.exception)
