"""Scores as the hub's model pages read them: `.eval_results/<benchmark>.yaml`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

from xlgen.errors import InputError
from xlgen.exchange.base import Export
from xlgen.registry import near_names
from xlgen.reports.read import Cell, RunResults

SOURCE_FIELDS = ("source_name", "source_user", "source_org")
_HUB_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")


@dataclass(frozen=True)
class EvalResults(Export):
    """The hub's evaluation results in YAML, an entry for each language; the signatures as notes.

    `dataset` is the hub's name of the benchmark's data, which also holds its tasks' names: `task` makes ours,
    out of {language}, {metric} and {benchmark}. Without `metrics` the benchmark's first one is told. Where
    no date is known none is written, and the hub shows that of the commit.
    """

    name: ClassVar[str] = "eval-results"
    dataset: str | None = None
    revision: str | None = None
    task: str = "{language}"
    metrics: tuple[str, ...] | None = None
    source_url: str | None = None
    source_name: str | None = None
    source_user: str | None = None
    source_org: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dataset is not None and not _HUB_NAME.fullmatch(self.dataset):
            raise InputError(f"dataset: expected ORGANIZATION/NAME, got {self.dataset!r}")
        named = [field for field in SOURCE_FIELDS if getattr(self, field) is not None]
        if named and self.source_url is None:
            raise InputError(f"{named[0]} needs source_url, the address that it is the name of")
        try:
            self.task.format(language="", metric="", benchmark="")
        except (LookupError, ValueError, AttributeError) as error:
            raise InputError(
                f"task: expected a text with {{language}}, {{metric}} or {{benchmark}}, got {self.task!r}"
            ) from error

    def files(self, run: RunResults) -> dict[str, str]:
        """Return one file for each benchmark."""
        if self.dataset is None:
            raise InputError(
                "the hub files results under a data set's page: give dataset=ORGANIZATION/NAME"
            )
        texts = {}
        for benchmark, cells in self.sections(run).items():
            entries = list(self._entries(run, cells))
            tasks = [entry["dataset"]["task_id"] for entry in entries]
            doubled = next((task for task in tasks if tasks.count(task) > 1), None)
            if doubled is not None:
                raise InputError(
                    f"task: several scores would be the result of task {doubled!r}; tell them apart, as "
                    "task={language}_{metric}"
                )
            texts[f".eval_results/{benchmark}.yaml"] = yaml.safe_dump(
                entries, sort_keys=False, allow_unicode=True, width=1000
            )
        return texts

    def _entries(self, run: RunResults, cells: Sequence[Cell]) -> Iterator[dict[str, Any]]:
        """Yield the entries in the form of the hub's `EvalResultEntry` (huggingface_hub 2.4.0)."""
        there = list(dict.fromkeys(cell.metric for cell in cells))
        for metric in self.metrics or ():
            if metric not in there:
                raise InputError(
                    f"metrics: {run.folder} has no {metric!r}: {near_names(metric, there)}"
                )
        date = self.made_at(run, [cells[0].benchmark])
        source = {
            field.removeprefix("source_"): value
            for field in ("source_url", *SOURCE_FIELDS)
            if (value := getattr(self, field)) is not None
        }
        for cell in cells:
            if cell.metric not in (self.metrics or there[:1]):
                continue
            task = self.task.format(
                language=cell.language, metric=cell.metric, benchmark=cell.benchmark
            )
            dataset = {"id": self.dataset, "task_id": task}
            yield {
                "dataset": dataset | ({"revision": self.revision} if self.revision else {}),
                "value": cell.value,
                **({"date": date} if date else {}),
                **({"source": source} if source else {}),
                "notes": cell.signature,
            }
