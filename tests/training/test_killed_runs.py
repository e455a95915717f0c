"""A run that dies at any moment, or meets any error of the disk, ends with the bits of one that did not."""

import json
import random
import threading
import time

import pytest

from xlgen.errors import InputError
from xlgen.training.checkpoint import CheckpointStore
from xlgen.training.folder import RunFolder


def outcome(folder):
    """What a run came to: the last step's bytes, and the metrics without the times."""
    store = CheckpointStore(folder / "steps")
    last = store.steps()[-1]
    lines = RunFolder(folder).read_metrics()
    for line in lines:
        line.pop("seconds", None)
    return last, (store.path(last) / "state.safetensors").read_bytes(), lines


def assert_no_remains(folder):
    remains = [path.name for path in folder.rglob("*") if path.name.startswith((".tmp", ".trash"))]
    assert remains == []


@pytest.fixture(scope="module")
def whole(zygote, tmp_path_factory):
    """The outcome of runs never disturbed, by method."""
    outcomes = {}
    for method in ("model", "prompt"):
        folder = tmp_path_factory.mktemp("whole")
        assert zygote.run("tiny_run", folder=folder, method=method) == (0, "")
        outcomes[method] = outcome(folder)
    return outcomes


def count_operations(zygote, folder):
    """How many file operations a whole run makes: the first number that is never reached."""
    import faults

    faults.use_one_thread()
    return len(faults.run_until_fault(folder, at=10**9))


def test_two_whole_runs_are_equal(zygote, whole, tmp_path):
    zygote.run("tiny_run", folder=tmp_path, method="model")
    assert outcome(tmp_path) == whole["model"]
    assert whole["model"][0] == 6


@pytest.mark.parametrize("method", ["model", "prompt"])
def test_kill_9_at_file_operations(zygote, whole, tmp_path, method):
    operations = count_operations(zygote, tmp_path / "count")
    assert operations > 40  # three checkpoints of about ten operations, and the metrics
    # every operation of a save alone: test_training_checkpoint.py
    for at in range(1, operations + 1, 4 if method == "model" else 9):
        folder = tmp_path / str(at)
        status, error = zygote.run("run_until_fault", folder=folder, at=at, method=method)
        assert status == -9, (at, status, error)
        assert zygote.run("tiny_run", folder=folder, method=method) == (0, ""), at
        assert outcome(folder) == whole[method], at
        assert_no_remains(folder)


def test_a_disk_error_at_any_file_operation_is_told_in_one_line_and_loses_nothing(
    zygote, whole, tmp_path
):
    operations = count_operations(zygote, tmp_path / "count")
    errors = ("ENOSPC", "EIO", "EROFS", "EDQUOT")
    told = 0
    for at in range(1, operations + 1, 4):
        folder = tmp_path / str(at)
        status, error = zygote.run(
            "run_until_fault", folder=folder, at=at, fault=errors[at // 4 % 4]
        )
        if status:  # an error while cleaning up is not worth stopping for
            assert "Traceback" not in error, (at, error)
            assert error.startswith("InputError: "), (at, error)
            assert error.count("\n") == 1, (at, error)
            told += 1
        assert zygote.run("tiny_run", folder=folder) == (0, ""), at
        assert outcome(folder) == whole["model"], at
        assert_no_remains(folder)
    assert told >= 9


def test_kill_9_at_random_moments(zygote, whole, tmp_path):
    generator = random.Random(7)
    kills = 0
    for trial in range(3):
        folder = tmp_path / str(trial)
        for _ in range(5):
            status, _ = zygote.run(
                "tiny_run", folder=folder, signal="SIGKILL", after=generator.uniform(0.02, 0.3)
            )
            kills += status == -9
        assert zygote.run("tiny_run", folder=folder) == (0, "")
        assert outcome(folder) == whole["model"]
    assert kills >= 3


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_stores_the_step_and_the_run_continues_to_the_same_bits(
    zygote, whole, tmp_path, name, code
):
    stops = []
    for trial in range(2):
        folder = tmp_path / str(trial)
        status, error = -1, ""
        for after in (0.1, 0.2, 0.15):
            status, error = zygote.run("tiny_run", folder=folder, signal=name, after=after)
            stops.append(status)
            assert "Traceback" not in error, error
        assert zygote.run("tiny_run", folder=folder) == (0, "")
        assert outcome(folder) == whole["model"]
    assert code in stops
    # 15 and 2 beyond 128 stand for a signal before training had begun
    assert set(stops) <= {0, code, -15, -2, 1}, stops


def test_a_full_disk(zygote, whole, tmp_path):
    state = len(whole["model"][1])
    for file_bytes in (1, 200, state // 2, state - 1):
        folder = tmp_path / str(file_bytes)
        status, error = zygote.run("limited_run", folder=folder, file_bytes=file_bytes)
        assert status == 1
        assert error.startswith("InputError: "), error
        assert "free the disk" in error, error
        assert zygote.run("tiny_run", folder=folder) == (0, "")
        assert outcome(folder) == whole["model"]
        assert_no_remains(folder)


def test_a_second_run_in_the_folder_is_refused_at_once_and_names_the_first(zygote, tmp_path):
    answers = []

    def long_run():
        answers.append(
            zygote.run("tiny_run", folder=tmp_path, steps=100_000, signal="SIGKILL", after=3)
        )

    thread = threading.Thread(target=long_run)
    thread.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "steps").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    owner = json.loads((tmp_path / ".owner.json").read_text())
    start = time.monotonic()
    named = f"in use by process {owner['pid']} on "
    with pytest.raises(InputError, match=named) as refusal, RunFolder(tmp_path):
        pass
    assert time.monotonic() - start < 1
    assert owner["start"] in str(refusal.value)
    thread.join()
    assert answers[0][0] == -9
    with RunFolder(tmp_path):  # free again, though its owner could not clean up
        pass
