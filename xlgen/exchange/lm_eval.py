"""Scores as lm-evaluation-harness writes them: `results_<date>.json`, and `samples_<task>_<date>.jsonl`.

A benchmark is a group, each of its languages a task. The form is that of lm-eval 0.4.13 (result_schema.py);
what a run does not say is null or "N/A", as there, and never made up.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, ClassVar

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.exchange.base import Export, parse_date
from xlgen.metrics import METRICS
from xlgen.metrics.pieces import Pieces
from xlgen.reports.read import Cell, Prediction, RunResults

FILTER = "none"  # what it calls the filter of outputs that are taken as they are
UNKNOWN = "N/A"
DOCUMENT = ("document", "id", "input", "language", "licence", "source")  # beside the target


@dataclass(frozen=True)
class LmEval(Export):
    """lm-evaluation-harness: results in JSON, a group for each benchmark, a task a language; samples."""

    name: ClassVar[str] = "lm-eval"

    def files(self, run: RunResults) -> dict[str, str]:
        """Return the results, and the samples of each task that the run still has outputs of."""
        sections = self.sections(run)
        given = self.made_at(run, sections)
        if given is None:
            raise InputError(
                f"{run.folder}: does not say when its outputs were made, and lm-eval's files are named "
                "by it; give date=2026-11-23, the day it was"
            )
        date = parse_date(given)
        model = self.model_name(run)
        tasks = [
            _task(run, [cell for cell in cells if cell.language == language])
            for cells in sections.values()
            for language in dict.fromkeys(cell.language for cell in cells)
        ]
        results = _results(run, tasks) | {
            "date": date.timestamp(),
            "model_name": model,
            "model_name_sanitized": sanitized(model),
        }
        stamp = date.replace(tzinfo=None).isoformat().replace(":", "-")
        folder = sanitized(model)
        return {f"{folder}/results_{stamp}.json": _dumped(results, indent=2) + "\n"} | {
            f"{folder}/samples_{task.name}_{stamp}.jsonl": "".join(
                _dumped(sample) + "\n" for sample in task.samples
            )
            for task in tasks
            if task.samples
        }


def sanitized(model: str) -> str:
    """Return the folder's name that lm-eval gives to a model.

    >>> sanitized("google/mt5-small")
    'google__mt5-small'
    """
    name = re.sub(r'["<>:/|\\?*\[\]]+', "__", model)
    if name.strip(". ") == "":
        raise InputError(f"model: {model!r} cannot name a folder; choose another")
    return name


@dataclass(frozen=True)
class _Task:
    """One language of a benchmark."""

    name: str
    cells: Mapping[str, Cell]
    samples: Sequence[dict[str, Any]]

    @property
    def any_cell(self) -> Cell:
        return next(iter(self.cells.values()))

    @property
    def count(self) -> int:
        return len(self.samples) or max(cell.n for cell in self.cells.values())

    def metrics(self) -> dict[str, float | str]:
        """Return value and standard error of each metric, by lm-eval's names."""
        found: dict[str, float | str] = {}
        for name, cell in self.cells.items():
            found[f"{name},{FILTER}"] = cell.value
            found[f"{name}_stderr,{FILTER}"] = self._error(cell)
        return found

    def _error(self, cell: Cell) -> float | str:
        """Return lm-eval's standard error of a mean; unknown where the score is none of the samples."""
        values = [sample[cell.metric] for sample in self.samples if cell.metric in sample]
        if len(values) != cell.n or cell.n < 2 or not math.isclose(fmean(values), cell.value):
            return UNKNOWN
        return stdev(values) / math.sqrt(cell.n)


def _task(run: RunResults, cells: Sequence[Cell]) -> _Task:
    first = cells[0]
    outputs = run.predictions.get((first.benchmark, first.split), ())
    own = [output for output in outputs if output.language == first.language]
    return _Task(
        f"{first.benchmark}_{first.language}",
        {cell.metric: cell for cell in cells},
        [_sample(run, output, number=number) for number, output in enumerate(own)],
    )


def _sample(run: RunResults, output: Prediction, *, number: int) -> dict[str, Any]:
    """Return the record of one output. What an imported system was given to read is not known."""
    fields = {name: getattr(output, name) for name in DOCUMENT} | {"target": output.reference}
    document = {name: text for name, text in fields.items() if text}
    prompt = None if run.is_imported else output.input
    settings = {"decoding": decoding} if (decoding := run.run.get("decoding")) else {}
    read = {"gen_args_0": {"arg_0": prompt, "arg_1": settings}}
    return {
        "doc_id": number,
        "doc": document,
        "target": output.reference,
        "arguments": {} if prompt is None else read,
        "resps": [[output.prediction]],
        "filtered_resps": [output.prediction],
        "filter": FILTER,
        "metrics": list(output.scores),
        "doc_hash": _hash(_dumped(document, indent=2)),
        "prompt_hash": None if prompt is None else _hash(prompt),
        "target_hash": _hash(output.reference),
        **output.scores,
    }


