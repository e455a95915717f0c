"""Converting a T5X checkpoint beside copying its bytes: seconds, and the most memory a conversion takes.

python benchmarks-perf/convert_speed.py --shape mt5-small --rounds 3

The checkpoint is made first (random weights, gzipped chunks of at most 64 MB, as T5X writes them). Rounds
are interleaved; both sides read through the page cache and end with their files on the disk (fsync).
It fails if the weights are not those that went in.
"""

import argparse
import os
import shutil
import statistics
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

from xlgen.model.convert import convert
from xlgen.model.hugging_face import hugging_face_name
from xlgen.model.t5 import T5, T5Config, count_parameters

SHAPES = {
    "small-32k": T5Config(32_128, 512, 6, 64, 1024, 8, 8),
    "mt5-small": T5Config(250_112, 512, 6, 64, 1024, 8, 8),
    "mt5-base": T5Config(250_112, 768, 12, 64, 2048, 12, 12),
}
CONVERT = """
import sys
from pathlib import Path
import torch
from xlgen.model import convert, t5x

def highest():  # ru_maxrss would be that of the process before, too
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

torch.set_num_threads(int(sys.argv[3]))
before = highest()
convert.convert(sys.argv[1], Path(sys.argv[2]))
print(highest() - before)
"""


def make_checkpoint(config: T5Config, folder: Path) -> dict[str, torch.Tensor]:
    """Write random weights as a T5X checkpoint; return them by Hugging Face's names."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        parameters = dict(T5(config).named_parameters())
    state = {
        hugging_face_name(name): torch.randn(parameter.shape, generator=generator) * 0.05
        for name, parameter in parameters.items()
    }
    write_t5x(folder, t5x_tree(state), chunk=4096)
    return state


def fsync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def seconds_of(work: Callable[[], object], out: Path) -> tuple[float, float]:
    """Return wall and processor seconds."""
    start, used = time.perf_counter(), time.process_time()
    work()
    fsync(out)
    taken = time.perf_counter() - start, time.process_time() - used
    shutil.rmtree(out)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="mt5-small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = SHAPES[options.shape]
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place) / "t5x", Path(place) / "out"
        state = make_checkpoint(config, source)
        size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
        convert(str(source), out)
        with safe_open(out / "model.safetensors", framework="pt") as file:
            for name, tensor in state.items():
                if not torch.equal(file.get_tensor(name), tensor):
                    raise SystemExit(f"{name} differs")
        shutil.rmtree(out)
        largest = max(tensor.nbytes for tensor in state.values())
        del state
        converted, copied = [], []
        for _ in range(options.rounds):
            converted.append(seconds_of(lambda: convert(str(source), out), out))
            copied.append(seconds_of(lambda: shutil.copytree(source, out), out))
        command = [sys.executable, "-c", CONVERT, str(source), str(out), str(options.threads)]
        memory = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ratios = [ours[0] / theirs[0] for ours, theirs in zip(converted, copied)]
    ours, theirs = (tuple(map(statistics.median, zip(*side))) for side in (converted, copied))
    sys.stdout.write(
        f"{options.shape}: {count_parameters(config):,} parameters, {size / 1e6:,.0f} MB; "
        f"conversion {ours[0]:.2f} s (processor {ours[1]:.2f}), "
        f"copying {theirs[0]:.2f} s (processor {theirs[1]:.2f}), "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); "
        f"memory {memory / 1e6:,.0f} MB, the largest tensor {largest / 1e6:,.0f} MB\n"
    )


if __name__ == "__main__":
    main()
