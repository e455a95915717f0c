"""A sweep is read as it is: scores by row and seed, targets respected, gaps named, damage told in a line."""

import json
import shutil
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import write_json
from made_sweeps import SWEEP, Sweep, make_sweep

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.exchange.imported import Provenance, import_outputs
from xlgen.reports.grid import ENGLISH, QUALITY, TARGET
from xlgen.reports.study import HONEST, PROTOCOL, Study, is_study, read_study
from xlgen.reports.study_page import make_study_report
from xlgen.reports.study_tables import study_tables
from xlgen.reports.sweep import count_parameters, note_of


def values(sweep: Path, row: str, language: str, *, metric: str, part: str = PROTOCOL) -> dict:
    """Read one row's scores off the files: (seed, target) -> value."""
    found = {}
    for job in json.loads((sweep / "sweep.json").read_text("utf-8"))["rows"]:
        folder = sweep / job["folder"]
        path = folder / part / "scores.json"
        path = path if job["seed"] is not None else folder / "scores.json"
        if job["row"] == row and path.is_file():
            for cell in json.loads(path.read_text("utf-8"))["cells"]:
                if (cell["language"], cell["metric"]) == (language, metric):
                    found[job["seed"], job["target"]] = cell["value"]
    return found


@pytest.mark.parametrize("language", ["th", "ar", "hi", "zh", "vi"])
@pytest.mark.parametrize("part", [PROTOCOL, HONEST])
def test_cells_are_means_and_deviations_over_seeds(sweep: Path, study: Study, language, part):
    for metric in (QUALITY, TARGET, ENGLISH):
        expected = values(sweep, "model", language, metric=metric, part=part)
        found = study.summary("model", "nano", language=language, metric=metric, selection=part)
        assert found.mean == pytest.approx(statistics.fmean(expected.values()))
        assert found.std == pytest.approx(statistics.stdev(expected.values()))
        assert (found.seeds, found.of, found.n) == (2, 2, SWEEP.documents)
        assert found.low <= found.mean <= found.high
        assert found.checkpoints == (300, 300)


def test_a_targets_run_counts_for_its_language_alone(sweep: Path, study: Study):
    expected = values(sweep, "prompt, mix-unsup", "th", metric=TARGET)
    assert {target for _, target in expected} == {"th"}
    found = study.summary("prompt, mix-unsup", "nano", language="th", metric=TARGET)
    assert found.mean == pytest.approx(statistics.fmean(expected.values()))
    # were the run made for Hindi scored in Thai too, it would still not count
    listed = next(
        job
        for job in study.jobs
        if (job.row, job.target, job.seed) == ("prompt, mix-unsup", "hi", 0)
    )
    assert not listed.counts_for("th")
    assert listed.counts_for("en")
    assert listed.counts_for("hi")


def test_english_of_several_targets_is_their_mean_by_seed(sweep: Path, study: Study):
    expected = values(sweep, "prompt, mix-unsup", "en", metric=QUALITY)
    by_seed = [
        statistics.fmean(v for (s, _), v in expected.items() if s == seed) for seed in (0, 1)
    ]
    found = study.summary("prompt, mix-unsup", "nano", language="en", metric=QUALITY)
    assert len(expected) == 10
    assert found.mean == pytest.approx(statistics.fmean(by_seed))
    assert found.std == pytest.approx(statistics.stdev(by_seed))


def test_a_baseline_needs_no_seed_and_no_size(study: Study):
    found = study.summary("lead-64", "nano", language="ar", metric=QUALITY)
    assert (found.std, found.seeds, found.of) == (None, 1, 1)
    assert found == study.summary("lead-64", "", language="ar", metric=QUALITY, selection=HONEST)


def test_gaps_are_named(study: Study):
    assert study.state("model, sup", "nano") == "1 of 2 seeds"
    assert study.state("model", "nano") == ""
    assert study.state("model, it-lm", "nano") == "not in the sweep"
    assert "nano · model, sup · th: 1 of 2 seeds" in study.gaps()
    found = study.summary("model, sup", "nano", language="th", metric=QUALITY)
    assert (found.seeds, found.of, found.std) == (1, 2, None)


def test_a_row_is_complete_language_by_language(waiting: Study):
    """It was made for Vietnamese, where a seed is to come, for Chinese, where all are, and for no other."""
    row = ("prompt, mix-unsup", "nano")
    told = {code: waiting.state(*row, language=code) for code in SWEEP.languages}
    assert told["vi"] == told["en"] == waiting.state(*row) == "1 of 2 seeds"
    assert told["zh"] == "not run"
    assert told["ar"] == told["hi"] == told["th"] == "not planned"
    assert waiting.state("prompt", "nano", language="th") == ""
    assert waiting.state("model, it-lm", "nano", language="th") == "not in the sweep"


