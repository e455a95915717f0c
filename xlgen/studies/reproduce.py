"""A table of the paper: what its runs need and cost before they start, and how far they came out the same."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.config import override
from xlgen.errors import InputError
from xlgen.model.t5 import count_parameters
from xlgen.recipes.paper import SIZES
from xlgen.recipes.text_tuning import TextTuning
from xlgen.registry import near_names
from xlgen.reports.reproduced import Compared, compare
from xlgen.reports.study import is_study, read_study
from xlgen.run import Adaptation
from xlgen.studies import STUDIES
from xlgen.studies.needs import Cost, Need, cost, needs
from xlgen.studies.plan import Job, Plan
from xlgen.studies.rows import Rows

GIB = 2**30
# What is printed and no grid of runs: the verbs that make it.
ELSEWHERE = {
    "table9": "correlate multi-summeval",
    "figure7": "correlate multi-summeval",
    "figure8": "heatmap",
}


@dataclass(frozen=True)
class Reproduction:
    """A printed table's runs at some sizes, and what they need.

    `costs` is of each size: arithmetic in FLOP over all runs, bytes in memory of the largest one, bytes on
    disk over all. `missing` holds what a run would stumble over.
    """

    study: Rows
    plan: Plan
    needs: Sequence[Need]
    costs: Mapping[str, Cost]

    @property
    def missing(self) -> list[Need]:
        """What is not here yet."""
        return [need for need in self.needs if need.missing]

    def refuse_missing(self) -> None:
        """Raise `InputError` that names all that is missing."""
        if self.missing:
            named = "; ".join(f"{need.kind} {need.name}: {need.missing}" for need in self.missing)
            raise InputError(f"{named}. Put them there, or name others: see --dry-run")

    def compare(self, root: Path) -> list[Compared]:
        """Return ours beside the paper's; nothing of ours where no run is scored yet."""
        assert self.study.printed is not None
        scored = is_study(root) and any(root.glob("*/**/scores.json"))
        study = read_study(root) if scored else None
        return compare(study, self.study.printed, sizes=tuple(self.study.sizes))


def reproduction(
    name: str, root: Path, *, sizes: Sequence[str] = (), settings: Sequence[str] = ()
) -> Reproduction:
    """Plan one of the STUDIES that are a printed table, below `root`; `sizes` keeps some of mT5's."""
    if name in ELSEWHERE:
        raise InputError(
            f"no runs of our own stand behind {name}; `xlgen {ELSEWHERE[name]}` makes it"
        )
    tables = {key: STUDIES[key] for key in STUDIES if key.startswith("table")}
    if name not in tables:
        raise InputError(f"no table {name!r}: {near_names(name, list(tables))}")
    study: Rows = tables[name]()
    for size in sizes:
        if size not in study.sizes:
            raise InputError(f"no size {size!r}: {near_names(size, list(study.sizes))}")
    kept = {size: study.sizes[size] for size in study.sizes if not sizes or size in sizes}
    study = override(replace(study, sizes=kept), settings)
    plan = study.plan(root)
    shapes = {
        model: SIZES[size]
        for size, ways in study.sizes.items()
        for model in ways.values()
        if size in SIZES
    }
    costs = {job.folder: cost(job, plan=plan, shapes=shapes) for job in plan.jobs.values()}
    by_size = {size: _sum(plan, costs, size) for size in study.sizes}
    return Reproduction(study, plan, needs(plan, shapes), by_size)


def _sum(plan: Plan, costs: Mapping[str, Cost], size: str) -> Cost:
    found = [costs[job.folder] for job in _jobs(plan, size)]
    return Cost(
        flop=sum(one.flop for one in found),
        memory=max((one.memory for one in found), default=0),
        disk=sum(one.disk for one in found),
    )


def _jobs(plan: Plan, size: str) -> list[Job]:
    """Return the jobs that rows of a size ask for, with what those need."""
    wanted = {row.folder for row in plan.rows if row.model == size}
    for job in reversed(plan.jobs.values()):  # a job comes after what it needs
        if job.folder in wanted:
            wanted.update(job.needs)
    return [job for job in plan.jobs.values() if job.folder in wanted]


def plan_records(made: Reproduction) -> dict[str, Any]:
    """Return the plan for a machine: what is needed, gaps, costs by size, and the jobs."""
    return {
        "needs": [asdict(need) for need in made.needs],
        "gaps": [asdict(gap) for gap in made.plan.gaps],
        "costs": {size: asdict(found) for size, found in made.costs.items()},
        "jobs": list(made.plan.jobs),
    }


def plan_tables(made: Reproduction, *, teraflops: float) -> tuple[RichTable, RichTable]:
    """Return what is needed, and what each size costs; hours are at so many sustained 10^12 FLOP/s."""
    wanted = _table("What it needs", ("kind", "name", "state"))
    for need in made.needs:
        state = f"missing: {need.missing}" if need.missing else "here"
        wanted.add_row(need.kind, need.name, Text(state, style="bold" if need.missing else "dim"))
    for gap in made.plan.gaps:
        wanted.add_row("gap", f"{gap.row} ({gap.target})", Text(gap.why, style="bold"))
    costs = _table(
        "What it costs, at most",
        ("size", "weights", "trainings", "FLOP", "hours", "memory", "disk"),
    )
    for column in costs.columns[1:]:
        column.justify = "right"
    for size, found in made.costs.items():
        costs.add_row(
            size,
            f"{count_parameters(SIZES[size]) / 1e9:.2f} B" if size in SIZES else "",
            str(
                sum(
                    isinstance(job.config, Adaptation | TextTuning)
                    for job in _jobs(made.plan, size)
                )
            ),
            f"{found.flop:.1e}",
            f"{found.flop / teraflops / 1e12 / 3600:,.0f}",
            f"{found.memory / GIB:,.0f} GiB",
            f"{found.disk / GIB:,.0f} GiB",
        )
    costs.caption = Text(
        f"Every text as long as its limit allows; real ones are shorter. Hours of one device that sustains "
        f"{teraflops:g} TFLOP/s. Memory: weights and gradients in float32; activations come on top."
    )
    costs.caption_justify = "left"
    return wanted, costs


def _table(title: str, columns: Sequence[str]) -> RichTable:
    """Return an empty table; what is too long for its column goes on below, so that it can be copied."""
    return RichTable(
        *(Column(name, overflow="fold") for name in columns),
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
    )  # fmt: skip
