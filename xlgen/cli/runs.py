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
        typer.Option(help="SentencePiece model to score with; the benchmark's if left out."),
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
