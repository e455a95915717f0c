"""What pretraining refuses: one line that says what was expected, what came and what to do; nothing lost."""

import json
import shutil

import pytest
import torch

from xlgen.errors import InputError
from xlgen.recipes.resolve import resolve
from xlgen.training.folder import RunFolder
from xlgen.training.loop import DivergedError

SMALL = ["training.steps=2", "training.batch_size=2", "limits.input=48", "limits.target=24"]


@pytest.fixture
def corpus(corpus_of_six, tmp_path):
    folder = tmp_path / "text"
    shutil.copytree(corpus_of_six, folder, ignore=shutil.ignore_patterns("tokens-*"))
    return folder


@pytest.fixture
def small(corpus, spiece):
    return [
        *SMALL,
        f"corpus={corpus}",
        f"tokenizer={spiece.path}",
        "shape.vocabulary=640",
        "training.checkpoint_every=1",
    ]


@pytest.mark.parametrize("text", ["", "สวัสดีชาวโลก\n"], ids=["empty", "one short line"])
def test_a_language_with_too_little_text_is_named_until_it_is_taken_away(
    tmp_path, small, corpus, text
):
    (corpus / "hi.txt").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"hi has \d+ tokens of text, expected at least \d+; add"):
        resolve("pretrain.pico", small).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (corpus / "hi.txt").unlink()  # its shards stay beside the text
    assert resolve("pretrain.pico", small).run(tmp_path / "run").steps == 2


def test_text_that_is_not_utf8_is_named_by_file_and_line(tmp_path, small, corpus):
    with (corpus / "th.txt").open("ab") as file:
        file.write("\n\nข้อความ\n".encode("cp874"))
    with pytest.raises(InputError, match=r"th\.txt:\d+: not UTF-8 \(byte 0x..\); convert"):
        resolve("pretrain.pico", small).run(tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["shape.width=64"], "shape.width: 32 -> 64"),
        (["shape.vocabulary=704"], "shape.vocabulary: 640 -> 704"),
        (["limits.input=64"], "limits.input: 48 -> 64"),
    ],
)
def test_a_resumed_run_keeps_its_shape_and_vocabulary(tmp_path, small, change, told):
    resolve("pretrain.pico", small).run(tmp_path / "run")
    before = RunFolder(tmp_path / "run").steps.read_newest().parameters
    with pytest.raises(InputError, match=told):
        resolve("pretrain.pico", [*small, "training.steps=3", *change]).run(tmp_path / "run")
    after = RunFolder(tmp_path / "run").steps.read_newest().parameters
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_resumed_run_keeps_its_text(tmp_path, small, corpus):
    run = tmp_path / "run"
    resolve("pretrain.pico", small).run(run)
    text = (corpus / "en.txt").read_text("utf-8")
    (corpus / "en.txt").write_text(text + "\n\nOne more document than there was.\n", "utf-8")
    with pytest.raises(InputError, match=r"is of the text '.*text' with tokens .* restore"):
        resolve("pretrain.pico", [*small, "training.steps=3"]).run(run)
    (corpus / "en.txt").write_text(text, "utf-8")
    assert resolve("pretrain.pico", [*small, "training.steps=3"]).run(run).resumed_from == 2


def test_a_loss_that_is_no_number_keeps_the_last_good_step(tmp_path, small):
    wild = ['training.schedule={"name": "constant", "value": 1e38}', "training.gradient_clip=null"]
    with pytest.raises(DivergedError, match=r"no update was made, step \d+ is the last good one"):
        resolve("pretrain.pico", [*small, *wild, "training.steps=9"]).run(tmp_path / "wild")
    told = json.loads(next((tmp_path / "wild").glob("diverged-*.json")).read_text())
    assert RunFolder(tmp_path / "wild").steps.steps()[-1] == told["step"] - 1