def test_rows_that_are_whole_are_no_gaps(study: Study):
    for code in ("ar", "hi", "th", "vi", "zh"):
        assert study.gaps().count(f"nano · model, sup · {code}: 1 of 2 seeds") == 1
    assert len(study.gaps()) == 5


def test_a_baseline_that_has_not_run_is_a_gap(study: Study):
    jobs = tuple(replace(j, scored={}) if j.row == "lead-64" else j for j in study.jobs)
    assert "lead-64: not run" in replace(study, jobs=jobs, _parts={}).gaps()


def test_an_interval_of_a_score_ends_at_0_and_100(study: Study):
    def summary(values: tuple[float, float]):
        def change(job, value):
            by_part = job.scored[PROTOCOL]
            ((key, cells),) = by_part.cells.items()
            cell = replace(cells["th", TARGET], value=value, n=int(value))
            part = replace(by_part, cells={key: {("th", TARGET): cell}}, examples={})
            return replace(job, scored={PROTOCOL: part})

        jobs = [job for job in study.jobs if job.row == "model"]
        made = replace(study, jobs=tuple(map(change, jobs, values)), _parts={})
        return made.summary("model", "nano", language="th", metric=TARGET)

    high, low = summary((99.0, 95.0)), summary((5.0, 1.0))
    assert 0 < high.low < high.high == 100
    assert 0 == low.low < low.high < 100
    assert (high.n, low.n) == (95, 1)  # of the run that was scored on fewest outputs


def test_a_row_says_what_stands_behind_its_name(study: Study):
    assert study.note("model, sup") == "labels of howto0-short"
    assert study.note("prompt") == ""
    assert study.note("model, it-lm") == ""  # not in the sweep


NOTES = [
    ({"fr": "of A", "th": "of A"}, "of A"),
    ({"fr": "of A", "th": "of B", "hi": "of B"}, "of A (French); of B (Thai and Hindi)"),
    ({"fr": "of A", "th": ""}, "of A (French)"),
    ({None: "of A"}, "of A"),
    ({None: "of A", "th": "of B"}, "of A; of B (Thai)"),
]


@pytest.mark.parametrize(("notes", "told"), NOTES)
def test_notes_that_differ_name_their_languages(study: Study, notes: dict, told: str):
    jobs = [replace(study.jobs[0], target=code, note=note) for code, note in notes.items()]
    assert note_of(jobs) == told


def test_a_sweep_of_before_there_were_notes_is_read(copy: Path, sweep: Path):
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    for row in data["rows"]:
        del row["note"]
    write_json(copy / "sweep.json", data)
    assert read_study(copy).note("model, sup") == ""
    assert read_study(copy).gaps() == read_study(sweep).gaps()


def test_rows_that_cannot_be_made_are_gaps(copy: Path):
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    gap = {"row": "prompt, trans-test", "target": "th", "why": "no translator\n\u202eis set"}
    write_json(copy / "sweep.json", data | {"gaps": [gap]})
    told = "prompt, trans-test (th): no translator <U+202E>is set"
    assert told in read_study(copy).gaps()
    write_json(copy / "sweep.json", data | {"gaps": [{"row": 7}]})
    with pytest.raises(InputError, match=r"sweep.json: gap 1"):
        read_study(copy)
    write_json(copy / "sweep.json", data | {"gaps": 7})
    with pytest.raises(InputError, match="expected a list of 'gaps'"):
        read_study(copy)


def test_rows_stand_as_in_the_paper(study: Study):
    assert study.rows[:2] == ("lead-64", "prompt")
    assert set(study.rows) == set(SWEEP.rows)
    assert study.targets == ("ar", "hi", "th", "vi", "zh")
    assert study.length("prompt", "nano") == 100  # of the run's own settings
    assert study.length("prompt, l=1", "nano") == 1
    assert study.length("model", "nano") is None


def test_sizes_ascend_by_their_weights(tmp_path: Path):
    made = make_sweep(
        tmp_path / "sweep",
        Sweep(
            rows=("prompt",),
            sizes=("nano", "pico"),
            seeds=(0,),
            languages=("en", "fr"),
            documents=2,
        ),
    )
    assert read_study(made).sizes == ("pico", "nano")
    assert read_study(made).parameters["pico"] == 1_602_048


