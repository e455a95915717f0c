"""The comparisons of `make bench`: each row asks for what its script has, and the table hides nothing."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks-perf"
PUBLISHED = sorted((ROOT / "results" / "performance").glob("*.json"))


@pytest.fixture(scope="module")
def suite():
    spec = importlib.util.spec_from_file_location("bench_suite", FOLDER / "suite.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_row_has_a_script_with_its_options_and_peers(suite):
    assert {row.script for row in suite.ROWS} == {p.stem for p in FOLDER.glob("*_speed.py")}
    conditions = (FOLDER / "peer.py").read_text("utf-8")
    for row in suite.ROWS:
        source = (FOLDER / f"{row.script}.py").read_text("utf-8") + conditions
        for option in re.findall(r"--[a-z0-9-]+", row.command(1)):
            assert f'"{option}"' in source, f"{row.script} has no {option}"
        for peer in row.goals:
            assert f'"{peer}"' in source, f"{row.script} does not measure {peer}"


def test_the_table_tells_of_aims_missed_outputs_that_differ_and_rows_without_numbers(suite):
    def ratio(median):
        return {"median": median, "lowest": median - 0.5, "highest": median + 1}

    measured = {
        "command": "python benchmarks-perf/x_speed.py --threads 1",
        "goals": {"theirs": 3},
        "work": "a step",
        "times_as_fast": {"theirs": ratio(2.5), "theirs int8": ratio(1.5)},
        "equal_outputs": {"xlgen": 8, "theirs": 8, "theirs int8": 1},
        "memory_mib": {"xlgen": 972, "theirs": 10416},
        "limit": {"share": {"xlgen": 0.37, "theirs": 0.1, "theirs int8": 0.2}},
    }
    head = {"command": "python benchmarks-perf/y_speed.py", "goals": {}}
    rows = [measured, head | {"left_out": "no bf16"}, head | {"failed": "the losses differ"}]
    lines = list(suite.table({"rows": rows}))
    assert lines[2:] == [
        "| a step | theirs | **2.5** (2 to 3.5) | 3 | 972 / 10,416 | 37% / 10% | `x_speed.py --threads 1` |",
        "|  | theirs int8 (1 of 8 outputs equal) | **1.5** (1 to 2.5) |  |  | 37% / 20% |  |",
        "| not measured: no bf16 | | | | | | `y_speed.py` |",
        "| not measured: failed: the losses differ | | | | | | `y_speed.py` |",
    ]


def test_a_benchmark_that_ends_in_an_error_is_a_row_and_not_the_end(suite, monkeypatch, tmp_path):
    (tmp_path / "benchmarks-perf").mkdir()
    script = tmp_path / "benchmarks-perf" / "odd_speed.py"
    script.write_text("import sys; sys.exit('the losses of the first step differ')\n", "utf-8")
    monkeypatch.setattr(suite, "HERE", script.parent)
    row = suite.Row("odd_speed", goals={"theirs": 2.0})
    (found,) = suite.run(row, row.command(1))
    assert found["failed"] == "the losses of the first step differ"
    assert found["goals"] == {"theirs": 2.0}
    left_out = suite.Row("odd_speed", needs="a_module_nobody_has")
    assert suite.run(left_out, "")[0]["left_out"] == "pip install a_module_nobody_has"


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_the_table_in_the_docs_is_that_of_the_published_run(suite, path):
    found = json.loads(path.read_text("utf-8"))
    told = (ROOT / "docs" / "performance.md").read_text("utf-8")
    for line in suite.table(found):
        assert line + "\n" in told, f"python benchmarks-perf/suite.py --table {path}"
    assert not [row["command"] for row in found["rows"] if "failed" in row]
