"""A run folder: one writer, settings that may not change, metrics that end at a whole line."""

import json
import os
import time
from dataclasses import dataclass, field, replace

import pytest
import torch
from faults import OPERATIONS, FaultyDisk, fail_with

from xlgen.config import to_json
from xlgen.errors import InputError
from xlgen.training.folder import RunFolder, changed_settings
from xlgen.training.optim import AdamW
from xlgen.training.schedules import WarmUp
from xlgen.training.settings import TrainingConfig


def test_the_configuration_is_written_once(tmp_path):
    config = TrainingConfig(steps=7)
    with RunFolder(tmp_path, config) as folder:
        assert folder.changed == []
    stored = (tmp_path / "config.json").read_bytes()
    assert json.loads(stored) == to_json(config)
    with RunFolder(tmp_path, config) as folder:
        assert folder.changed == []
    assert (tmp_path / "config.json").read_bytes() == stored


CHANGES = {
    "optimizer": AdamW(),
    "schedule": WarmUp(),
    "normalization": "tokens",
    "precision": "bf16",
}


@dataclass(frozen=True)
class Run:
    """A run as this version has it: `leaks` is newer than `training`."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    leaks: str = "refuse"


@pytest.mark.parametrize("name", TrainingConfig.__dataclass_fields__)
def test_every_setting_is_harmless_to_change_or_refused_by_name(tmp_path, name):
    value = CHANGES.get(name, 77)
    changed = Run(replace(TrainingConfig(), **{name: value}))
    folder = RunFolder(tmp_path)
    folder.write_config(Run())
    if name in ("steps", "log_every", "validate_every", "checkpoint_every", "keep"):
        (told,) = folder.write_config(changed)
        assert told.startswith(f"training.{name}: ")
        assert folder.read_json("config.json") == to_json(changed)
    else:
        with pytest.raises(InputError, match=rf"other settings: training\.{name}"):
            folder.write_config(changed)
        assert folder.read_json("config.json") == to_json(Run())


def test_a_run_of_before_a_setting_existed_is_continued_with_its_default(tmp_path):
    folder = RunFolder(tmp_path)
    stored = to_json(Run())
    del stored["leaks"], stored["training"]["window"]
    folder.write_json("config.json", stored)
    with RunFolder(tmp_path, Run()) as opened:
        assert opened.changed == []
    for other, told in (
        (Run(leaks="drop"), 'leaks: "refuse" -> "drop"'),
        (Run(TrainingConfig(window=2)), r"training\.window: 16 -> 2"),
    ):
        with pytest.raises(InputError, match=f"other settings: {told};"):
            folder.write_config(other)
    assert folder.read_json("config.json") == stored


def test_a_setting_that_this_version_does_not_know_is_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("config.json", {**to_json(Run()), "lekas": "drop"})
    with pytest.raises(
        InputError,
        match=r"config\.json: unknown setting 'lekas': did you mean leaks\?\); .*the version of xlgen",
    ):
        folder.write_config(Run())


def test_a_change_is_listed_with_both_values(tmp_path):
    with RunFolder(tmp_path, TrainingConfig(seed=1)):
        pass
    changed = replace(TrainingConfig(seed=2), batch_size=8)
    with (
        pytest.raises(InputError, match="batch_size: 32 -> 8; seed: 1 -> 2"),
        RunFolder(tmp_path, changed),
    ):
        pass
    with RunFolder(tmp_path):  # a refusal gives the lock back
        pass


def test_true_and_one_are_not_the_same_setting():
    assert list(changed_settings({"a": 1}, {"a": True})) == [("a", "a: 1 -> true")]
    assert list(changed_settings({"a": 1}, {"b": 1})) == [
        ("a", "a: 1 -> null"),
        ("b", "b: null -> 1"),
    ]


def test_a_damaged_configuration_is_named(tmp_path):
    (tmp_path / "config.json").write_bytes(b'{"steps": ')
    with (
        pytest.raises(InputError, match=r"config\.json: damaged"),
        RunFolder(tmp_path, TrainingConfig()),
    ):
        pass


def test_steps_without_their_configuration_are_not_continued(tmp_path):
    with RunFolder(tmp_path, TrainingConfig()) as folder:
        folder.steps.save(1, {"x": torch.ones(1)}, {})
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match=r"no config\.json"), RunFolder(tmp_path, TrainingConfig()):
        pass


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path):
    with (
        RunFolder(tmp_path),
        pytest.raises(InputError, match="in use by process"),
        RunFolder(tmp_path),
    ):
        pass


def test_of_many_starters_one_wins(tmp_path):
    for race in range(5):
        gate, opened = os.pipe()
        children = []
        for _ in range(6):
            child = os.fork()
            if child == 0:
                os.close(opened)
                os.read(gate, 1)  # returns for all when the parent closes its end
                try:
                    with RunFolder(tmp_path / str(race)):
                        time.sleep(0.4)
                except InputError:
                    os._exit(2)
                os._exit(0)
            children.append(child)
        os.close(gate)
        os.close(opened)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert sorted(codes) == [0, 2, 2, 2, 2, 2]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot use it as a run folder"),
        RunFolder(tmp_path / "file/run"),
    ):
        pass


LINES = [{"step": step, "loss": 1 / step, "note": "สวัสดี\u2028"} for step in (10, 20, 30)]


def test_metrics_come_back_line_by_line_and_end_at_the_resumed_step(tmp_path):
    folder = RunFolder(tmp_path)
    for line in LINES:
        folder.append_metrics(line)
    with folder.metrics_path.open("ab") as file:
        file.write(b'{"step": 40, "lo')  # the kill
    assert folder.read_metrics() == LINES
    folder.truncate_metrics(20)
    assert folder.read_metrics() == LINES[:2]
    assert folder.metrics_path.read_bytes().endswith(b"}\n")
    folder.truncate_metrics(0)
    assert folder.metrics_path.read_bytes() == b""


def test_a_bad_line_is_named(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append_metrics(LINES[0])
    with folder.metrics_path.open("ab") as file:
        file.write(b"\x00\xff\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl:2: no JSON"):
        folder.read_metrics()


def test_json_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    RunFolder(tmp_path).write_json("scores.json", {"value": 1})
    for at in range(1, 6):
        broken = RunFolder(tmp_path, disk=FaultyDisk(at, fail_with(28)))
        with pytest.raises(InputError, match=r"scores\.json: cannot write \(No space left"):
            broken.write_json("scores.json", {"value": 2})
        assert RunFolder(tmp_path).read_json("scores.json")["value"] in (1, 2)
        assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
    with pytest.raises(ValueError, match="JSON compliant"):
        RunFolder(tmp_path).write_json("scores.json", {"value": float("nan")})


def test_reading_what_is_no_run_folder(tmp_path):
    with pytest.raises(InputError, match=r"is .* a run folder\?"):
        RunFolder(tmp_path).read_json("config.json")
    assert RunFolder(tmp_path).read_metrics() == []


def test_the_faulty_disk_knows_every_operation():
    from xlgen.training.disk import Disk

    assert {name for name in vars(Disk) if not name.startswith("_")} == {*OPERATIONS, "replace"}
