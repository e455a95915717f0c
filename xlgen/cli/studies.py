"""Verbs of many runs: sweep, publish, reproduce."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from xlgen.cli.app import Json, app, plain, say

if TYPE_CHECKING:
    from xlgen.studies.plan import Grid
    from xlgen.studies.sweep import Outcome

Settings = Annotated[list[str] | None, typer.Argument(metavar="key=value")]
AtOnce = Annotated[int, typer.Option(min=1, help="So many jobs at a time.")]
Budget = Annotated[
    str | None, typer.Option(metavar="TIME", help="Stop after so long, such as 8h or 30m.")
]
Light = Annotated[bool, typer.Option("--light", help="Remove weights that no job needs any more.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what there is to do.")]


@app.command(
    epilog="Examples: `xlgen sweep night --out runs/night --at-once 2 --budget 8h`, "
    "`xlgen sweep grid.json --out runs/grid --dry-run`"
)
def sweep(
    grid: Annotated[str, typer.Argument(help="A study (`xlgen list studies`) or a JSON file.")],
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="The folder; runs/GRID if left out.")] = None,
    at_once: AtOnce = 1,
    budget: Budget = None,
    light: Light = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Train and evaluate a whole grid; what is done is skipped, what was killed continues."""
    from xlgen.config import to_json
    from xlgen.studies.plan import open_grid
    from xlgen.studies.sweep import describe

    chosen = open_grid(grid, settings or [])
    folder, name = out or Path("runs") / Path(grid).stem, Path(grid).stem
    if dry_run:
        Console(highlight=False, soft_wrap=True).print(_lines(describe(chosen, folder)))
        return
    outcome = _run(chosen, folder, name=name, at_once=at_once, budget=budget, light=light)
    say(to_json(outcome) if as_json else _lines(str(outcome)), as_json=as_json)
    if outcome.failed:
        raise typer.Exit(1)


@app.command(epilog="Example: `xlgen publish runs/night --out results/night`")
def publish(
    sweep: Annotated[Path, typer.Argument(help="A sweep's folder.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    as_json: Json = False,
) -> None:
    """Write what the report of a sweep reads, small enough to share; a copy of it continues."""
    from xlgen.config import to_json
    from xlgen.studies.publish import publish as write

    published = write(sweep, out)
    say(to_json(published) if as_json else plain(str(published)), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen reproduce table10 --dry-run`, `xlgen reproduce table10 --size small "
    "--out runs/table10`"
)
def reproduce(
    table: Annotated[
        str, typer.Argument(help="A printed table: table2 to table8, table10, table11.")
    ],
    settings: Settings = None,
    size: Annotated[
        list[str] | None, typer.Option(help="A size of mT5, repeatable; all if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder; runs/TABLE if left out.")] = None,
    teraflops: Annotated[
        float, typer.Option(min=0.001, help="What the device sustains, to estimate hours.")
    ] = 100.0,
    at_once: AtOnce = 1,
    budget: Budget = None,
    light: Light = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Plan a table of the paper, run it, and print ours, the paper's and the difference by cell."""
    from xlgen.reports.reproduced import comparison_table
    from xlgen.studies.reproduce import plan_records, plan_tables, reproduction

    folder = out or Path("runs") / table
    made = reproduction(table, folder, sizes=size or [], settings=settings or [])
    if dry_run:
        if as_json:
            say(plan_records(made), as_json=True)
            return
        for part in plan_tables(made, teraflops=teraflops):
            say(part, as_json=False)
        return
    made.refuse_missing()
    outcome = _run(made.study, folder, name=table, at_once=at_once, budget=budget, light=light)
    Console(stderr=True, highlight=False, soft_wrap=True).print(_lines(str(outcome)))
    cells = made.compare(folder)
    say([cell.to_json() for cell in cells] if as_json else comparison_table(cells), as_json=as_json)
    if outcome.failed:
        raise typer.Exit(1)


def _run(
    grid: "Grid", folder: Path, *, name: str, at_once: int, budget: str | None, light: bool
) -> "Outcome":
    """Run a grid, telling on stderr; a signal ends the command with its exit code."""
    from xlgen.studies.sweep import seconds_of
    from xlgen.studies.sweep import sweep as run_sweep
    from xlgen.training.signals import Stopped

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        return run_sweep(
            grid,
            folder,
            name=name,
            at_once=at_once,
            budget=None if budget is None else seconds_of(budget),
            light=light,
            say=lambda line: console.print(plain(line)),
        )
    except Stopped as stopped:
        console.print(_lines(str(stopped)))
        raise typer.Exit(stopped.exit_code) from None


def _lines(text: str) -> str:
    return "\n".join(map(plain, text.split("\n")))
