"""The store of steps: whole or absent, and every damage found."""

import json
import os
import random

import pytest
import torch
from faults import FAULTS, FaultyDisk, die, fail_with
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgen.errors import InputError
from xlgen.training.checkpoint import (
    MANIFEST,
    STATE,
    CheckpointStore,
    DamagedStepError,
    read_manifest,
    seal,
)

TENSORS = {"parameter/prompt": torch.arange(12.0).view(3, 4), "optimizer/prompt/v": torch.ones(7)}
FACTS = {"example": 64, "tally": {"tokens": 3}}


def save_steps(folder, steps, disk=None):
    store = CheckpointStore(folder, disk=disk)
    for step in steps:
        store.save(step, {name: tensor + step for name, tensor in TENSORS.items()}, FACTS)
    return store


def assert_is(checkpoint, step):
    assert checkpoint.step == step
    for name, tensor in TENSORS.items():
        assert torch.equal(checkpoint.tensors[name], tensor + step)


def test_a_step_comes_back_as_it_was(tmp_path):
    store = save_steps(tmp_path, [100])
    assert_is(store.read(100), 100)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [MANIFEST, STATE, "step-0000100"]
    manifest = json.loads((store.path(100) / MANIFEST).read_text())
    assert manifest["example"] == 64
    assert manifest["files"][STATE]["bytes"] == (store.path(100) / STATE).stat().st_size


def test_bits_survive_even_nan_and_every_dtype(tmp_path):
    tensors = {
        "nan": torch.tensor([float("nan"), -0.0, float("inf")]),
        "half": torch.randn(3).bfloat16(),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 4),
    }
    store = CheckpointStore(tmp_path)
    store.save(1, tensors, {})
    for name, tensor in store.read(1).tensors.items():
        assert tensor.dtype == tensors[name].dtype
        assert (
            tensor.numpy(force=True).tobytes() == tensors[name].numpy().tobytes()
            if (tensor.dtype != torch.bfloat16)
            else torch.equal(tensor, tensors[name])
        )


def test_a_step_is_never_overwritten(tmp_path):
    store = save_steps(tmp_path, [5])
    with pytest.raises(InputError, match="never overwritten"):
        save_steps(tmp_path, [5])
    assert_is(store.read(5), 5)


def test_what_is_no_number_in_json_is_not_stored(tmp_path):
    store = save_steps(tmp_path, [5])
    with pytest.raises(ValueError, match="JSON compliant"):
        store.save(6, TENSORS, {"loss": float("nan")})
    assert store.steps() == [5]


def test_steps_are_ordered_by_number_and_other_names_are_none(tmp_path):
    store = save_steps(tmp_path, [100, 20, 12_345_678])
    for name in ("step-30", "step-0000030x", ".tmp-step-0000030-1", "damaged-step-0000040"):
        (tmp_path / name).mkdir()
    assert store.steps() == [20, 100, 12_345_678]
    with pytest.raises(InputError, match=r"no such step; the run has: 20, 100, 12345678"):
        store.read(30)


def test_every_flipped_bit_and_every_truncation_is_found(tmp_path):
    generator = random.Random(0)
    store = save_steps(tmp_path, [1])
    for name in (STATE, MANIFEST):
        path = store.path(1) / name
        whole = path.read_bytes()
        for _ in range(150):
            place, bit = generator.randrange(len(whole)), generator.randrange(8)
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            with pytest.raises(DamagedStepError, match=name):
                store.read(1)
        for length in [0, 1, len(whole) - 1, *generator.sample(range(len(whole)), 30)]:
            path.write_bytes(whole[:length])
            with pytest.raises(DamagedStepError, match=name):
                store.read(1)
        path.write_bytes(whole + b" ")
        with pytest.raises(DamagedStepError, match=name):
            store.read(1)
        path.unlink()
        with pytest.raises(DamagedStepError, match=name):
            store.read(1)
        path.write_bytes(whole)
    assert_is(store.read(1), 1)


def test_damage_is_told_in_one_line_with_file_and_remedy(tmp_path):
    store = save_steps(tmp_path, [1])
    path = store.path(1) / STATE
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedStepError) as told:
        store.read(1)
    message = str(told.value)
    assert message.startswith(f"{path}: damaged (")
    assert "restore it from a copy" in message
    assert "\n" not in message


FORGED = [
    (b"[]", "no list of files"),
    (b"\xff", "codec"),
    (b"[" * 100_000, "recursion|depth"),
    (b'{"files": {"state.safetensors": {}}, "x": NaN}', "NaN is no number"),
    (seal({"format": 1, "step": 1, "files": {"../../x": {}}}), "plain file names"),
    (seal({"format": 1, "step": 2, "files": {STATE: {}}}), "names step 2"),
    (seal({"format": 1, "step": 1, "files": {STATE: {}}}), "bytes"),
    (seal({"format": 1, "step": 1, "files": {STATE: None}}), "subscriptable"),
]


