"""The page: escaped, self-contained, the same bytes each time, readable in every script."""

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_runs import BENCHMARKS, HOSTILE, make_runs, write_json
from udhr import ARTICLE_1

from xlgen.errors import InputError
from xlgen.reports.grid import make_grid
from xlgen.reports.html import Report, make_report
from xlgen.reports.read import read_run

# Elements and attributes by which a page could fetch something.
FETCHING = {"src", "srcset", "action", "formaction", "background", "poster", "ping", "xlink:href"}
VOID = {"meta", "link", "input", "br", "img"}


class Elements(HTMLParser):
    """All elements of a page, and whether they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def elements(page: str) -> Elements:
    return Elements(page)


def test_every_element_closes_and_every_id_is_unique(elements: Elements):
    assert elements.open == []
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_references_within_the_page_resolve(elements: Elements, page: str):
    ids = {attributes.get("id") for _, attributes in elements.found}
    targets = [a["href"] for _, a in elements.found if (a.get("href") or "").startswith("#")]
    targets += re.findall(r"url\((#[^)]+)\)", page)
    assert targets
    assert [target for target in targets if target[1:] not in ids] == []


def test_nothing_can_be_fetched(elements: Elements):
    for tag, attributes in elements.found:
        assert tag not in {"img", "iframe", "object", "embed", "base", "image", "audio", "video"}
        assert not FETCHING & set(attributes)
        link = attributes.get("href") or ""
        assert link.startswith(("#", "data:")) or not link
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_the_only_addresses_stand_in_the_sample_texts(page: str):
    assert set(re.findall(r"\b[a-z]{2,6}://[^\s&<\"]+", page)) == {"http://evil.example/x"}
    assert "@import" not in page


def test_policy_allows_just_our_script_and_style(elements: Elements, page: str):
    policy = next(a["content"] for _, a in elements.found if a.get("http-equiv")) or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_outputs_are_shown_not_run(page: str, elements: Elements):
    assert HOSTILE not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;U+202E&gt;abc&lt;U+202C&gt; &lt;U+001B&gt;[31mred" in page


def test_no_control_character_is_left(page: str):
    assert (
        re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]", page)
        == []
    )


@pytest.mark.parametrize("key", ["method", "run", "id", "signature", "folder"])
def test_hostile_names_are_escaped_everywhere(tmp_path: Path, key: str):
    evil = '"><script>alert(1)</script>\u202e{{ 7 * 7 }}$x^2$ $\\frac$'
    (run,) = make_runs(tmp_path, systems={"prompt-tuning": (20.0, 10.0, 0.3)}, examples=2)
    data = json.loads((run / "scores.json").read_text("utf-8"))
    if key == "method":
        data["method"] = evil
    elif key == "run":
        data["run"] = {evil: {evil: evil}, "licences": [evil]}
    elif key == "id":
        for path in run.glob("predictions/*"):
            text = path.read_text("utf-8").replace('"page-001"', json.dumps(evil))
            path.write_text(text, "utf-8")
    elif key == "signature":
        data["cells"] = [{**cell, "signature": evil} for cell in data["cells"]]
    else:
        run = run.rename(tmp_path / evil.replace("/", "|"))
    write_json(run / "scores.json", data)
    page = make_report([run], tmp_path / "report.html").path.read_text("utf-8")
    assert page.count("<script") == 1
    assert "alert(1)" in page
    assert "\u202e" not in page
    assert Elements(page).open == []


def test_the_same_folders_give_the_same_bytes(runs: list[Path], report: Report, tmp_path: Path):
    program = "import sys; from pathlib import Path; from xlgen.reports.html import make_report; "
    program += "make_report([Path(p) for p in sys.argv[2:]], Path(sys.argv[1]))"
    again = tmp_path / "elsewhere" / "again.html"
    subprocess.run([sys.executable, "-c", program, again, *runs], check=True)
    assert again.read_bytes() == report.path.read_bytes()


def test_every_language_has_its_samples_with_language_and_direction(elements: Elements):
    texts = [a for tag, a in elements.found if tag == "div" and a.get("class") == "text"]
    assert {a["lang"] for a in texts} == set(ARTICLE_1)
    assert {a["dir"] for a in texts} == {"auto"}
    for code in ("ar", "hi", "th", "zh", "vi"):
        assert ARTICLE_1[code][:20] in "".join(elements.words)


def test_wrong_words_are_marked_with_a_label_beside_the_line(page: str):
    assert re.search(
        r'<bdi><span class="wrong" lang="en">[^<]+</span><sup class="label" [^>]*>en</sup></bdi>',
        page,
    )


def test_tables_have_captions_and_scopes(elements: Elements):
    names = [tag for tag, _ in elements.found]
    assert names.count("caption") == names.count("table") > 0
    assert all("scope" in attributes for tag, attributes in elements.found if tag == "th")


def test_figures_have_a_title_and_text_as_text(elements: Elements):
    figures = [a for tag, a in elements.found if tag == "svg" and a.get("role") == "img"]
    assert len(figures) == 2 * len(BENCHMARKS) + 1
    assert all(a["aria-labelledby"] for a in figures)
    assert "Vietnamese" in elements.words


def test_empty_output_is_said(page: str):
    assert '<p class="missing">empty</p>' in page


def test_missing_scores_predictions_and_history_are_said(tmp_path: Path):
    runs = make_runs(tmp_path, examples=2)
    data = json.loads((runs[0] / "scores.json").read_text("utf-8"))
    data["cells"] = [
        c for c in data["cells"] if c["language"] != "vi" or c["metric"] != "sp_rouge_lsum"
    ]
    write_json(runs[0] / "scores.json", data)
    for path in [*runs[1].glob("predictions/*"), runs[1] / "metrics.jsonl"]:
        path.unlink()
    report = make_report(runs, tmp_path / "report.html")
    page = report.path.read_text("utf-8")
    assert report.missing == (
        "howto0 · test: PromptTuning has no SP-ROUGE-Lsum for Vietnamese",
        "howto0-short · test: PromptTuning has no SP-ROUGE-Lsum for Vietnamese",
    )
    assert "2 scores are missing" in page
    assert "n = 13 of 14" in page
    assert "no interval: scores per example are missing" in page
    assert '<h4>ModelTuning</h4><p class="missing">missing</p>' in page


def test_each_deleted_cell_is_reported(runs: list[Path]):
    results = [read_run(run) for run in runs]
    count = 0
    for benchmark in BENCHMARKS:
        for cell in results[0].cells:
            kept = tuple(other for other in results[0].cells if other != cell)
            damaged = [replace(results[0], cells=kept), *results[1:]]
            missing = make_grid(damaged, benchmark=benchmark, split="test").missing()
            assert len(missing) == (cell.benchmark == benchmark)
            count += len(missing)
    assert count == len(results[0].cells)


def test_downloads_hold_every_score(runs: list[Path], elements: Elements):
    links = {a["download"]: a["href"] or "" for _, a in elements.found if a.get("download")}
    csv_text, json_text = (
        base64.b64decode(links[name].split(",")[1]).decode()
        for name in ("scores.csv", "scores.json")
    )
    records = json.loads(json_text)
    stored = [c for run in runs for c in json.loads((run / "scores.json").read_text())["cells"]]
    assert [r["value"] for r in records] == [c["value"] for c in stored]
    rows = list(csv.DictReader(io.StringIO(csv_text)))
    assert [float(row["value"]) for row in rows] == [c["value"] for c in stored]


def test_csv_runs_no_formula(tmp_path: Path):
    (run,) = make_runs(tmp_path, systems={"prompt-tuning": (20.0, 10.0, 0.3)}, examples=2)
    data = json.loads((run / "scores.json").read_text("utf-8"))
    write_json(run / "scores.json", {**data, "method": "=cmd|'/c calc'!A0"})
    page = make_report([run], tmp_path / "report.html").path.read_text("utf-8")
    link = re.search(r'download="scores.csv" href="data:[^,]+,([^"]+)"', page)
    assert link is not None
    assert "'=cmd" in base64.b64decode(link[1]).decode()
    assert ",=cmd" not in base64.b64decode(link[1]).decode()


def test_a_report_that_cannot_be_written_leaves_the_old_one(runs: list[Path], tmp_path: Path):
    (tmp_path / "taken").write_text("old")
    with pytest.raises(InputError, match="cannot write the report"):
        make_report(runs[:1], tmp_path / "taken" / "report.html", samples=0)
    out = tmp_path / "report.html"
    out.mkdir()
    with pytest.raises(InputError, match="choose another --out"):
        make_report(runs[:1], out, samples=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "taken"]


def test_no_runs_is_an_input_error(tmp_path: Path):
    with pytest.raises(InputError, match="at least one run folder"):
        make_report([], tmp_path / "report.html")


def test_importing_reports_imports_no_torch():
    program = "import sys, xlgen.reports; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