@pytest.fixture
def copy(sweep: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sweep, tmp_path / "sweep"))


def edit_rows(sweep: Path, **changes: object) -> None:
    data = json.loads((sweep / "sweep.json").read_text("utf-8"))
    data["rows"][1] |= changes
    write_json(sweep / "sweep.json", data)


DAMAGE = {
    "no text in row": ({"row": 5}, "sweep.json: row 2.row: expected str, got 5"),
    "no text in note": ({"note": 5}, "sweep.json: row 2.note: expected str, got 5"),
    "no seed": ({"seed": "x"}, "row 2.seed: expected int"),
    "unknown target": ({"target": "xx"}, "unknown language code 'xx'"),
    "repeated": ({"seed": 1}, "row 3 repeats"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_to_the_list_is_named(copy: Path, kind: str):
    changes, message = DAMAGE[kind]
    edit_rows(copy, **changes)
    with pytest.raises(InputError, match=message):
        read_study(copy)


def test_damage_is_told_by_file(copy: Path):
    (copy / "sweep.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match=r"sweep.json: not JSON"):
        read_study(copy)
    write_json(copy / "sweep.json", {"rows": 7})
    with pytest.raises(InputError, match="expected a list of 'rows'"):
        read_study(copy)
    write_json(
        copy / "sweep.json", {"rows": [{"row": "prompt", "model": "nano", "folder": "none"}]}
    )
    with pytest.raises(InputError, match="no run of this sweep is scored yet"):
        read_study(copy)
    assert is_study(copy)
    assert not is_study(copy / "evaluations")


def test_a_curve_is_in_the_order_of_steps(copy: Path, study: Study):
    """An evaluation that was continued appends what it lacked."""
    for path in copy.rglob("curve.jsonl"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[len(lines) // 2 :] + lines[: len(lines) // 2]), "utf-8")
    for ours, theirs in zip(read_study(copy).jobs, study.jobs, strict=True):
        steps = [point.step for point in ours.curve]
        assert steps == sorted(steps)
        assert set(ours.curve) == set(theirs.curve)


def test_a_language_of_a_curve_is_one_of_ours(copy: Path):
    path = copy / "evaluations/001/curve.jsonl"
    path.write_text(path.read_text("utf-8").replace('"th"', '"xx"'), "utf-8")
    with pytest.raises(InputError, match="unknown language code 'xx'"):
        read_study(copy)


def test_the_test_split_is_shown_and_another_is_named(copy: Path, study: Study):
    path = copy / "evaluations/000/scores.json"
    data = json.loads(path.read_text("utf-8"))
    other = [cell | {"split": "validation"} for cell in data["cells"]]
    write_json(path, data | {"cells": other + data["cells"]})
    found = read_study(copy)
    assert (found.benchmark, found.split) == (study.benchmark, "test")
    told = "howto0-short · validation was scored too and is not shown"
    assert found.gaps() == [told, *study.gaps()]


def test_a_model_that_is_not_here_counts_as_the_largest(copy: Path):
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    again = [row | {"model": "/elsewhere/huge"} for row in data["rows"] if row["row"] == "prompt"]
    write_json(copy / "sweep.json", data | {"rows": again + data["rows"]})
    found = read_study(copy)
    assert found.sizes == ("nano", "huge")
    assert found.parameters["huge"] is None


def test_models_of_one_name_in_two_folders_are_told_apart(copy: Path):
    data = json.loads((copy / "sweep.json").read_text("utf-8"))
    prompts = [row for row in data["rows"] if row["row"] == "prompt"]
    again = [row | {"model": f"{at}/mine"} for row in prompts for at in ("a", "b")]
    write_json(copy / "sweep.json", data | {"rows": again + data["rows"]})
    assert set(read_study(copy).sizes) == {"a/mine", "b/mine", "nano"}


def test_a_length_that_is_no_number_is_none(copy: Path):
    for path in copy.glob("run-*/config.json"):
        path.write_text(path.read_text("utf-8").replace("100", '"long"'), "utf-8")
    assert read_study(copy).length("prompt", "nano") is None


def test_weights_that_are_damaged_are_not_counted(tmp_path: Path):
    assert count_parameters(str(tmp_path / "nowhere")) is None
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
    assert count_parameters(str(tmp_path)) is None


def test_a_damaged_curve_is_told_by_line(copy: Path):
    path = copy / "evaluations/001/curve.jsonl"
    path.write_text(path.read_text("utf-8") + '{"step": "x"}\n', "utf-8")
    with pytest.raises(InputError, match=r"curve.jsonl:\d+.step: expected int"):
        read_study(copy)


def test_scores_measured_in_two_ways_are_refused(copy: Path):
    path = copy / "evaluations/001/by-target/scores.json"
    data = json.loads(path.read_text("utf-8"))
    for cell in data["cells"]:
        cell["signature"] = cell["signature"].replace("SP-ROUGE", "SP-RUGE")
    write_json(path, data)
    with pytest.raises(InputError, match="sp_rouge_lsum was measured as"):
        read_study(copy)


def test_a_row_without_the_honest_variant_is_a_gap(copy: Path):
    shutil.rmtree(copy / "evaluations/001/by-english")
    found = read_study(copy)
    assert "nano · prompt, chosen on English: 1 of 2 seeds" in found.gaps()
    assert found.summary("prompt", "nano", language="th", metric=QUALITY).seeds == 2
    honest = found.summary("prompt", "nano", language="th", metric=QUALITY, selection=HONEST)
    assert (honest.seeds, honest.of) == (1, 2)


def test_seeds_translated_by_different_systems_are_said(copy: Path):
    def translated(folder: str, system: str) -> None:
        for path in (copy / "evaluations" / folder).glob("by-*/scores.json"):
            data = json.loads(path.read_text("utf-8"))
            data["run"]["translator"] = {"en-th": system}
            write_json(path, data)

    translated("001", "run 600 of a")
    translated("002", "run 600 of a")
    assert not [gap for gap in read_study(copy).gaps() if "different systems" in gap]
    translated("002", "run 600 of b")
    told = "nano · prompt: seed 0 and seed 1 were translated by different systems"
    assert told in read_study(copy).gaps()


def test_other_numbers_of_outputs_are_said(copy: Path):
    path = copy / "evaluations/001/by-target/scores.json"
    data = json.loads(path.read_text("utf-8"))
    for cell in data["cells"]:
        cell["n"] -= cell["language"] == "th"
    write_json(path, data)
    assert "Thai: rows were scored on 5 and 6 outputs" in read_study(copy).gaps()


def test_without_predictions_the_interval_is_over_seeds(copy: Path):
    for path in copy.rglob("predictions"):
        shutil.rmtree(path)
    found = read_study(copy).difference(
        "model", "prompt", sizes=("nano", "nano"), languages=["th", "zh"], metric=TARGET
    )
    assert (found.over, found.documents, found.languages) == ("seeds", 0, ("th", "zh"))


def test_an_imported_system_stands_as_a_row_beside_the_sweeps(copy: Path, tmp_path: Path):
    """As docs/exchange.md says: a folder below the sweep's, and a line in sweep.json by hand."""
    examples = BENCHMARKS[SWEEP.benchmark].examples(
        "test", languages=SWEEP.languages, limit=SWEEP.documents
    )
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text(
        "".join(
            json.dumps({"id": e.id, "language": e.language, "prediction": e.target}) + "\n"
            for group in examples.values()
            for e in group
        ),
        "utf-8",
    )
    import_outputs(
        [theirs], Provenance("mT0-xl"), form="records", benchmark=SWEEP.benchmark, split="test",
        limit=SWEEP.documents, out=copy / "mt0",
    )  # fmt: skip
    index = json.loads((copy / "sweep.json").read_text("utf-8"))
    row = {"row": "mT0-xl", "target": None, "seed": None, "model": "nano", "folder": "mt0"}
    index["rows"].append(row | {"note": "imported, MIT"})
    write_json(copy / "sweep.json", index)
    found = read_study(copy)
    assert found.rows[-1] == "mT0-xl" and found.sizes == ("nano",)
    assert found.note("mT0-xl") == "imported, MIT"
    assert not [gap for gap in found.gaps() if "mT0" in gap]
    for language in SWEEP.languages:
        for selection in (PROTOCOL, HONEST):
            cell = found.summary(
                "mT0-xl", "nano", language=language, metric=QUALITY, selection=selection
            )
            assert (cell.mean, cell.seeds, cell.n) == (100, 1, SWEEP.documents)
    table = next(table for table in study_tables(found) if table.key == "11")
    (line,) = (line for line in table.blocks[-1].lines if line.row == "mT0-xl")
    assert line.cells["th", QUALITY].mean == 100
    page = make_study_report(copy, tmp_path / "page.html").path.read_text("utf-8")
    assert "MT0-XL" in page and "imported, MIT" in page  # rows are in capitals
