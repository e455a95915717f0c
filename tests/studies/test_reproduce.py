"""A printed table: every cell of it is planned, a plan says what is missing, a real run stands beside it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner
from understanding_files import write_all

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.model.t5 import count_parameters
from xlgen.recipes.evaluation import BestValidation
from xlgen.recipes.paper import SIZES
from xlgen.recipes.pretrain import PICO
from xlgen.reports.published import printed_cells
from xlgen.reports.reproduced import compare, comparison_table
from xlgen.studies.needs import cost
from xlgen.studies.reproduce import plan_tables, reproduction
from xlgen.translation.apertium import Apertium

ROOT = Path("runs/table")
TABLES = (*(f"table{n}" for n in range(2, 9)), "table10", "table11")


@pytest.mark.parametrize("name", TABLES)
def test_the_runs_of_a_table_are_those_it_prints_and_no_others(name):
    study = reproduction(name, ROOT).study
    translators = dict.fromkeys(study.targets, Apertium())
    rows = replace(study, translators=translators).plan(ROOT).rows
    printed = {(c.row, c.size) for c in printed_cells() if c.table == name.removeprefix("table")}
    assert {(row.row, row.model) for row in rows} == printed
    assert {row.seed for row in rows if row.model} == {0, 1, 2}


@pytest.mark.parametrize("name", TABLES)
def test_every_printed_cell_has_a_place_for_ours(name):
    table = name.removeprefix("table")
    sizes = reproduction(name, ROOT).study.sizes
    cells = compare(None, table, sizes=tuple(sizes))
    assert [cell.paper for cell in cells] == [c for c in printed_cells() if c.table == table]
    assert not any(cell.ours or cell.difference for cell in cells)
    few = compare(None, table, sizes=("base",))
    assert {cell.paper.size for cell in few} <= {"", "base"}
    assert comparison_table(few).row_count == len(few)


def test_the_plan_of_all_five_sizes_names_what_is_missing_and_what_it_costs():
    result = CliRunner().invoke(app, ["reproduce", "table10", "--dry-run"])
    assert result.exit_code == 0, result.output
    for size in ("small", "base", "large", "xl", "xxl"):
        assert f"mt5-{size}-lm" in result.output
    assert "missing: no such folder" in result.output
    assert "…" not in result.output
    made = reproduction("table10", ROOT)
    addresses = [word for need in made.needs for word in need.missing.split() if "://" in word]
    assert any(address.startswith("gs://t5-data/") for address in addresses)
    for part, words in zip(plan_tables(made, teraflops=100), (addresses, [])):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(part)
        printed = console.export_text()
        assert max(map(len, printed.split("\n"))) <= 80 and "…" not in printed
        whole = "".join(printed.split())
        assert all("".join(word.split()) in whole for word in words)
    told = json.loads(
        CliRunner().invoke(app, ["reproduce", "table10", "--dry-run", "--json"]).output
    )
    costs = [told["costs"][size]["flop"] for size in ("small", "base", "large", "xl")]
    assert costs == sorted(costs)
    memory = [told["costs"][size]["memory"] for size in ("small", "base", "large", "xl")]
    # of the largest run, ModelTuning's: weights and gradients in float32
    parameters = [count_parameters(SIZES[size]) for size in ("small", "base", "large", "xl")]
    assert memory == [2 * 4 * count for count in parameters]
    assert len(told["jobs"]) == len(set(told["jobs"])) > 100


def test_nothing_starts_where_a_model_is_missing(tmp_path):
    made = reproduction("table10", tmp_path / "out", sizes=["small"])
    with pytest.raises(
        InputError, match=r"model mt5-small-lm: no such folder; .*; model mt5-small: "
    ):
        made.refuse_missing()
    result = CliRunner().invoke(app, ["reproduce", "table10", "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("table1", [], "no table 'table1'"),
        ("table9", [], "`xlgen correlate multi-summeval` makes it"),
        ("figure8", [], "`xlgen heatmap` makes it"),
        ("table10", ["basis"], "did you mean base"),
    ],
)
def test_unknown_tables_and_sizes_are_named(name, sizes, message):
    with pytest.raises(InputError, match=message):
        reproduction(name, ROOT, sizes=sizes)


REAL = [
    'sizes={"small": {"prompt": "pico", "model": "pico"}}', 'rows=["lead-64", "prompt"]', "seeds=[0]",
    "benchmark=howto0", 'languages=["en", "fr"]', "limit=2", "validation_limit=1",
    "prompt.training.steps=1", "prompt.training.checkpoint_every=1", "prompt.training.batch_size=1",
    "prompt.training.micro_batch=null", "prompt.training.precision=fp32", "prompt.decoding.max_length=4",
    "prompt.train.source=howto0", "prompt.validation.source=howto0", "prompt.validation.limit=1",
    "prompt.limits.input=32", "prompt.limits.target=16", "prompt.method.length=2",
]  # fmt: skip


def test_a_model_of_another_size_is_told(tmp_path):
    (need,) = reproduction("table10", tmp_path, sizes=["small"], settings=REAL).missing
    assert need.name == "pico"
    assert need.missing.startswith("its shape is")


def test_a_real_run_stands_beside_the_printed_cells(tmp_path, monkeypatch):
    """The packaged pico stands in for mT5-small, for one step."""
    monkeypatch.setitem(SIZES, "small", PICO)
    command = ["reproduce", "table10", *REAL, "--size", "small", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    cells = json.loads(result.stdout)
    ours = {(c["row"], c["language"], c["metric"]): c for c in cells if c["ours"] is not None}
    assert {key[:2] for key in ours} == {
        (r, c) for r in ("lead-64", "prompt") for c in ("en", "fr")
    }
    lead = ours["lead-64", "en", "sp_rouge_lsum"]
    assert lead["difference"] == pytest.approx(lead["ours"] - lead["paper"])
    assert lead["paper"] == 20.7
    assert {c["row"] for c in cells} > {"lead-64", "prompt"}  # the table's other rows are dashes


TINY = ["training.steps=2", "training.checkpoint_every=1", "training.validate_every=2",
    "training.batch_size=2", "training.micro_batch=null", "training.precision=fp32", "limits.input=48",
    "limits.target=8", "decoding.max_length=4", "validation.limit=1"]  # fmt: skip
UNDERSTANDING = [
    'sizes={"base": {"prompt": "pico", "model": "pico"}}', "seeds=[0]", "prompt.method.length=2",
    *(f"{way}.{setting}" for way in ("prompt", "model") for setting in TINY),
]  # fmt: skip


def test_tables_of_understanding_stand_beside_the_printed_cells(tmp_path, monkeypatch):
    """Table 3, then Table 4 of the same trainings: the best validation score of each language."""
    monkeypatch.setitem(SIZES, "base", PICO)
    monkeypatch.setenv("XLGEN_DATA", str(write_all(tmp_path / "data")))
    out = tmp_path / "out"
    for table, languages, metric in (
        ("3", ("en", "th"), "answer_f1"),
        ("4", ("en", "ar"), "mlqa_f1"),
    ):
        chosen = f"languages={json.dumps(languages)}"
        command = [
            "reproduce",
            f"table{table}",
            *UNDERSTANDING,
            chosen,
            "--out",
            str(out),
            "--json",
        ]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        cells = json.loads(result.stdout)
        ours = [c for c in cells if c["ours"] is not None]
        assert {(c["row"], c["language"]) for c in ours} == {
            (row, code) for row in ("prompt", "model") for code in languages
        }
        assert {(c["metric"], c["table"], c["size"]) for c in cells} == {(metric, table, "base")}
        assert all(0 <= c["ours"] <= 100 and c["ours_seeds"] == 1 for c in ours)
    trained = [path for path in out.iterdir() if (path / "steps").is_dir()]
    assert len(trained) == 2  # both tables' trainings are the same two


def test_a_table_of_understanding_says_which_files_are_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path / "none"))
    made = reproduction("table7", tmp_path / "out", sizes=["base"])
    missing = {(need.kind, need.name) for need in made.missing}
    assert ("labels", "wikiann") in missing
    with pytest.raises(
        InputError, match=r"labels wikiann: .*/none/wikiann: no file en/train; .*mmner"
    ):
        made.refuse_missing()
    scored = [job for job in made.plan.jobs.values() if isinstance(job.config, BestValidation)]
    shapes = dict.fromkeys(("mt5-base", "mt5-base-lm"), SIZES["base"])
    assert len(scored) == 2 * 3
    # every checkpoint on up to 10,000 sentences in 40 languages
    assert all(cost(job, plan=made.plan, shapes=shapes).flop > 20 * 40 * 10_000 for job in scored)
