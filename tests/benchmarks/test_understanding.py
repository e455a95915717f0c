"""Tables 2 to 7 end to end on small files of the official formats: trained on English, scored elsewhere."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner
from understanding_files import write_all

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.held_out import held_out_examples
from xlgen.cli import app
from xlgen.data.examples import Example
from xlgen.data.tokenizer import packaged_tokenizer
from xlgen.errors import InputError
from xlgen.recipes import RECIPES
from xlgen.recipes.evaluation import BestValidation, Evaluation
from xlgen.recipes.resolve import resolve
from xlgen.reports.published import published_languages
from xlgen.reports.read import read_run
from xlgen.run import evaluate_run, open_run
from xlgen.sources import SOURCES
from xlgen.sources.official import OfficialFiles
from xlgen.tasks import TASKS, Limits

TABLES = {"xnli": "2", "xquad": "3", "mlqa": "4", "tydiqa": "5", "pawsx": "6", "wikiann": "7"}
LEARNT_FROM = {"xquad": "squad", "mlqa": "squad"}
TINY = [
    "model=pico", "training.steps=2", "training.checkpoint_every=1", "training.validate_every=2",
    "training.batch_size=3", "training.micro_batch=null", "training.precision=fp32", "limits.input=64",
    "limits.target=16", "decoding.max_length=6", "validation.limit=2",
]  # fmt: skip
# A language beyond the eighteen where there is one, and hard scripts.
ASKED = {
    "xnli": ["en", "sw", "th"],
    "xquad": ["en", "hi", "zh"],
    "mlqa": ["en", "ar", "vi"],
    "tydiqa": ["en", "sw", "ar"],
    "pawsx": ["en", "ko", "zh"],
    "wikiann": ["en", "he", "hi"],
}
METRIC = {"pawsx": "accuracy", "xnli": "accuracy", "mlqa": "mlqa_f1", "wikiann": "span_f1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """A tiny run of each recipe with prompts, trained once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XLGEN_DATA", str(data))
        found = {}
        for source in dict.fromkeys(LEARNT_FROM.get(name, name) for name in TABLES):
            found[source] = tmp_path_factory.mktemp("runs") / source
            resolve(f"paper.prompt_{source}", [*TINY, "method.length=3"]).run(found[source])
        return found


@pytest.fixture(autouse=True)
def place(data, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(data))


def test_every_benchmark_in_the_users_files_is_a_printed_table():
    found = {n for n in BENCHMARKS if isinstance(SOURCES[BENCHMARKS[n].source], OfficialFiles)}
    assert found == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_languages_are_those_of_the_papers_table(name):
    assert set(BENCHMARKS[name].languages) == set(published_languages(TABLES[name]))
    assert BENCHMARKS[name].languages[0] == "en"


@pytest.mark.parametrize("name", TABLES)
def test_a_run_is_evaluated_from_the_command_line(name, runs):
    run = runs[LEARNT_FROM.get(name, name)]
    split = "validation" if name == "tydiqa" else "test"
    command = ["evaluate", "--run", str(run), "--benchmark", name, "--split", split]
    result = CliRunner().invoke(app, [*command, "--languages", ",".join(ASKED[name]), "--json"])
    assert result.exit_code == 0, result.output
    cells = [c for c in json.loads(result.stdout)["cells"] if c["benchmark"] == name]
    assert {cell["language"] for cell in cells} == set(ASKED[name])
    assert {cell["metric"] for cell in cells} == set(BENCHMARKS[name].metrics)
    assert BENCHMARKS[name].quality == METRIC.get(name, "answer_f1")
    shown = CliRunner().invoke(app, [*command, "--languages", ",".join(ASKED[name])])
    assert shown.exit_code == 0 and "SP-ROUGE" not in shown.output, shown.output
    records = read_run(run).predictions[name, split]
    assert {record.language for record in records} >= set(ASKED[name])


def test_a_perfect_system_scores_100_in_every_language(runs, tmp_path, monkeypatch):
    """What the reference says, said back: through files, statistics and averages."""
    from xlgen.benchmarks.evaluate import System, evaluate

    def repeat(examples):
        return [example.target.split("\n")[-1] for example in examples]

    for name, languages in ASKED.items():
        split = "validation" if name == "tydiqa" else "test"
        system = System("repeat", {}, repeat)
        scores = evaluate(
            system, BENCHMARKS[name], folder=tmp_path / name, split=split, languages=languages
        )
        assert {cell["value"] for cell in scores["cells"]} == {100.0}, name
        silent = System("silent", {}, lambda examples: [""] * len(examples))
        scores = evaluate(
            silent, BENCHMARKS[name], folder=tmp_path / f"{name}0", split=split, languages=languages
        )
        assert {cell["value"] for cell in scores["cells"]} == {0.0}, name


