"""A disk that fails, or a process that dies, at one chosen file operation; and a tiny run to try it on."""

import errno
import os
import random
import resource
import signal
from pathlib import Path

import torch

from xlgen.data.batches import BucketedStream
from xlgen.data.examples import TokenizedExample
from xlgen.data.mixture import Mixture
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import tiny_model
from xlgen.training.disk import Disk
from xlgen.training.folder import RunFolder
from xlgen.training.loop import train
from xlgen.training.settings import TrainingConfig
from xlgen.training.validation import validation_losses

OPERATIONS = (
    "make_folder",
    "write_tensors",
    "write_bytes",
    "append_bytes",
    "sync",
    "sha256",
    "rename",
    "remove_folder",
)
WRITES = ("write_tensors", "write_bytes", "append_bytes")


class FaultyDisk(Disk):
    """Calls `fault` at operation number `at` (from 1); a write is then done by half."""

    def __init__(self, at, fault):
        self.at, self.fault, self.log = at, fault, []

    def __getattribute__(self, name):
        operation = super().__getattribute__(name)
        if name not in OPERATIONS:
            return operation

        def counted(path, *arguments):
            self.log.append(name)
            if len(self.log) == self.at:
                if name in WRITES:
                    old = path.stat().st_size if name == "append_bytes" and path.exists() else 0
                    operation(path, *arguments)
                    os.truncate(path, old + (path.stat().st_size - old) // 2)
                self.fault()
            return operation(path, *arguments)

        return counted


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fail_with(number):
    def fail():
        raise OSError(number, os.strerror(number))

    return fail


FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EROFS": errno.EROFS, "EDQUOT": errno.EDQUOT}


def make_examples(count):
    """Real lengths do not matter here; ids and languages are those of parallel documents."""
    generator = random.Random(0)
    return [
        TokenizedExample(
            id=f"page-{number}",
            language=("en", "th", "ar")[number % 3],
            task="summarization",
            input=(*generator.choices(range(3, 500), k=generator.randrange(3, 14)), 1),
            target=(*generator.choices(range(3, 500), k=generator.randrange(1, 6)), 1),
        )
        for number in range(count)
    ]


EXAMPLES = make_examples(37)
METHODS = {"model": ModelTuning(), "prompt": PromptTuning(length=5)}


def tiny_run(folder, *, method="model", disk=None, seed=1, validate=True, **settings):
    """Train a tiny model in `folder` and return (result, adapted)."""
    values = {
        "steps": 6,
        "batch_size": 4,
        "micro_batch": 3,
        "window": 2,
        "log_every": 2,
        "validate_every": 3,
        "checkpoint_every": 2,
        "keep": 2,
        "seed": seed,
    }
    config = TrainingConfig(**{**values, **settings})
    adapted = METHODS[method].attach(tiny_model(0, width=16), FakeTokenizer(), seed=0)
    order = Mixture((len(EXAMPLES),), rates=(1.0,), seed=seed)
    stream = BucketedStream(order, lambda part, position, epoch: EXAMPLES[position], config)
    held_out = EXAMPLES[:7]
    check = (
        (lambda step: validation_losses(adapted, held_out, settings=config)) if validate else None
    )
    with RunFolder(Path(folder), config, disk=disk) as opened:
        return train(adapted, stream, config=config, folder=opened, validate=check), adapted


class FakeTokenizer:
    """As much of a tokenizer as sampling a prompt from the vocabulary asks for."""

    size = 500


def run_until_fault(folder, *, at, fault="kill", **settings):
    """Run with one failing file operation; returns the names of the operations made."""
    disk = FaultyDisk(at, die if fault == "kill" else fail_with(FAULTS[fault]))
    tiny_run(folder, disk=disk, **settings)
    return disk.log


def limited_run(folder, *, file_bytes, **settings):
    """Run where no file may grow beyond `file_bytes`, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        tiny_run(folder, **settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def use_one_thread():
    torch.set_num_threads(1)
