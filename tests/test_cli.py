"""The command line: every verb has an example, and every mistake is one line with exit code 2."""

import json
import subprocess
import sys

import pytest
import torch

from xlgen.methods.bank import PromptBank

VERBS = [
    ("list",), ("show",), ("train",), ("evaluate",), ("generate",), ("score",), ("report",), ("heatmap",),
    ("doctor",), ("data", "build"), ("data", "check"), ("data", "write"), ("export",), ("import",),
    ("convert",), ("correlate",),
]  # fmt: skip


def xlgen(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "xlgen.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, **options,
    )  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_shows_an_example(verb):
    shown = xlgen(*verb, "--help")
    assert shown.returncode == 0
    assert "Example" in shown.stdout


def test_list_and_show_speak_json():
    listed = json.loads(xlgen("list", "--json").stdout)
    assert {"recipes", "methods", "models", "languages"} <= set(listed)
    assert len(listed["languages"]) == 18 + 23  # the paper's, and those of Tables 2 to 7 besides
    shown = json.loads(xlgen("show", "demo.prompt", "--json").stdout)
    assert shown["settings"]["method"]["name"] == "prompt-tuning"


def test_convert_says_what_it_wrote_and_show_what_it_is(tmp_path):
    options = ("--to", "hugging-face", "--dtype", "float32", "--json")
    done = json.loads(xlgen("convert", "pico", tmp_path / "theirs", *options).stdout)
    assert (done["dtype"], done["tokenizer"]) == ("float32", "spiece.model")
    shown = json.loads(xlgen("show", tmp_path / "theirs", "--json").stdout)
    assert shown["parameters"] == done["parameters"] == shown["bytes"] // 4
    assert shown["head"].startswith("untied")
    again = xlgen("convert", "pico", tmp_path / "theirs")
    assert again.returncode == 2
    assert "name a new folder" in again.stderr


def test_show_studies_a_tokenizer(tmp_path):
    (tmp_path / "en.txt").write_text("Open the file.\n", "utf-8")
    studied = json.loads(xlgen("show", "tokenizer", "--corpus", tmp_path, "--json").stdout)
    assert studied["pieces"] == 24_000
    assert [row["corpus"] and row["corpus"]["texts"] for row in studied["languages"][:2]] == [
        1,
        None,
    ]
    shown = xlgen("show", "tokenizer", "--corpus", tmp_path)
    assert "d4698ce5" in shown.stdout
    assert "at most 1." in shown.stdout


def test_show_lists_the_halves_of_a_bank(tmp_path):
    halves = {name: torch.zeros(4, 8) for name in ("th", "ar", "zh", "lm")}
    bank = PromptBank({c: halves[c] for c in ("th", "ar", "zh")}, {"lm": halves["lm"]}, "0" * 64)
    file = tmp_path / "bank.safetensors"
    bank.save(file)
    shown = json.loads(xlgen("show", file, "--json").stdout)
    assert (shown["languages"], shown["tasks"]) == ("ar, th, zh", "lm")
    assert (shown["vectors of a half"], shown["width"]) == (4, 8)
    file.write_bytes(b"x")
    refused = xlgen("show", file)
    assert refused.returncode == 2 and str(file) in refused.stderr


GOOD = {"id": "1", "language": "th", "prediction": "สวัสดี", "reference": "สวัสดี"}


def lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


