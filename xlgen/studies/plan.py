"""A plan: the jobs of a grid, in an order in which they can be done; each folder is named by its content."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlgen.config import override, read_config, to_json
from xlgen.recipes.base import RunConfig
from xlgen.registry import Table
from xlgen.studies import GRIDS, STUDIES
from xlgen.studies.index import Gap, Row


@dataclass(frozen=True)
class Job:
    """One run of any kind. `needs`: the folders whose files it reads, those that its settings name first."""

    folder: str
    config: RunConfig
    needs: tuple[str, ...]


class Plan:
    """Jobs below a folder. Equal configurations are one job, whichever rows ask for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs: dict[str, Job] = {}
        self.rows: list[Row] = []
        self.gaps: list[Gap] = []

    def job(self, label: str, config: RunConfig) -> Path:
        """Add a job and return its folder: `label` and a hash of the configuration.

        Other jobs' folders in the configuration count by their names, so a sweep may be moved.
        """
        settings = json.dumps(to_json(config), sort_keys=True, ensure_ascii=False)
        content = settings.replace(f"{self.root}/", "")
        digest = hashlib.sha256(content.encode()).hexdigest()[:10]
        known = {job.folder.rpartition("-")[2]: job for job in self.jobs.values()}
        if digest not in known:
            folder = f"{_plain(label)}-{digest}"
            named = [name for name in self.jobs if f"{self.root / name}" in settings]
            # and what those were made from: to open a run is to read the files that its settings name
            read = dict.fromkeys(named)
            read |= dict.fromkeys(need for name in named for need in self.jobs[name].needs)
            self.jobs[folder] = known[digest] = Job(folder, config, tuple(read))
        return self.root / known[digest].folder

    def row(self, row: Row) -> None:
        """Add a line of the tables."""
        self.rows.append(row)

    def gap(self, gap: Gap) -> None:
        """State a row that cannot be made; said once."""
        if gap not in self.gaps:
            self.gaps.append(gap)

    def index(self, *, grid: str, settings: Any) -> dict[str, Any]:
        """Return what `sweep.json` holds: the grid, rows, gaps, and each job with what it needs."""
        return {
            "grid": grid,
            "settings": to_json(settings),
            "rows": [asdict(row) for row in self.rows],
            "gaps": [asdict(gap) for gap in self.gaps],
            "jobs": {job.folder: list(job.needs) for job in self.jobs.values()},
        }


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9.=]+", "-", label.lower()).strip("-")


@dataclass(frozen=True)
class Grid(ABC):
    """A configuration that knows its runs."""

    table: ClassVar[Table] = GRIDS
    name: ClassVar[str]

    @abstractmethod
    def plan(self, root: Path) -> Plan:
        """Return all jobs below `root`, first things first."""


def open_grid(name: str, assignments: Sequence[str] = ()) -> Grid:
    """Return a study by its name, or the grid of a JSON file, with `key.path=value` applied."""
    path = Path(name)
    grid = read_config(Grid, path) if path.suffix == ".json" else STUDIES[name]()
    return override(grid, assignments)