def _results(run: RunResults, tasks: Sequence[_Task]) -> dict[str, Any]:
    groups: dict[str, list[_Task]] = {}
    for task in tasks:
        groups.setdefault(task.any_cell.benchmark, []).append(task)
    means = {name: _group(name, members) for name, members in groups.items()}
    shots = {} if run.is_imported else dict.fromkeys([*groups, *(task.name for task in tasks)], 0)
    limits = {task.any_cell.limit for task in tasks}
    documents = _documents(tasks)
    unknown = ("batch_size", "device", "use_cache", "bootstrap_iters", "random_seed")
    seeds = ("numpy_seed", "torch_seed", "fewshot_seed")
    environment = ("git_hash", "pretty_env_info", "transformers_version", "lm_eval_version")
    instruction = ("system_instruction", "system_instruction_sha", "fewshot_as_multiturn")
    chat = ("chat_template", "chat_template_sha", "total_evaluation_time_seconds")
    return {
        "results": {task.name: _result(task) for task in tasks} | means,
        "groups": means,
        "group_subtasks": {
            name: [task.name for task in members] for name, members in groups.items()
        },
        "configs": {task.name: _config(run, task) for task in tasks},
        "versions": dict.fromkeys([*groups, *(task.name for task in tasks)], UNKNOWN),
        "n-shot": shots,
        "higher_is_better": {task.name: {m: _direction(m) for m in task.cells} for task in tasks}
        | {
            n: {m: _direction(m) for t in members for m in t.cells} for n, members in groups.items()
        },
        "n-samples": {
            task.name: {"original": documents[task.name], "effective": task.count} for task in tasks
        },
        "config": {
            "model": "xlgen",
            "model_args": dict(run.run),
            "batch_sizes": [],
            "limit": limits.pop() if len(limits) == 1 else None,
            "gen_kwargs": run.run.get("decoding"),
            **dict.fromkeys((*unknown, *seeds)),
        },
        **dict.fromkeys((*environment, "upper_git_hash", *instruction, *chat)),
        "task_hashes": {task.name: _task_hash(task.samples) for task in tasks if task.samples},
        "model_source": "xlgen",
    }


def _result(task: _Task) -> dict[str, Any]:
    return {"name": task.name, "alias": task.name, "sample_len": task.count, **task.metrics()}


def _group(name: str, tasks: Sequence[_Task]) -> dict[str, Any]:
    """Return the means over languages, each with the same weight.

    Their standard errors are unknown: lm-eval's formula wants independent tasks, and these are translations.
    """
    found: dict[str, Any] = {"alias": name, "name": name, "sample_len": sum(t.count for t in tasks)}
    counts = {}
    for metric in dict.fromkeys(metric for task in tasks for metric in task.cells):
        cells = [task.cells[metric] for task in tasks if metric in task.cells]
        found[f"{metric},{FILTER}"] = fmean(cell.value for cell in cells)
        found[f"{metric}_stderr,{FILTER}"] = UNKNOWN
        counts[f"{metric},{FILTER}"] = sum(cell.n for cell in cells)
    return found | {"sample_count": counts}


def _config(run: RunResults, task: _Task) -> dict[str, Any]:
    """Return the task's settings; ours that lm-eval has no field for stand in its free `metadata`."""
    cell = task.any_cell
    return {
        "task": task.name,
        "group": cell.benchmark,
        "dataset_path": cell.benchmark,
        "dataset_name": cell.language,
        f"{cell.split}_split": cell.split,
        "doc_to_text": None if run.is_imported else "{{input}}",
        "doc_to_target": "{{target}}",
        "num_fewshot": None if run.is_imported else 0,
        "metric_list": [{"metric": m, "higher_is_better": _direction(m)} for m in task.cells],
        "output_type": "generate_until",
        "repeats": 1,
        "metadata": {
            "checkpoint": cell.checkpoint if cell.checkpoint is not None else run.checkpoint,
            "limit": cell.limit,
            "spm": cell.spm,
            "scores": {
                name: {key: asdict(own)[key] for key in ("n", "low", "high", "signature")}
                for name, own in task.cells.items()
            },
        },
    }


def _direction(metric: str) -> bool | None:
    return METRICS[metric](Pieces()).higher_is_better if metric in METRICS else None


def _documents(tasks: Sequence[_Task]) -> dict[str, int | None]:
    """Return how many documents each task's split has; None where the benchmark is not ours to read."""
    counts: dict[str, int | None] = {task.name: task.count for task in tasks}
    limited = [task for task in tasks if task.any_cell.limit is not None]
    for name, split in dict.fromkeys((t.any_cell.benchmark, t.any_cell.split) for t in limited):
        own = {t.any_cell.language: t.name for t in limited if t.any_cell.benchmark == name}
        benchmark = BENCHMARKS.get(name)
        found = benchmark.examples(split, languages=list(own)) if benchmark else {}
        counts |= {task: len(found[code]) if found else None for code, task in own.items()}
    return counts


def _task_hash(samples: Sequence[Mapping[str, Any]]) -> str | None:
    parts = [sample[f"{part}_hash"] for sample in samples for part in ("doc", "prompt", "target")]
    return None if None in parts else _hash("".join(parts))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _dumped(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
