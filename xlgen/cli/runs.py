"""Verbs that train, evaluate, generate and translate."""

import logging
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from xlgen.cli.app import Json, Languages, app, plain, say


@app.command(
    epilog="Example: `xlgen train demo.prompt method.length=20 training.seed=1 --out runs/p20`"
)
def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe (`xlgen list recipes`) or a config.json.")
    ],
    settings: Annotated[list[str] | None, typer.Argument(metavar="key=value")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder; runs/RECIPE if left out, needed with a config.json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a recipe, continuing where an earlier call stopped."""
    from xlgen.config import to_json
    from xlgen.recipes.resolve import default_folder, resolve
    from xlgen.training.signals import Stopped
    from xlgen.training.workers import workers

    logging.basicConfig(format="%(message)s")  # to stderr
    logging.getLogger("xlgen").setLevel(logging.INFO)
    config = resolve(recipe, settings or [])
    folder = out or default_folder(recipe)
    if workers().follows:
        logging.disable()  # the first process tells
    try:
        with workers():
            result = config.run(folder)
    except Stopped as stopped:
        Console(stderr=True, highlight=False).print(plain(str(stopped)))
        raise typer.Exit(stopped.exit_code) from None
    say(to_json(result) if as_json else plain(str(result)), as_json=as_json)


@app.command(
    epilog="Example: `xlgen evaluate --run runs/first --languages th,hi --benchmark howto0-short`"
)
def evaluate(
    run: Annotated[Path, typer.Option(help="A run folder; with --baseline, the folder to write.")],
    benchmark: Annotated[str, typer.Option(help="See `xlgen list benchmarks`.")] = "howto0",
    languages: Languages = "all",
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many examples a language.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="best, last, or a step.")] = "best",
    baseline: Annotated[str | None, typer.Option(help="lead-64 in place of a trained run.")] = None,
    spm: Annotated[
        Path | None,
        typer.Option(help="SentencePiece model to score with; the packaged one if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Generate for a benchmark and score it; finished languages are kept, so it can be stopped."""
    from xlgen.reports.read import read_run
    from xlgen.reports.tables import terminal_table
    from xlgen.run import evaluate_baseline, evaluate_run

    wanted = None if languages == "all" else languages.split(",")
    chosen: dict[str, Any] = {"languages": wanted, "split": split, "limit": limit, "spm": spm}
    if baseline is None:
        scores = evaluate_run(run, benchmark, checkpoint=checkpoint, **chosen)
    else:
        scores = evaluate_baseline(run, benchmark, baseline=baseline, **chosen)
    table = terminal_table([read_run(run)], benchmark, split=split)
    say(scores if as_json else table, as_json=as_json)


@app.command(
    epilog="Example: `xlgen generate --run runs/first --language th --input in.jsonl --output out.jsonl`"
)
def generate(
    run: Annotated[Path, typer.Option(help="A trained run folder.")],
    language: Annotated[str, typer.Option(help="The language of the inputs and the outputs.")],
    input: Annotated[Path, typer.Option(help='Records with at least {"id", "input"}.')],
    output: Annotated[Path, typer.Option(help="Predictions, JSONL; written whole or not at all.")],
    checkpoint: Annotated[str, typer.Option(help="best, last, or a step.")] = "best",
    as_json: Json = False,
) -> None:
    """Generate for your own texts."""
    from xlgen.run import generate_file

    count = generate_file(run, language=language, input=input, output=output, checkpoint=checkpoint)
    told = {"predictions": count, "output": str(output)}
    say(told if as_json else plain(f"{count} predictions in {output}"), as_json=as_json)


@app.command(
    epilog="Example: `xlgen translate apertium --source en --target fr --input in.jsonl --output out.jsonl`"
)
def translate(
    translator: Annotated[str, typer.Argument(help="A translator (`xlgen list translators`).")],
    source: Annotated[str, typer.Option(help="The language of the inputs.")],
    target: Annotated[str, typer.Option(help="The language to write, and of the records.")],
    input: Annotated[Path, typer.Option(help='Records with {"id", "language", "input"}.')],
    output: Annotated[Path, typer.Option(help="Predictions, JSONL; written whole or not at all.")],
    settings: Annotated[list[str] | None, typer.Argument(metavar="key=value")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many records.")] = None,
    as_json: Json = False,
) -> None:
    """Translate a file, continuing where an earlier call stopped; with targets, its chrF."""
    from xlgen.config import from_json, override, to_json
    from xlgen.translation.base import Translator
    from xlgen.translation.files import translate_file

    system = override(
        from_json(Translator, {"name": translator}, where="translator"), settings or []
    )
    done = translate_file(
        system, source=source, target=target, input=input, output=output, limit=limit
    )
    say(to_json(done) if as_json else plain(str(done)), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen sweep night --out runs/night --at-once 2 --budget 8h`, "
    "`xlgen sweep grid.json --out runs/grid --dry-run`"
)
def sweep(
    grid: Annotated[str, typer.Argument(help="A study (`xlgen list studies`) or a JSON file.")],
    settings: Annotated[list[str] | None, typer.Argument(metavar="key=value")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder; runs/GRID if left out.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="So many jobs at a time.")] = 1,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop after so long, such as 8h or 30m.")
    ] = None,
    light: Annotated[
        bool, typer.Option("--light", help="Remove weights that no job needs any more.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what there is to do.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train and evaluate a whole grid; what is done is skipped, what was killed continues."""
    from xlgen.config import to_json
    from xlgen.studies.plan import open_grid
    from xlgen.studies.sweep import describe, seconds_of
    from xlgen.studies.sweep import sweep as run_sweep
    from xlgen.training.signals import Stopped

    chosen = open_grid(grid, settings or [])
    folder = out or Path("runs") / Path(grid).stem
    if dry_run:
        Console(highlight=False, soft_wrap=True).print(_lines(describe(chosen, folder)))
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        outcome = run_sweep(
            chosen,
            folder,
            name=Path(grid).stem,
            at_once=at_once,
            budget=None if budget is None else seconds_of(budget),
            light=light,
            say=lambda line: console.print(plain(line)),
        )
    except Stopped as stopped:
        console.print(_lines(str(stopped)))
        raise typer.Exit(stopped.exit_code) from None
    say(to_json(outcome) if as_json else _lines(str(outcome)), as_json=as_json)
    if outcome.failed:
        raise typer.Exit(1)


def _lines(text: str) -> str:
    return "\n".join(map(plain, text.split("\n")))
