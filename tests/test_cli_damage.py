"""Damage met at the command line: one line, exit code 2, and nothing lost or half-written."""

import json
import math
import os
import shutil
import subprocess
import sys

import pytest
import torch
from full_disk import file_size_limit

from xlgen import cli
from xlgen.model.load import save_model, tiny_model
from xlgen.training.folder import RunFolder

EVALUATE = (
    "evaluate",
    "--run",
    "RUN",
    "--benchmark",
    "howto0-short",
    "--languages",
    "th",
    "--limit",
    "2",
)
GENERATE = ("generate", "--run", "RUN", "--language", "th", "--input", "IN", "--output", "OUT")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_tokenizer, article_1, write_jsonl):
    """Return a folder with a tiny model, a run of two steps on it, and texts to generate for."""
    place = tmp_path_factory.mktemp("damage")
    save_model(tiny_model(1), place / "model", dtype=torch.float32)
    shutil.copy(small_tokenizer.path, place / "model" / "spiece.model")
    words = article_1["en"].split()
    train = [
        {"id": f"t{i}", "language": "en", "input": " ".join(words[i : i + 9]), "target": words[i]}
        for i in range(8)
    ]
    watched = [{"id": "v", "language": "en", "input": article_1["en"], "target": words[0]}]
    texts = [{"id": code, "input": article_1[code]} for code in ("th", "ar", "hi")]
    for name, records in (("train", train), ("watched", watched), ("texts", texts)):
        write_jsonl(place / f"{name}.jsonl", records)
    call(*train_arguments(place), "--out", str(place / "run"))
    return place


def train_arguments(place):
    return (
        "train", "demo.prompt", f"model={place / 'model'}", f"train.source={place / 'train.jsonl'}",
        f"validation.source={place / 'watched.jsonl'}", "method.length=5", "method.population=100",
        "training.batch_size=4", "training.steps=2", "training.validate_every=1",
        "training.checkpoint_every=1", "training.log_every=1", "decoding.min_length=0",
        "decoding.max_length=8", "decoding.beams=2",
    )  # fmt: skip


def call(*arguments):
    """Run the command in this process, which saves starting torch; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["xlgen", *map(str, arguments)])
        patch.setattr("xlgen.progress.PATIENCE", math.inf)  # no progress between the errors
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code or 0


@pytest.fixture
def place(trained, tmp_path):
    """Return a copy of `trained` whose run knows the copied model, with an output from before."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "run").glob("config.json"):
        path.write_text(path.read_text("utf-8").replace(str(trained), str(tmp_path)), "utf-8")
    (tmp_path / "out.jsonl").write_text("from before\n")
    return tmp_path


def contents(folder):
    """Return every file's bytes, but for the notes on who had the run last."""
    skipped = {".lock", ".owner.json", ".evaluation.lock", ".evaluation.owner.json"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in skipped)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(capsys, place, arguments, message):
    """Assert that the command says one line with `message`, and leaves every file as it is."""
    names = {"RUN": place / "run", "IN": place / "texts.jsonl", "OUT": place / "out.jsonl"}
    before = contents(place)
    capsys.readouterr()
    code = call(*(names.get(argument, argument) for argument in arguments))
    said = capsys.readouterr()
    assert (code, said.out) == (2, ""), said
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith("error: ") and "Traceback" not in said.err
    for name, path in names.items():
        message = message.replace(name, str(path))
    assert message in said.err
    assert contents(place) == before


def flip(path):
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def newest(place):
    return sorted((place / "run" / "steps").iterdir())[-1]


# what is damaged -> (the damage, what the line says)
DAMAGED = {
    "a bit of a checkpoint": (lambda p: flip(newest(p) / "state.safetensors"), "state.safetensors"),
    "a cut checkpoint": (lambda p: cut(newest(p) / "state.safetensors"), "state.safetensors"),
    "a cut manifest": (lambda p: cut(newest(p) / "manifest.json"), "manifest.json"),
    "a missing checkpoint file": (
        lambda p: (newest(p) / "manifest.json").unlink(),
        "manifest.json",
    ),
    "configuration is a list": (lambda p: (p / "run/config.json").write_text("[]"), "config.json"),
    "configuration is cut": (lambda p: cut(p / "run/config.json"), "config.json"),
    "metrics": (lambda p: (p / "run/metrics.jsonl").write_text("{\n"), "metrics.jsonl:1"),
    "a bit of the model": (lambda p: flip(p / "model/model.safetensors"), "weights"),
    "the model's configuration": (
        lambda p: (p / "model/config.json").write_text("[]"),
        "got a list",
    ),
    "the tokenizer": (lambda p: cut(p / "model/spiece.model"), "spiece.model"),
    "no tokenizer": (lambda p: (p / "model/spiece.model").unlink(), "no spiece.model"),
}