def test_unknown_languages_and_missing_files_are_told(runs):
    with pytest.raises(InputError, match="benchmark 'mlqa' has no language 'th'"):
        evaluate_run(runs["squad"], "mlqa", languages=["th"])
    with pytest.raises(InputError, match=r"xquad: no file xquad\.el\.json; .*google-deepmind"):
        evaluate_run(runs["squad"], "xquad", languages=["en", "el"])
    with pytest.raises(InputError, match="tydiqa: expected a split, got 'test'"):
        evaluate_run(runs["tydiqa"], "tydiqa", languages=["en"])


@pytest.mark.parametrize("way", ["prompt", "model"])
@pytest.mark.parametrize("source", dict.fromkeys(LEARNT_FROM.get(name, name) for name in TABLES))
def test_recipes_of_understanding_learn_from_english_alone(source, way):
    name = f"paper.{way}_{source}"
    config = RECIPES[name]()
    assert config.train.source == config.validation.source == source
    assert config.train.languages == config.validation.languages == config.select_on == ("en",)
    assert config.task in ("text_to_text", "question_answering")
    assert config.training == RECIPES[f"paper.{way}"]().training  # all else as in the main runs
    (example, *_) = config.train.examples()
    assert example.task == config.task


def test_the_first_of_several_answers_is_learnt():
    """multilingual-T5 takes the first as target, and all as references."""
    tokenizer = packaged_tokenizer()
    example = Example("1", "th", "question: ก ? context: ก ข . ", "ก ข\nข", "question_answering")
    task = TASKS["question_answering"]()
    tokens = task.tokenize(example, tokenizer, limits=Limits(64, 16))
    assert tokenizer.decode(list(tokens.target[:-1])) == "ก ข"
    empty = TASKS["text_to_text"]().tokenize(
        replace(example, target=""), tokenizer, limits=Limits(64, 16)
    )
    assert empty.target == (tokenizer.eos,)


def test_repeated_ends_are_answers_here(runs, monkeypatch):
    """Footnote 12 is of summaries: "Bora Bora" and two equal entities are right as they stand."""
    opened = open_run(runs["squad"])
    tokens = opened.tokenizer.encode("Bora Bora")
    monkeypatch.setattr("xlgen.generation.generate.generate", lambda *a, **k: [tokens])
    example = Example("1", "en", "question: where ? context: here", "Bora Bora")
    assert opened.predict([example]) == ["Bora Bora"]
    summaries = replace(opened, config=replace(opened.config, task="summarization"))
    assert summaries.predict([example]) == ["Bora"]


def test_what_is_held_out_of_the_users_files_is_told_and_kept(tmp_path, caplog):
    """The published training set stays whole, and the run says how much of it is also validated on."""
    run = resolve("paper.prompt_wikiann", [*TINY, "method.length=3", "training.steps=1"])
    own = {example.source for example in held_out_examples("wikiann")}
    assert own == {example.source for example in held_out_examples()} | {"wikiann"}
    assert {e.language for e in held_out_examples("wikiann") if e.source == "wikiann"} == {"en"}
    leaking = replace(run, train=replace(run.train, split="validation"))
    leaking.run(tmp_path / "run")
    assert "kept although held out for testing: 3 of 3 training examples" in caplog.text
    with pytest.raises(InputError, match="3 of 3 training examples are also held out"):
        replace(leaking, leaks="refuse").run(tmp_path / "refused")


def test_the_best_validation_score_is_what_is_reported(runs, tmp_path):
    """Tables 2 to 7: of each language the checkpoint that is best on its validation set, and that score."""
    config = BestValidation(runs["squad"], "mlqa", languages=("en", "ar"), validation_limit=None)
    evaluated = config.run(tmp_path / "best")
    curve = [
        json.loads(line)
        for line in (tmp_path / "best" / "curve.jsonl").read_text("utf-8").splitlines()
    ]
    cells = json.loads((tmp_path / "best" / "by-target" / "scores.json").read_text("utf-8"))[
        "cells"
    ]
    assert {cell["split"] for cell in cells} == {"validation"}
    for code in ("en", "ar"):
        seen = [p["value"] for p in curve if (p["language"], p["metric"]) == (code, "mlqa_f1")]
        (cell,) = [c for c in cells if (c["language"], c["metric"]) == (code, "mlqa_f1")]
        assert len(seen) == 2 and cell["value"] == max(seen) and cell["n"] == 2
        assert cell["checkpoint"] == evaluated.target[code]
    tested = Evaluation(runs["squad"], "mlqa", languages=("en",), validation_limit=1, limit=1)
    tested.run(tmp_path / "tested")
    cells = json.loads((tmp_path / "tested" / "by-target" / "scores.json").read_text("utf-8"))[
        "cells"
    ]
    assert {cell["split"] for cell in cells} == {"test"}


def test_reports_show_the_benchmarks_own_quality(runs, tmp_path):
    evaluate_run(runs["squad"], "xquad", languages=["en", "th"])
    out = tmp_path / "report.html"
    result = CliRunner().invoke(app, ["report", str(runs["squad"]), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "SQuAD F1" in result.output
    assert "SQuAD F1 with its 95 % interval" in out.read_text("utf-8")
