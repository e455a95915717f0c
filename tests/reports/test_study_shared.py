"""A published sweep tells what the sweep tells, and is smaller."""

import json
import shutil
from pathlib import Path

import pytest

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.files import read_object, write_json
from xlgen.reports.study import read_study
from xlgen.reports.study_page import make_study_report
from xlgen.studies.publish import publish


@pytest.fixture
def finished(sweep, tmp_path):
    """The made sweep with all that a real one leaves: jobs, and what says that they are done."""
    root = shutil.copytree(sweep, tmp_path / "sweep")
    index = read_object(root / "sweep.json", remedy="")
    folders = [*(run.name for run in root.glob("run-*")), *(row["folder"] for row in index["rows"])]
    write_json(root / "sweep.json", index | {"jobs": {folder: [] for folder in folders}})
    for folder in folders:
        if (root / folder).is_dir():
            write_json(root / folder / "finished.json", {"seconds": 1.0})
    return root


@pytest.mark.usefixtures("without_figures")
def test_its_report_is_the_sweeps(finished, tmp_path):
    out = tmp_path / "published"
    published = publish(finished, out)
    assert 0 < published.jobs < published.of  # one row is unfinished
    for root in (finished, out):
        make_study_report(
            root, tmp_path / f"{root.name}.html", findings=tmp_path / f"{root.name}.md"
        )
    ours, theirs = ((tmp_path / f"{root.name}.md").read_text() for root in (out, finished))
    assert ours == theirs
    scored = read_study(out).jobs[1].scored["by-target"]
    assert scored.examples  # intervals over documents need each example's score


def test_it_holds_no_article_and_no_weights_and_is_made_again_to_the_byte(finished, tmp_path):
    out = tmp_path / "published"
    place = next(
        path for path in finished.rglob("predictions/*.jsonl") if "scores" not in path.name
    )
    lines = [json.loads(line) | {"input": "บทความ"} for line in place.read_text().splitlines()]
    place.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (place.parent.parent / "steps").mkdir()
    (place.parent.parent / "steps" / "state.safetensors").write_bytes(b"weights")
    evaluation = place.parent.parent.parent / "config.json"
    write_json(evaluation, {"run_folder": str(finished / "run-001")})
    publish(finished, out)
    assert not [path for path in out.rglob("*.json") if str(finished) in path.read_text("utf-8")]
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    publish(finished, out)
    assert first == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert not [
        path
        for path in first
        if path.suffix in {".safetensors", ".jsonl"} and path.parent.name == "predictions"
    ]
    size = sum(len(content) for content in first.values())
    assert size < 0.7 * sum(path.stat().st_size for path in finished.rglob("*") if path.is_file())
    for predictions in read_study(out).jobs[1].scored.values():
        assert predictions.folder.is_dir()


def test_where_the_sweep_lay_is_left_out_however_it_is_named(finished, tmp_path, monkeypatch):
    place = next(finished.rglob("by-target")).parent / "config.json"
    write_json(place, {"run_folder": str(finished / "run-001")})
    monkeypatch.chdir(finished.parent)
    publish(Path(finished.name), tmp_path / "out")
    published = tmp_path / "out" / place.relative_to(finished)
    assert json.loads(published.read_text("utf-8")) == {"run_folder": "run-001"}


def test_a_sweep_that_goes_on_from_a_published_one_is_published_whole(finished, tmp_path):
    publish(finished, tmp_path / "first")
    publish(tmp_path / "first", tmp_path / "second")
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    assert [path for path in second if path.name.endswith(".jsonl.xz")]


def test_damage_and_mistakes_are_named(finished, tmp_path):
    with pytest.raises(InputError, match="is the sweep itself"):
        publish(finished, finished)
    with pytest.raises(InputError, match="run `xlgen sweep` on it first"):
        publish(tmp_path / "nothing", tmp_path / "out")
    publish(finished, tmp_path / "out")
    packed = next((tmp_path / "out").rglob("*.jsonl.xz"))
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(InputError, match=rf"{packed.name}: damaged"):
        read_study(tmp_path / "out")


def test_the_verb_writes_it(finished, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        app(["publish", str(finished), "--out", str(tmp_path / "out")])
    assert end.value.code == 0
    assert " jobs" in capsys.readouterr().out