@pytest.mark.parametrize("verb", [EVALUATE, GENERATE], ids=["evaluate", "generate"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_run_is_refused(kind, verb, place, capsys):
    damage, message = DAMAGED[kind]
    damage(place)
    checkpoint = "best" if kind == "metrics" else "last"
    refused(capsys, place, [*verb, "--checkpoint", checkpoint], message)


SHOWN = {
    "scores are a list": ("scores.json", "[]"),
    "scores without cells": ("scores.json", "{}"),
    "a cell is a number": ("scores.json", '{"method": "x", "cells": [1]}'),
    "configuration is a list": ("config.json", "[]"),
    "configuration is cut": ("config.json", "{"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_damaged_run_is_not_shown(kind, place, capsys):
    name, text = SHOWN[kind]
    (place / "run" / name).write_text(text)
    refused(capsys, place, ["show", "RUN"], f"RUN/{name}")


# what is written -> the arguments
WRITTEN = {
    "output": GENERATE,
    "predictions": EVALUATE,
    "scores": ("score", "PREDICTIONS", "--per-example", "OUT"),
    "report": ("report", "RUN", "--out", "OUT"),
    "run": (),
}


@pytest.fixture
def evaluated(place, write_jsonl):
    """Return `place` with scores of an earlier evaluation, and predictions of another system."""
    cell = {
        "benchmark": "howto0-short",
        "split": "test",
        "language": "ar",
        "metric": "sp_rouge_lsum",
    }
    scores = {"method": "prompt-tuning", "run": {}, "cells": [{**cell, "value": 1.0, "n": 2}]}
    (place / "run" / "scores.json").write_text(json.dumps(scores))
    record = {"language": "th", "prediction": "สวัสดี", "reference": "สวัสดี"}
    write_jsonl(place / "predictions.jsonl", [{**record, "id": str(n)} for n in range(9)])
    return place


@pytest.mark.parametrize("kind", WRITTEN)
def test_full_disk_is_one_line_and_loses_nothing(kind, evaluated, capsys):
    arguments = [
        evaluated / "predictions.jsonl" if argument == "PREDICTIONS" else argument
        for argument in WRITTEN[kind] or (*train_arguments(evaluated), "--out", evaluated / "new")
    ]
    with file_size_limit(60):
        refused(capsys, evaluated, arguments, "cannot ")


def test_full_disk_while_training_on_keeps_what_was_trained(place, capsys):
    more = (*train_arguments(place), "training.steps=4", "--out", place / "run")
    steps = contents(place / "run" / "steps")
    capsys.readouterr()
    with file_size_limit(1_200):
        assert call(*more) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert contents(place / "run" / "steps").items() >= steps.items()
    assert call(*more) == 0
    assert "step-0000004" in newest(place).name


UNWRITABLE = {
    "output is a folder": (*GENERATE[:-1], "FOLDER"),
    "output lies in a file": (*GENERATE[:-1], "IN/out.jsonl"),
    "scores are a folder": ("score", "IN", "--per-example", "FOLDER"),
    "report is a folder": ("report", "RUN", "--out", "FOLDER"),
    "run is a file": ("train", "demo.prompt", "--out", "IN"),
}


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_place_that_cannot_be_written_is_refused(kind, evaluated, capsys):
    (evaluated / "folder").mkdir()
    places = {"FOLDER": evaluated / "folder", "IN": evaluated / "predictions.jsonl"}
    places["IN/out.jsonl"] = evaluated / "texts.jsonl" / "out.jsonl"
    arguments = [places.get(argument, argument) for argument in UNWRITABLE[kind]]
    if UNWRITABLE[kind][0] == "generate":
        arguments[6] = "IN"
    refused(capsys, evaluated, arguments, "cannot " if "file" in kind else "folder")


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_second_writer_of_a_folder_is_refused(verb, place, capsys):
    more = (*train_arguments(place), "training.steps=4", "--out", "RUN")
    held = RunFolder(place / "run")
    with held if verb == "train" else held.evaluating():
        refused(capsys, place, more if verb == "train" else EVALUATE, f"process {os.getpid()} on")


def other_tokenizer(place, spiece):
    shutil.copy(spiece.path, place / "model" / "spiece.model")


def other_prompt(place, spiece):
    from xlgen.methods.prompt_files import save_prompt

    config = tiny_model(1, width=16).config
    save_prompt(torch.ones(5, 16), place / "prompt", config=config, base="x")


MISFITS = {
    "a tokenizer of more pieces": (other_tokenizer, (), "pieces, the model"),
    "a prompt of another width": (
        other_prompt,
        ("method.init=file", "method.file=PROMPT"),
        "[5, 16]",
    ),
    "no prompt": (lambda *_: None, ("method.init=file", "method.file=PROMPT"), "prompt: "),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_misfit_is_refused_before_training(kind, place, spiece, capsys):
    change, settings, message = MISFITS[kind]
    change(place, spiece)
    settings = [setting.replace("PROMPT", str(place / "prompt")) for setting in settings]
    refused(capsys, place, [*train_arguments(place), *settings, "--out", place / "new"], message)


GOOD = {"id": "1", "language": "en", "input": "born free", "target": "free"}


def line(**changes):
    return json.dumps(GOOD | changes, ensure_ascii=False).encode() + b"\n"


# name -> (file name, bytes, what the line says)
BAD_DATA = {
    "empty": ("x.jsonl", b"", "FILE: expected at least one record"),
    "a line of 10 MB": ("x.jsonl", line() + line(id="2", input="x" * 10_000_000), "FILE:2: "),
    "invalid UTF-8": ("x.jsonl", line() + b'{"id": "\xff"}\n', "FILE:2: expected UTF-8"),
    "duplicate id": ("x.jsonl", line() + line(language="th") + line(input="b"), "FILE:3: id '1'"),
    "no language": ("x.jsonl", b'{"id": "1", "input": "a", "target": "b"}\n', "FILE:1: no field"),
    "not JSON": ("x.jsonl", line() + b"{\n", "FILE:2: expected a JSON record"),
    "no header": ("x.csv", b"\n", "FILE:1: expected a header"),
    "not Parquet": ("x.parquet", b"PAR1", "FILE: damaged or truncated Parquet"),
    "cut gzip": ("x.jsonl.gz", b"\x1f\x8b\x08", "FILE: damaged or truncated"),
}


@pytest.mark.parametrize("verb", ["train", "data check"])
@pytest.mark.parametrize("kind", BAD_DATA)
def test_bad_data_is_named(kind, verb, tmp_path, capsys):
    name, data, message = BAD_DATA[kind]
    file = tmp_path / name
    file.write_bytes(data)
    new = tmp_path / "new"
    arguments = (
        ("train", "demo.prompt", f"train.source={file}", "--out", new)
        if verb == "train"
        else ("data", "check", file)
    )
    refused(capsys, tmp_path, arguments, message.replace("FILE", str(file)))
    assert not new.exists()


def test_a_file_without_a_language_column_is_checked_and_trains(place, capsys):
    """As the README has it: columns of any name, no ids, English."""
    rows = [f"birth number {n},life {n}" for n in range(8)]
    file = place / "mine.csv"
    file.write_text("\n".join(["article,summary", *rows]) + "\n")
    columns = {"id": "#", "input": "article", "target": "summary"}
    options = [f"--column={field}={column}" for field, column in columns.items()]
    assert call("data", "check", file, *options, "--language", "en", "--json") == 0
    assert json.loads(capsys.readouterr().out)["languages"] == {"en": 8}
    source = json.dumps({"source": str(file), "language": "en", "columns": columns})
    assert call(*train_arguments(place), f"train={source}", "--out", place / "new") == 0
    stored = json.loads((place / "new" / "config.json").read_text("utf-8"))["train"]
    assert (stored["languages"], stored["language"]) == (["en"], "en")


def test_what_was_noticed_is_said_beside_the_result(tmp_path):
    """In a process of its own, since warnings look otherwise under pytest."""
    file = tmp_path / "x.jsonl"
    file.write_bytes(line() + line(id="2", input="<p>born</p>") + line(id="3", language="zh-CN"))
    missing = tmp_path / "none.jsonl"
    settings = [f"train.source={file}", f"validation.source={missing}"]
    command = [sys.executable, "-m", "xlgen.cli", "train", "demo.prompt", *settings]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2
    html, codes, error = ran.stderr.splitlines()
    assert html.startswith(f"{file}:2: HTML")
    assert codes.startswith(f"{file}:3: ") and "zh-CN -> zh" in codes
    assert error.startswith(f"error: {missing}")
