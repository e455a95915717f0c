"""Run every speed comparison, one after the other; write what they found, and print it as a table.

python benchmarks-perf/suite.py --out bench.json --threads 2     # hours; --rows mixed for some of them
python benchmarks-perf/suite.py --table bench.json

What `--out` holds already is not run again. A comparison that fails, or whose peer or instructions are
missing, is said so in its row.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from xlgen.files import write_json
from xlgen.training.precision import has_bf16_products

HERE = Path(__file__).parent
PEFT, PLAIN = "transformers + peft", "transformers"
CT2, INT8 = "CTranslate2", "CTranslate2 int8"
SMALL = "--shape mt5-small --batch 8 --rounds 3"
SEARCH = "--fixed --shape mt5-small --examples 8 --input 356 --output 64"


@dataclass(frozen=True)
class Row:
    """A benchmark with its options; `goals`: how many times as fast as a peer we aim to be."""

    script: str
    options: str = ""
    goals: Mapping[str, float] = field(default_factory=dict)
    needs: str = ""  # a module, or "bf16"
    threaded: bool = True

    def command(self, threads: int) -> str:
        own = f"--threads {threads}" if self.threaded else ""
        return " ".join(f"python benchmarks-perf/{self.script}.py {self.options} {own}".split())


ROWS = (
    Row("generate_speed", SEARCH, {PLAIN: 5, CT2: 2, INT8: 1}),
    Row("generate_speed", "--fixed --output 40", {CT2: 1}),
    Row("generate_speed", "--fixed --examples 1 --input 256 --output 48", {CT2: 1}),
    Row("generate_speed", "--fixed --examples 1 --input 24 --output 12 --rounds 15", {PLAIN: 1}),
    Row("generate_speed", "", {PLAIN: 5}),
    Row("tuning_speed", f"--method prompt {SMALL}", {PEFT: 3}),
    Row("tuning_speed", f"--method prompt {SMALL} --precision bf16", {PEFT: 3}, needs="bf16"),
    Row("tuning_speed", f"--method prompt {SMALL} --even --input 256 --target 64", {PEFT: 1.5}),
    Row("tuning_speed", f"--method model {SMALL}", {PLAIN: 2}),
    Row("tuning_speed", "--method prompt", {PEFT: 3}),
    Row("tuning_speed", "--method model", {PLAIN: 2}),
    Row("tuning_speed", "--method prompt --batch 1 --input 64 --target 24", {PEFT: 1}),
    Row("pretrain_speed", "", {PLAIN: 2}),
    Row("pretrain_speed", "--precision bf16", {PLAIN: 2}, needs="bf16"),
    Row("evaluate_speed", "--limit 16 --rounds 2", {"transformers, rouge-score, CLD3": 4}),
    Row("mixed_prompts_speed", "", {"transformers + peft, one at a time": 5}),
    Row(
        "convert_speed",
        "--shape mt5-base --rounds 3 --threads 2",
        {"reading and writing the same bytes": 0.5},
        threaded=False,
    ),
    Row("score_speed", threaded=False),
    Row("stream_speed", needs="datasets", threaded=False),
    Row("stream_speed", "--threads 2", needs="datasets", threaded=False),
    Row("parts_speed"),
    Row("parts_speed", "--precision bf16", needs="bf16"),
    Row("growth_speed"),
)


def main() -> None:
    options = read_options()
    if options.table:
        found = json.loads(options.table.read_text("utf-8"))
        sys.stdout.write("\n".join(table(found)) + "\n")
        return
    found = {"machine": machine(), "rows": []}
    if options.out.exists():
        found = json.loads(options.out.read_text("utf-8"))
    done = {row["command"] for row in found["rows"] if "failed" not in row}
    for row in ROWS:
        command = row.command(options.threads)
        if command in done or options.rows not in command:
            continue
        sys.stderr.write(f"{command}\n")
        told = run(row, command)
        found["rows"] = [known for known in found["rows"] if known["command"] != command] + told
        write_json(options.out, found)
    sys.stdout.write("\n".join(table(found)) + "\n")
    sys.exit(any("failed" in row for row in found["rows"]))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rows", default="", help="only commands that hold this text")
    parser.add_argument("--table", type=Path, help="print what this file holds; run nothing")
    return parser.parse_args()


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    pairs = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    parts = ("model name", "cpu family", "model")
    processor = [
        f"{part} {pairs[part]}".removeprefix("model name ") for part in parts if part in pairs
    ]
    packages = ("xlgen", "torch", "transformers", "peft", "ctranslate2", "rouge-score")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": ", ".join(processor) or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def missing(need: str) -> str:
    """Return why a row cannot be run here, or nothing."""
    if need == "bf16":
        return "" if has_bf16_products() else "this processor has no bfloat16 instructions"
    return "" if not need or importlib.util.find_spec(need) else f"pip install {need}"


def run(row: Row, command: str) -> list[dict[str, Any]]:
    """Return what a benchmark printed, one object a line, or why there is nothing."""
    head = {"command": command, "goals": dict(row.goals)}
    if lack := missing(row.needs):
        return [head | {"left_out": lack}]
    ran = subprocess.run(
        [sys.executable, *command.split()[1:]], cwd=HERE.parent, capture_output=True, text=True
    )
    if ran.returncode:
        return [head | {"failed": (ran.stderr.strip().splitlines() or ["nothing said"])[-1]}]
    return [head | json.loads(line) for line in ran.stdout.splitlines()]


def table(found: dict[str, Any]) -> Iterator[str]:
    """Return the lines of a Markdown table: a row for each peer of each work."""
    yield "| work | beside | times as fast | asked | MiB | share of the limit | command |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row in found["rows"]:
        command = f"`{row['command'].partition('benchmarks-perf/')[2]}`"
        if "work" not in row:
            reason = row.get("left_out") or f"failed: {row['failed']}"
            yield f"| not measured: {reason} | | | | | | {command} |"
            continue
        work = row["work"]
        for peer, rounds in row["times_as_fast"].items():
            spread = f"**{rounds['median']:g}** ({rounds['lowest']:g} to {rounds['highest']:g})"
            goal = row["goals"].get(peer)
            memory, limit = row.get("memory_mib", {}), row.get("limit")
            cells = [
                work,
                peer + unequal(row, peer),
                spread,
                "" if goal is None else f"{goal:g}",
                f"{memory['xlgen']:,} / {memory[peer]:,}" if peer in memory else "",
                f"{limit['share']['xlgen']:.0%} / {limit['share'][peer]:.0%}" if limit else "",
                command,
            ]
            yield f"| {' | '.join(cells)} |"
            work = command = ""


def unequal(row: dict[str, Any], peer: str) -> str:
    """Return how many outputs are ours, where not all are."""
    equal = row.get("equal_outputs", {})
    if equal.get(peer) == equal.get("xlgen"):
        return ""
    return f" ({equal[peer]} of {equal['xlgen']} outputs equal)"


if __name__ == "__main__":
    main()