# name -> (arguments with FILE for the bad file, its bytes, what the one line must say)
MISTAKES = {
    "unknown verb": (("tran",), b"", "No such command"),
    "unknown table": (("list", "recipe"), b"", "did you mean recipes"),
    "unknown recipe": (("train", "demo.promt"), b"", "did you mean demo.prompt"),
    "unknown setting": (("train", "demo.prompt", "training.step=3"), b"", "did you mean steps"),
    "ill-typed setting": (("train", "demo.prompt", "training.steps=many"), b"", "expected int"),
    "not a setting": (("train", "demo.prompt", "steps"), b"", "expected key=value"),
    "unknown method": (("train", "demo.prompt", "method=promt-tuning"), b"", "did you mean prompt"),
    "no such model": (("train", "demo.prompt", "model=nono", "--out", "FOLDER"), b"", "nano"),
    "no such run": (("evaluate", "--run", "nowhere"), b"", "nowhere"),
    "no such benchmark": (
        ("evaluate", "--run", "FOLDER", "--baseline", "lead-64", "--benchmark", "howto1"),
        b"",
        "did you mean howto0",
    ),
    "comparing and scoring lines": (
        ("score", "FILE", "--against", "FILE", "--per-example", "FOLDER"),
        lines(GOOD),
        "leave one of them out",
    ),
    "scores over the predictions": (
        ("score", "FILE", "--per-example", "FILE"),
        lines(GOOD),
        "is the input too",
    ),
    "language outside the benchmark": (
        ("evaluate", "--run", "FOLDER", "--baseline", "lead-64", "--languages", "xx"),
        b"",
        "xx",
    ),
    "unknown baseline": (
        ("evaluate", "--run", "FOLDER", "--baseline", "lead"),
        b"",
        "such as lead-64",
    ),
    "score: empty file": (("score", "FILE"), b"", "FILE"),
    "score: not JSON": (("score", "FILE"), b"{\n", "FILE:1"),
    "score: invalid UTF-8": (("score", "FILE"), lines(GOOD)[:-4] + b'\xff"}\n', "FILE:1"),
    "score: missing reference": (
        ("score", "FILE"),
        lines(GOOD, {k: v for k, v in GOOD.items() if k != "reference"} | {"id": "2"}),
        "FILE:2",
    ),
    "score: duplicate id": (("score", "FILE"), lines(GOOD, GOOD), "FILE:2"),
    "score: unknown language": (("score", "FILE"), lines(GOOD | {"language": "xx"}), "FILE:1"),
    "score: 10 MB line": (
        ("score", "FILE"),
        lines(GOOD, GOOD | {"id": "2", "prediction": "x" * 10_000_000}),
        "FILE:2",
    ),
    "score: tokenizer is no tokenizer": (("score", "FILE", "--spm", "FILE"), lines(GOOD), "FILE"),
    "show: tokenizer is no tokenizer": (("show", "FILE"), b"{}", "FILE: expected a SentencePiece"),
    "task without labels": (
        ("train", "demo.prompt", "task=lm", "--out", "FOLDER"),
        b"",
        "'lm' needs no labels",
    ),
    "task with labels, mixed in": (
        ("train", "demo.prompt", 'mix={"kappa": 5, "task": {"name": "translation"}}'),
        b"",
        "config.mix.task: 'translation' is no UnsupervisedTask; known: iid_denoising",
    ),
    "task with labels, of text": (
        ("train", "text.bank", 'tasks=["summarization"]'),
        b"",
        "config.tasks[0]: 'summarization' is no UnsupervisedTask; known: iid_denoising, lm",
    ),
    "study of an unknown language": (
        ("sweep", "night", 'languages=["en", "xx"]', "--out", "FOLDER", "--dry-run"),
        b"",
        "benchmark 'howto0' has no language 'xx'",
    ),
    "show: no such tokenizer": (("show", "tokeniser"), b"", "did you mean tokenizer"),
    "show: corpus without text": (("show", "tokenizer", "--corpus", "."), b"", "<language>.txt"),
    "data: not a data file": (("data", "check", "FILE"), b"x", "FILE"),
    "heatmap of nothing": (
        ("heatmap", "FOLDER", "--out", "h.svg"),
        b"",
        "FOLDER: no prompts in it",
    ),
    "heatmap of no language": (
        ("heatmap", "FILE", "--out", "h.svg"),
        b"x",
        "FILE: not a readable safetensors file",
    ),
    "correlate: unknown judgements": (
        ("correlate", "multi-sumeval", "--data", "FOLDER"),
        b"",
        "did you mean multi-summeval",
    ),
    "correlate: no data": (
        ("correlate", "multi-summeval", "--data", "FOLDER"),
        b"",
        "FOLDER: expected the folder of Multi_SummEval",
    ),
    "report of nothing": (("report", "FOLDER"), b"", "FOLDER"),
    "export: unknown": (
        ("export", "FOLDER", "--to", "cards", "--out", "."),
        b"",
        "did you mean card",
    ),
    "export: unknown setting": (
        ("export", "FOLDER", "dates=2026", "--to", "card", "--out", "."),
        b"",
        "did you mean date",
    ),
    "convert: unknown model": (("convert", "nanno", "out"), b"", "did you mean nano"),
    "convert: plain http": (
        ("convert", "http://models.example/t5x", "out"),
        b"",
        "http is taken of localhost only",
    ),
    "convert: a file": (("convert", "FILE", "out"), b"", "expected a Hugging Face mT5 folder"),
    "convert: a shape": (("convert", "pico", "FOLDER", "heads=2"), b"", "heads=2: the tensors say"),
    "import: of no example": (
        ("import", "FILE", "--system", "mine", "--benchmark", "howto0-short", "--out", "FOLDER"),
        lines(GOOD),
        "FILE:1: howto0-short test has no example '1'",
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake_is_one_line_with_a_remedy(kind, tmp_path):
    arguments, content, message = MISTAKES[kind]
    file, folder = tmp_path / "bad.jsonl", tmp_path / "folder"
    file.write_bytes(content)
    places = {"FILE": file, "FOLDER": folder}
    refused = xlgen(*(places.get(a, a) for a in arguments), cwd=tmp_path)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    for name, place in places.items():
        message = message.replace(name, str(place))
    assert message in refused.stderr
    if kind != "unknown verb":
        assert len(refused.stderr.splitlines()) == 1
    assert not folder.exists() or not list(folder.rglob("scores.json"))


def test_score_writes_what_the_docs_say(tmp_path):
    records = [
        GOOD,
        GOOD | {"id": "2", "language": "hi", "prediction": "नमस्ते", "reference": "नमस्ते"},
    ]
    (tmp_path / "p.jsonl").write_bytes(lines(*records))
    scored = xlgen("score", tmp_path / "p.jsonl", "--per-example", tmp_path / "s.jsonl", "--json")
    assert scored.returncode == 0, scored.stderr
    cells = json.loads(scored.stdout)["cells"]
    assert {cell["language"] for cell in cells} == {"th", "hi"}
    perfect = [cell for cell in cells if cell["metric"] == "sp_rouge_lsum"]
    assert [cell["value"] for cell in perfect] == [100.0, 100.0]
    assert all(cell["signature"] for cell in cells)
    counts = {cell["metric"]: cell["n"] for cell in cells}
    assert {metric for metric, n in counts.items() if n != 1} == {"lpr", "wpr"}  # no long line
    written = [
        json.loads(line) for line in (tmp_path / "s.jsonl").read_text("utf-8").split("\n")[:-1]
    ]
    assert [(line["id"], line["language"]) for line in written] == [("1", "th"), ("2", "hi")]
    assert written[0]["scores"]["sp_rouge_lsum"] == 100.0


def test_two_systems_are_compared_record_by_record(tmp_path):
    records = [GOOD | {"id": str(number)} for number in range(3)]
    (tmp_path / "a.jsonl").write_bytes(lines(*records))
    (tmp_path / "b.jsonl").write_bytes(lines(*(r | {"prediction": "สวัสดีครับ"} for r in records)))
    compared = xlgen("score", tmp_path / "a.jsonl", "--against", tmp_path / "b.jsonl", "--json")
    assert compared.returncode == 0, compared.stderr
    quality = next(c for c in json.loads(compared.stdout) if c["metric"] == "sp_rouge_lsum")
    assert quality["first"] == 100
    assert quality["difference"] == quality["first"] - quality["second"] > 0
    assert 0 < quality["p_randomization"] <= 1
    shown = xlgen("score", tmp_path / "a.jsonl", "--against", tmp_path / "b.jsonl")
    assert "paired" in shown.stdout
    assert "th" in shown.stdout


def test_train_generate_and_report_speak_json(tmp_path):
    settings = ["model=pico", "train.limit=4", "validation.limit=1", "training.steps=1"]
    settings += [
        "training.batch_size=2",
        "limits.input=32",
        "decoding.min_length=0",
        "decoding.max_length=4",
    ]
    run = tmp_path / "run"
    trained = xlgen("train", "demo.prompt", *settings, "--out", run, "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["steps"] == 1
    (tmp_path / "in.jsonl").write_bytes(lines({"id": "1", "input": "สวัสดี"}))
    files = ["--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl"]
    generated = xlgen("generate", "--run", run, "--language", "th", *files, "--json")
    told = {"predictions": 1, "output": str(tmp_path / "out.jsonl")}
    assert json.loads(generated.stdout) == told, generated.stderr
    lead = tmp_path / "lead"
    xlgen("evaluate", "--run", lead, "--baseline", "lead-64", "--limit", "1", "--languages", "th,en",
          "--benchmark", "howto0-short")  # fmt: skip
    reported = xlgen("report", lead, "--out", tmp_path / "report.html", "--json")
    assert reported.returncode == 0, reported.stderr
    assert {"headline", "scores", "differences", "missing"} <= set(json.loads(reported.stdout))


def test_outputs_are_scored_by_named_metrics(tmp_path):
    """Answers in Swahili, a language beyond the eighteen, by SQuAD's rules; unknown names are told."""
    record = {
        "id": "1",
        "language": "sw",
        "prediction": "Dar es Salaam",
        "reference": "Dar es Salaam . ",
    }
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(record) + "\n", "utf-8")
    done = xlgen("score", path, "--metrics", "answer_em,answer_f1", "--json")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert [(c["metric"], c["value"]) for c in cells] == [
        ("answer_em", 100.0),
        ("answer_f1", 100.0),
    ]
    refused = xlgen("score", path, "--metrics", "answer_f2")
    assert refused.returncode == 2
    assert "did you mean answer_f1" in refused.stderr
