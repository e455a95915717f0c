"""Converting a T5X checkpoint beside moving the same bytes: seconds, and the most memory a conversion takes.

python benchmarks-perf/convert_speed.py --shape mt5-base --threads 2

The checkpoint is made first: random float32 weights in gzipped chunks of 32 to 48 MB (T5X: at most 64).
A conversion reads the gzipped files and writes the numbers they hold. Beside it stand reading the same files
and writing as many bytes as the conversion writes, and a plain copy of the checkpoint, which writes fewer.
Rounds are interleaved; all read through the page cache and end with their files on the disk (fsync). It fails
if the weights are not those that went in.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "model"))
from t5x_files import t5x_tree, write_t5x
from timing import medians, show

from xlgen.model.convert import convert
from xlgen.model.hugging_face import hugging_face_name
from xlgen.model.t5 import T5, T5Config
from xlgen.training.precision import keep_freed_memory

SHAPES = {
    "small-32k": T5Config(32_128, 512, 6, 64, 1024, 8, 8),
    "mt5-small": T5Config(250_112, 512, 6, 64, 1024, 8, 8),
    "mt5-base": T5Config(250_112, 768, 12, 64, 2048, 12, 12),
}
CONVERT = """
import sys
from pathlib import Path
import torch
from xlgen.model import convert
from xlgen.training.precision import keep_freed_memory

def highest():  # ru_maxrss would be that of the process before, too
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

torch.set_num_threads(int(sys.argv[3]))
keep_freed_memory()
before = highest()
convert.convert(sys.argv[1], Path(sys.argv[2]))
print(highest() - before)
"""


# T5X halves the longest side of an array until a chunk has 64 MB: 250,112 becomes this for mT5-base.
CHUNK = 15_632
BLOCK = 2**24
MOVED, COPIED = "reading and writing the same bytes", "copying the checkpoint"


def random_weights(config: T5Config) -> dict[str, torch.Tensor]:
    """Return random weights by Hugging Face's names, the same in each call."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        parameters = dict(T5(config).named_parameters())
    return {
        hugging_face_name(name): torch.randn(parameter.shape, generator=generator) * 0.05
        for name, parameter in parameters.items()
    }


def check(weights: Path, state: dict[str, torch.Tensor]) -> None:
    with safe_open(weights, framework="pt") as file:
        for name, tensor in state.items():
            if not torch.equal(file.get_tensor(name), tensor):
                raise SystemExit(f"{name} differs")


def move(source: Path, out: Path, written: int) -> None:
    """Read every file of `source`, and write `written` bytes."""
    out.mkdir()
    block = bytearray(BLOCK)
    for path in source.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(block):
                    pass
    with (out / "bytes").open("wb", buffering=0) as file:
        for start in range(0, written, BLOCK):
            file.write(memoryview(block)[: written - start])


def seconds_of(work: Callable[[], object], out: Path) -> tuple[float, float]:
    """Return wall and processor seconds until the files of `out` are on the disk; remove them."""
    start, used = time.perf_counter(), time.process_time()
    work()
    for path in out.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    taken = time.perf_counter() - start, time.process_time() - used
    shutil.rmtree(out)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="mt5-small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the checkpoint here, or use the one there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as the command does
    config = SHAPES[options.shape]
    with tempfile.TemporaryDirectory(dir=options.keep and options.keep.parent) as place:
        source, out = options.keep or Path(place) / "t5x", Path(place) / "out"
        state = random_weights(config)
        largest = max(tensor.nbytes for tensor in state.values())
        if not source.exists():
            write_t5x(source, t5x_tree(state), chunk=CHUNK)
        convert(str(source), out)
        check(out / "model.safetensors", state)
        del state
        written = (out / "model.safetensors").stat().st_size
        read = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
        shutil.rmtree(out)
        works: dict[str, Callable[[], object]] = {
            "xlgen": lambda: convert(str(source), out),
            MOVED: lambda: move(source, out, written),
            COPIED: lambda: shutil.copytree(source, out),
        }
        wall: dict[str, list[float]] = {name: [] for name in works}
        used: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(options.rounds):
            for name, work in works.items():
                for times, seconds in zip((wall, used), seconds_of(work, out)):
                    times[name].append(seconds)
        command = [sys.executable, "-c", CONVERT, str(source), str(out), str(options.threads)]
        memory = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    show(
        f"a T5X checkpoint of {options.shape}'s shape converted: {read // 10**6:,} MB of gzip to"
        f" {written // 10**6:,} MB",
        wall,
        processor_seconds={name: round(value, 2) for name, value in medians(used).items()},
        memory_mib={"xlgen": memory // 2**20, "the largest tensor": largest // 2**20},
        conditions={"threads": options.threads, "clock": "wall"},
    )


if __name__ == "__main__":
    main()
