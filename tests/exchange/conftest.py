"""Real results of lm-evaluation-harness, and runs of ours over the very same documents.

`lm_eval_0.4.13/` holds what lm-eval 0.4.13 itself wrote (`--limit 4`, three languages of HowTo-0-short as
`xlgen data write` gives them, chrF) for a model that copies the first 40 characters; every fourth output is
empty.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from copied import CODES, RECORDED, copy, lines

import xlgen.exchange.imported
import xlgen.exchange.lm_eval
from xlgen.benchmarks.base import Benchmark
from xlgen.benchmarks.evaluate import System, evaluate


@pytest.fixture(scope="session")
def recorded_samples() -> dict[str, list[dict[str, Any]]]:
    """Return lm-eval's samples by task."""
    return {
        path.name.split("_")[1] + "_" + path.name.split("_")[2]: lines(path)
        for path in sorted(RECORDED.glob("samples_*"))
    }


@pytest.fixture(scope="session")
def recorded_results() -> dict[str, Any]:
    (path,) = RECORDED.glob("results_*.json")
    return json.loads(path.read_text("utf-8"))


@pytest.fixture
def recorded(tmp_path, monkeypatch, recorded_samples, write_jsonl) -> Benchmark:
    """Return the benchmark of the recorded documents, in the place of the packaged one."""
    documents = [sample["doc"] for samples in recorded_samples.values() for sample in samples]
    source = write_jsonl(tmp_path / "documents.jsonl", documents)
    benchmark = Benchmark("howto0-short", str(source), ("th", "ar", "zh"), "the recorded documents")
    for module in (xlgen.exchange.imported, xlgen.exchange.lm_eval):
        monkeypatch.setattr(module, "BENCHMARKS", {"howto0-short": benchmark})
    return benchmark


@pytest.fixture
def recorded_run(tmp_path, recorded) -> Path:
    """Return a run of ours that copies, over the recorded documents."""
    system = System("copy", {"decoding": "copy:40"}, copy)
    evaluate(system, recorded, folder=tmp_path / "run", split="test")
    return tmp_path / "run"


@pytest.fixture(scope="session")
def six_run(tmp_path_factory) -> Path:
    """Return a run that copies, in six scripts and two splits, limited to four documents a language."""
    from xlgen.benchmarks import BENCHMARKS

    folder = tmp_path_factory.mktemp("six") / "run"
    system = System("copy", {"model": "nano", "decoding": "copy:40", "seed": 3}, copy)
    for split in ("test", "validation"):
        evaluate(
            system, BENCHMARKS["howto0-short"], folder=folder, split=split, languages=CODES, limit=4
        )
    return folder