@pytest.mark.parametrize(("data", "reason"), FORGED)
def test_a_forged_manifest_is_refused(tmp_path, data, reason):
    store = save_steps(tmp_path, [1])
    (store.path(1) / MANIFEST).write_bytes(data)
    with pytest.raises(DamagedStepError, match=reason):
        store.read(1)


def test_a_later_format_asks_for_a_later_program(tmp_path):
    path = tmp_path / MANIFEST
    path.write_bytes(seal({"format": 2, "step": 1, "files": {}}))
    with pytest.raises(InputError, match="this xlgen reads 1; update xlgen"):
        read_manifest(path)


def test_the_newest_step_that_verifies_is_used_and_damaged_ones_are_named(tmp_path):
    store = save_steps(tmp_path, [1, 2, 3])
    (store.path(3) / STATE).write_bytes(b"")
    os.truncate(store.path(2) / MANIFEST, 10)
    warnings = []
    assert_is(store.read_newest(warn=warnings.append), 1)
    assert ["step-0000003" in w for w in warnings] == [True, False]
    assert "step-0000002" in warnings[1]
    store.set_aside_newer(1)
    assert store.steps() == [1]
    assert len(list(tmp_path.glob("damaged-step-*"))) == 2
    save_steps(tmp_path, [2])
    (store.path(1) / STATE).unlink()
    (store.path(2) / STATE).unlink()
    with pytest.raises(InputError, match="all 2 steps are damaged"):
        store.read_newest(warn=warnings.append)
    assert CheckpointStore(tmp_path / "nothing").read_newest() is None


def save_or_die(folder, at):
    """For the zygote: store step 2 beside step 1 and prune, and die at an operation."""
    store = CheckpointStore(folder, disk=FaultyDisk(at, die))
    store.save(2, {name: tensor + 2 for name, tensor in TENSORS.items()}, FACTS)
    store.prune(keep=1)
    return len(store.disk.log)


def operations_of_a_save(folder):
    save_steps(folder, [1])
    return save_or_die(folder, at=10**9)


def test_kill_9_at_every_operation_of_save_and_prune(tmp_path):
    operations = operations_of_a_save(tmp_path / "count")
    assert operations > 12
    for at in range(1, operations + 1):
        folder = tmp_path / str(at)
        store = save_steps(folder, [1])
        child = os.fork()
        if child == 0:
            save_or_die(folder, at)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
        newest = store.read_newest(warn=pytest.fail)
        assert_is(newest, newest.step)
        store.sweep()
        for step in store.steps():
            assert_is(store.read(step), step)
        names = [path.name for path in folder.iterdir()]
        assert all(name.startswith("step-") for name in names), (at, names)
        if store.steps() == [1]:
            save_steps(folder, [2])
        assert_is(store.read(2), 2)


@pytest.mark.parametrize("fault", FAULTS)
def test_any_error_of_the_disk_at_any_operation_leaves_whole_steps(tmp_path, fault):
    operations = operations_of_a_save(tmp_path / "count")
    for at in range(1, operations + 1):
        folder = tmp_path / str(at)
        store = save_steps(folder, [1])
        faulty = CheckpointStore(folder, disk=FaultyDisk(at, fail_with(FAULTS[fault])))
        try:
            faulty.save(2, {name: tensor + 2 for name, tensor in TENSORS.items()}, FACTS)
            faulty.prune(keep=1)
        except InputError as error:
            assert "cannot write step 2" in str(error)
            assert "is intact" in str(error)
        except OSError:
            assert 2 in store.steps()  # while pruning
        for step in store.steps():
            assert_is(store.read(step), step)


def test_a_write_that_lies_is_noticed_before_it_is_published(tmp_path):
    class Lying(FaultyDisk):
        def write_tensors(self, path, tensors):
            super().write_tensors(path, {name: tensor + 1 for name, tensor in tensors.items()})

    store = CheckpointStore(tmp_path, disk=Lying(10**9, die))
    with pytest.raises(InputError, match="read back another"):
        store.save(1, TENSORS, FACTS)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_pruning_keeps_the_best_and_the_newest_that_verify(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("history")
    steps = sorted(data.draw(st.sets(st.integers(1, 30), min_size=1, max_size=6)))
    damaged = data.draw(st.sets(st.sampled_from(steps), max_size=len(steps)))
    best = data.draw(st.one_of(st.none(), st.sampled_from(steps)))
    keep = data.draw(st.integers(1, 4))
    store = save_steps(folder, steps)
    for step in damaged:
        (store.path(step) / STATE).write_bytes(b"x")
    removed = store.prune(keep=keep, best=best)
    sound = [step for step in steps if step not in damaged]
    expected = {*damaged, *sound[-keep:], *([best] if best else [])}
    assert set(store.steps()) == expected
    assert set(removed) == set(steps) - expected


def test_pruning_keeps_at_least_one(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        save_steps(tmp_path, [1]).prune(keep=0)
