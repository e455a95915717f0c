"""What a grid's plan must be: every row there, nothing twice, in an order that can be done, movable."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from xlgen.benchmarks import BENCHMARKS
from xlgen.config import from_json, override, to_json
from xlgen.errors import InputError
from xlgen.recipes.base import RunConfig
from xlgen.recipes.evaluation import Baseline, Evaluation
from xlgen.run import Adaptation, Data
from xlgen.studies import STUDIES
from xlgen.studies.named import TARGETS, night, paper
from xlgen.studies.plan import Grid, open_grid
from xlgen.studies.product import Product
from xlgen.studies.rows import ROWS, Rows
from xlgen.translation.apertium import Apertium
from xlgen.translation.folder import FolderTranslator
from xlgen.translation.own import RunTranslator

# the methods of the paper's Tables 10 and 11 and Figure 2c
PUBLISHED = {
    "lead-64", "prompt", "model", "prompt, sup", "model, sup", "prompt, sup-all", "model, sup-all",
    "prompt, l=1", "prompt, l=10", "prompt, l=100", "prompt, l=1000", "prompt, mix-unsup", "model, mix-unsup",
    "prompt, mix-unsup-all", "model, mix-unsup-all", "prompt, it-gigaword", "model, it-gigaword",
    "prompt, it-lm", "model, it-lm", "prompt, fp", "prompt, fp-en", "prompt, trans-test", "model, trans-test",
    "prompt, trans-train", "model, trans-train",
}  # fmt: skip
ROOT = Path("runs/study")


@pytest.mark.parametrize("name", STUDIES)
def test_every_job_can_be_stored_and_comes_after_what_it_needs(name):
    plan = STUDIES[name]().plan(ROOT)
    before: set[str] = set()
    for job in plan.jobs.values():
        assert from_json(RunConfig, to_json(job.config)) == job.config
        assert before.issuperset(job.needs)
        before.add(job.folder)
    assert {row.folder for row in plan.rows} <= before
    assert all(isinstance(plan.jobs[row.folder].config, Evaluation | Baseline) for row in plan.rows)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_a_file_that_gives_the_same_plan(name, tmp_path):
    study = STUDIES[name]()
    (tmp_path / "grid.json").write_text(json.dumps(to_json(study)))
    again = open_grid(str(tmp_path / "grid.json"))
    assert again == study
    assert again.plan(ROOT).jobs == study.plan(ROOT).jobs


@pytest.mark.parametrize("study", [night, paper], ids=["night", "paper"])
def test_the_studies_hold_every_row_of_the_paper(study):
    plan = study().plan(ROOT)
    assert {row.row for row in plan.rows} | {gap.row for gap in plan.gaps} >= PUBLISHED


@pytest.mark.parametrize("name", STUDIES)
def test_folders_do_not_depend_on_where_the_sweep_is(name):
    one, other = (STUDIES[name]().plan(Path(root)) for root in ("runs/a", "/elsewhere/b"))
    assert list(one.jobs) == list(other.jobs)
    assert [job.needs for job in one.jobs.values()] == [job.needs for job in other.jobs.values()]


def test_equal_runs_are_one_job():
    plan = replace(night(), seeds=(0,)).plan(ROOT)
    hundred = [row for row in plan.rows if row.row == "prompt, l=100"]
    plain = [row for row in plan.rows if row.row == "prompt" and row.model == "nano"]
    assert [row.folder for row in hundred] == [row.folder for row in plain]
    banks = [job for job in plan.jobs.values() if job.folder.startswith("bank-")]
    assert len(banks) == 1  # for fp and fp-en
    fp, fp_en = (
        next(r.folder for r in plan.rows if r.row == f"prompt, {n}") for n in ("fp", "fp-en")
    )
    assert plan.jobs[fp].needs == plan.jobs[fp_en].needs  # trained once
    assert plan.jobs[fp].config != plan.jobs[fp_en].config


def test_another_setting_is_another_folder_and_seeds_and_sizes_are_kept_apart():
    plan = night().plan(ROOT)
    other = override(night(), ["prompt.training.steps=100"]).plan(ROOT)
    here = {j.folder for j in plan.jobs.values() if j.folder.startswith("prompt-nano")}
    there = {j.folder for j in other.jobs.values() if j.folder.startswith("prompt-nano")}
    assert len(here) == len(there) == 3
    assert not here & there
    runs = [j.config for j in plan.jobs.values() if isinstance(j.config, Adaptation)]
    assert {run.training.seed for run in runs} == {0, 1, 2}
    assert {run.model for run in runs} >= {"nano", "pico"}


def test_rows_for_a_language_are_scored_in_it_and_in_english():
    plan = override(night(), ["seeds=[0]", 'targets=["th", "ar"]', "benchmark=howto0-short"]).plan(
        ROOT
    )
    mixed = [row for row in plan.rows if row.row == "model, mix-unsup"]
    assert [row.target for row in mixed] == ["th", "ar"]
    for row in mixed:
        evaluation = plan.jobs[row.folder].config
        run = plan.jobs[plan.jobs[row.folder].needs[0]].config
        assert evaluation.languages == ("en", row.target)
        assert run.mix.languages == (row.target,)
        assert run.mix.kappa == 1


@pytest.mark.parametrize("name", ["table10", "table11", "night"])
def test_every_language_is_learned_where_a_few_are_scored(name):
    """SUP-ALL and the bank of halves are of all languages, whatever a table prints (sections 2.2.1, 3.1)."""
    study = replace(STUDIES[name](), seeds=(0,))
    narrow = replace(study, languages=("en", "th" if name != "night" else "fr"))
    plan, wanted = narrow.plan(ROOT), set(BENCHMARKS[study.benchmark].languages)
    runs = {
        row.row: plan.jobs[plan.jobs[row.folder].needs[0]].config
        for row in plan.rows
        if not row.row.startswith("lead")
    }
    for row in {"prompt, sup-all", "model, sup-all"} & runs.keys():
        assert set(runs[row].train.languages) == wanted
    for row in {"prompt, fp", "prompt, fp-en"} & runs.keys():
        assert set(runs[row].method.languages) == wanted
    banks = [job.config for job in plan.jobs.values() if job.folder.startswith("bank-")]
    assert all(set(bank.method.languages) == wanted for bank in banks)
    assert len(runs) > 3


def test_intermediate_tuning_goes_on_from_the_first_run():
    plan = replace(night(), seeds=(1,)).plan(ROOT)
    for way, setting in (("prompt", "method.file"), ("model", "model")):
        row = next(r for r in plan.rows if r.row == f"{way}, it-lm" and r.target == "ko")
        run = plan.jobs[plan.jobs[row.folder].needs[0]]
        first = plan.jobs[run.needs[0]].config
        assert first.languages == ("ko",)
        assert first.tasks[0].name == "lm"
        assert first.method.name == f"{way}-tuning"
        value = to_json(run.config)
        for key in setting.split("."):
            value = value[key]
        assert value == str(ROOT / run.needs[0] / "export")


def notes_of(study: Rows) -> dict[str, str]:
    rows = replace(study, seeds=(0,)).plan(ROOT).index(grid="made", settings=study)["rows"]
    return {row["row"]: row["note"] for row in rows}


@pytest.mark.parametrize("way", ["prompt", "model"])
def test_rows_say_what_stands_behind_their_name(way):
    row = f"{way}, it-gigaword"
    assert notes_of(night())[row] == "tuned first on the English of howto0-short"
    assert notes_of(paper())[row] == "tuned first on the English of gigaword"
    own = Data(source="labels/own.csv")
    assert notes_of(replace(night(), labels=own))[row] == "tuned first on own.csv"
    two = replace(own, languages=("en", "zh-CN"))
    told = "tuned first on the English and Chinese of own.csv"
    assert notes_of(replace(night(), labels=two))[row] == told
    assert notes_of(night())[f"{way}, trans-train"] == "translated by apertium"
    assert notes_of(night())[f"{way}, trans-test"] == "translated by apertium"
    assert notes_of(night())[way] == ""


@pytest.mark.parametrize(
    ("translator", "told"),
    [
        (
            FolderTranslator(folder=Path("models/nllb-200-distilled-600M")),
            "nllb-200-distilled-600M",
        ),
        (RunTranslator(folder=Path("runs/en-vi")), "XLGen's en-vi"),
    ],
)
def test_a_row_of_translations_names_the_system_without_reading_it(translator, told):
    study = replace(night(), targets=("vi",), translators={"vi": translator})
    assert notes_of(study)["prompt, trans-test"] == f"translated by {told}"


def test_a_language_without_a_translator_is_a_gap_and_no_row():
    plan = replace(night(), seeds=(0, 1), targets=("fr", "ru")).plan(ROOT)
    rows = {(row.row, row.target) for row in plan.rows if "trans-" in row.row}
    gaps = {(gap.row, gap.target) for gap in plan.gaps}
    kinds = [f"{way}, trans-{when}" for way in ("prompt", "model") for when in ("test", "train")]
    assert rows == {(kind, "fr") for kind in kinds}
    assert gaps == {(kind, "ru") for kind in kinds}
    assert len(plan.gaps) == len(gaps)  # said once, not for each seed


def test_a_translator_without_the_way_is_a_gap_that_says_which():
    study = replace(night(), targets=("ru",), translators={"ru": Apertium()}, seeds=(0, 1))
    plan = study.plan(ROOT)
    assert not [row for row in plan.rows if "trans-" in row.row]
    assert {(gap.row, gap.why) for gap in plan.gaps if gap.row.startswith("model")} == {
        (
            "model, trans-test",
            "apertium has no way from en into ru; apertium has no way from ru into en",
        ),
        ("model, trans-train", "apertium has no way from en into ru"),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"languages": ("en", "xx")}, "'howto0' has no language 'xx': known: .*vi"),
        ({"targets": ("th",)}, "'howto0' has no language 'th'"),
        ({"targets": ("th",), "benchmark": "howto0-long"}, "did you mean howto0"),
    ],
)
def test_a_language_the_benchmark_does_not_have_is_refused_before_anything_runs(changes, message):
    with pytest.raises(InputError, match=message):
        replace(night(), **changes).plan(ROOT)


def test_targets_are_no_matter_where_no_row_is_made_for_one():
    assert replace(night(), rows=("prompt",), targets=("th",)).plan(ROOT).rows


def test_translated_labels_are_made_once_and_the_plain_run_is_tested_through_english():
    plan = replace(night(), seeds=(0, 1)).plan(ROOT)
    labels = [job for job in plan.jobs.values() if job.config.name == "translation"]
    assert [job.config.target for job in labels] == ["fr"]
    trained = next(row for row in plan.rows if row.row == "model, trans-train")
    run = plan.jobs[plan.jobs[trained.folder].needs[0]]
    assert run.needs == (labels[0].folder,)
    assert run.config.train.source == str(ROOT / labels[0].folder / "examples.jsonl")
    assert run.config.train.languages == ("fr",)
    tested = next(row for row in plan.rows if row.row == "model, trans-test")
    plain = next(row for row in plan.rows if row.row == "model")
    assert plan.jobs[tested.folder].needs == plan.jobs[plain.folder].needs
    assert plan.jobs[tested.folder].config.translator == night().translators["fr"]


@pytest.mark.parametrize("row", ["prompt, mixx-unsup", "model, fp", "modell", "lead"])
def test_an_unknown_row_is_refused_with_near_names(row):
    with pytest.raises(InputError, match=f"no row '{row}'"):
        Rows(rows=(row,))


@pytest.mark.parametrize("row", ["lead-x", "lead-0", "lead-"])
def test_a_baseline_of_no_length_is_refused(row):
    with pytest.raises(InputError, match=f"unknown baseline '{row}': expected lead-N"):
        Rows(rows=(row,))


def test_every_row_can_be_made_alone():
    for name, kind in ROWS.items():
        for way in kind.ways:
            row = f"{way}, {name}" if name else way
            plan = replace(night(), rows=(row,), plain_sizes={}, seeds=(0,)).plan(ROOT)
            assert {r.row for r in plan.rows} == {row}


def test_a_product_has_every_combination():
    grid = Product("howto.prompt", over={"method.length": (1, 10), "training.seed": (0, 1, 2)})
    plan = grid.plan(ROOT)
    found = [(plan.jobs[j.needs[0]].config) for j in plan.jobs.values() if j.needs]
    assert [(run.method.length, run.training.seed) for run in found] == [
        (length, seed) for length in (1, 10) for seed in (0, 1, 2)
    ]
    assert {row.row for row in plan.rows} == {
        "howto.prompt, method.length=1", "howto.prompt, method.length=10"
    }  # fmt: skip
    assert from_json(Grid, to_json(grid)) == grid


def test_a_product_of_something_else_is_refused():
    with pytest.raises(
        InputError, match=r"expected an adaptation, pretrain\.nano is a pretraining run"
    ):
        Product("pretrain.nano").plan(ROOT)


def test_an_evaluation_needs_what_its_run_began_from():
    """Else `light` takes a model away before the runs tuned from it are scored: opening them reads it."""
    plan = night().plan(ROOT)
    scores = [row.folder for row in plan.rows if row.row.endswith("it-lm") and row.seed == 0]
    assert len(scores) == 2 * len(TARGETS)
    for folder in scores:
        run, first = plan.jobs[folder].needs
        assert plan.jobs[run].needs == (first,)
        assert "lm" in first
