"""The command line: verbs only, each calls one function. The one module that prints."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from xlgen import __version__
from xlgen.errors import InputError
from xlgen.files import reason

app = typer.Typer(
    name="xlgen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Adapt a multilingual T5 on English labels; generate in the languages that have none.",
    epilog="First steps: `xlgen doctor`, `xlgen list`, `xlgen train demo.prompt --out runs/first`.",
)
data_app = typer.Typer(no_args_is_help=True, help="Build, check and describe data sets.")
app.add_typer(data_app, name="data")

BAD_INPUT = 2  # the exit code of every mistake that is the user's to mend

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
Languages = Annotated[
    str, typer.Option(help="Comma-separated codes, or `all` the benchmark has.", metavar="CODES")
]


def main() -> None:
    """Run the command; turn every mistake of the user's into one line and exit code 2."""
    try:
        app()
    except InputError as error:
        sys.exit(_refusal(str(error)))
    except OSError as error:
        where = error.filename or "the disk"
        remedy = "check the path, your rights there and the free space"
        sys.exit(_refusal(f"{where}: {reason(error)}; {remedy}"))


def _refusal(message: str) -> int:
    line = " ".join(message.split())
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"[bold red]error:[/] {_plain(line)}"
    )
    return BAD_INPUT


def _plain(text: str) -> str:
    """Escape rich's markup and control characters in text that came from outside."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text))


def _say(value: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(value)


def _version(value: bool) -> None:
    if value:
        print(f"xlgen {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command("list", epilog="Example: `xlgen list recipes`")
def list_(
    table: Annotated[str | None, typer.Argument(help="One table; all if left out.")] = None,
    as_json: Json = False,
) -> None:
    """List what there is: recipes, methods, tasks, metrics, benchmarks, sources, models, languages."""
    from xlgen import inventory

    found = inventory.tables(table)
    _say(found if as_json else inventory.as_text(found), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen show demo.prompt`, `xlgen show runs/first`, "
    "`xlgen show nano --corpus corpus`, `xlgen show tokenizer`"
)
def show(
    name: Annotated[
        str, typer.Argument(help="A listed name, a run folder or a SentencePiece file.")
    ],
    corpus: Annotated[Path | None, typer.Option(help="Measure a model, a tokenizer on it.")] = None,
    segments: Annotated[
        int, typer.Option(min=1, help="At most so many segments of held-out text a language.")
    ] = 16,
    as_json: Json = False,
) -> None:
    """Show one thing wholly: a recipe's settings, a model's sizes or what it can do, a run's state."""
    from xlgen import inventory

    if name == "tokenizer" or Path(name).is_file():
        from xlgen.data.fertility import study

        measured: Any = study(name, corpus)
    elif corpus is not None:
        from xlgen.recipes.examine import examine

        measured = examine(name, corpus, segments=segments)
    else:
        found = inventory.describe(name)
        _say(found if as_json else inventory.as_text(found), as_json=as_json)
        return
    _say(measured.to_json() if as_json else measured.table(), as_json=as_json)


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
        Console(stderr=True, highlight=False).print(_plain(str(stopped)))
        raise typer.Exit(stopped.exit_code) from None
    _say(to_json(result) if as_json else _plain(str(result)), as_json=as_json)


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
    from xlgen.reports import read_run, terminal_table
    from xlgen.run import evaluate_baseline, evaluate_run

    wanted = None if languages == "all" else languages.split(",")
    chosen: dict[str, Any] = {"languages": wanted, "split": split, "limit": limit, "spm": spm}
    if baseline is None:
        scores = evaluate_run(run, benchmark, checkpoint=checkpoint, **chosen)
    else:
        scores = evaluate_baseline(run, benchmark, baseline=baseline, **chosen)
    table = terminal_table([read_run(run)], benchmark, split=split)
    _say(scores if as_json else table, as_json=as_json)


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
    _say(told if as_json else _plain(f"{count} predictions in {output}"), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen score predictions.jsonl --per-example scores.jsonl`, "
    "`xlgen score ours.jsonl --against theirs.jsonl`"
)
def score(
    file: Annotated[
        Path, typer.Argument(help='Records {"id","language","prediction","reference"}.')
    ],
    spm: Annotated[
        Path | None, typer.Option(help="SentencePiece model; the packaged one if left out.")
    ] = None,
    per_example: Annotated[
        Path | None, typer.Option(help="Write a line of scores a record.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Another system's output for the same records: test the difference."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score any system's output: SP-ROUGE, language identification, ASCII share."""
    from xlgen.metrics.paired import compare_files
    from xlgen.metrics.score import score_file

    if against is not None:
        if per_example is not None:
            raise InputError("--against writes no --per-example scores; leave one of them out")
        paired = compare_files(file, against, tokenizer_path=spm)
        _say(paired.to_json() if as_json else paired.table(), as_json=as_json)
        return
    scores = score_file(file, tokenizer_path=spm, per_example=per_example)
    _say(scores.to_json() if as_json else scores.table(), as_json=as_json)


@app.command(epilog="Example: `xlgen report runs/prompt runs/model runs/lead-64 --out report.html`")
def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Evaluated run folders, compared in this order.")
    ],
    out: Annotated[Path, typer.Option(help="One self-contained page.")] = Path("report.html"),
    curves: Annotated[
        Path | None, typer.Option(help="Instead: an SVG of any runs' losses.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare runs: a table here, and tables, plots and samples in one HTML page."""
    if curves is not None:
        from xlgen.reports.curves import write_curves

        written = {"curves": str(write_curves(runs, curves))}
        _say(written if as_json else _plain(f"curves: {curves}"), as_json=as_json)
        return
    from xlgen.reports.html import make_report

    console = Console(highlight=False)
    made = make_report(runs, out, width=console.width)
    if as_json:
        _say(made.to_json(), as_json=True)
        return
    for table in made.tables:
        console.print(table)
    for sentence in made.headline:
        console.print(_plain(sentence))
    for sentence in made.missing:
        console.print(_plain(f"missing: {sentence}"))
    console.print(_plain(f"report: {out}"))


@app.command(epilog="Example: `xlgen doctor --json`")
def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, device, packaged data and models, language identifier."""
    from xlgen import inventory

    findings = inventory.doctor()
    _say(findings if as_json else inventory.as_text(findings), as_json=as_json)
    if not all(check["ok"] for check in findings["checks"].values()):
        raise typer.Exit(1)


@data_app.command(
    "build", epilog="Example: `xlgen data build howto0 --cache cache --out built/howto0`"
)
def data_build(
    name: Annotated[str, typer.Argument(help="howto0, howto0-short or corpus.")],
    cache: Annotated[Path, typer.Option(help="Downloads are kept here; gigabytes for corpus.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
) -> None:
    """Build a data set from Debian packages with this machine's apt, without touching its state."""
    from xlgen.sources.build import build

    _say(build(name, cache=cache, out=out), as_json=True)


@data_app.command("check", epilog="Example: `xlgen data check mine.csv --column input=article`")
def data_check(
    file: Annotated[Path, typer.Argument(help="JSONL, CSV, TSV or Parquet.")],
    column: Annotated[list[str] | None, typer.Option(metavar="FIELD=COLUMN")] = None,
    language: Annotated[
        str | None, typer.Option(help="The whole file's, where it has no such column.")
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Examples that must not be in FILE, besides the packaged ones."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read your own data as training would: every bad line is named, leaks into tests are refused."""
    from xlgen.benchmarks.held_out import check_data

    columns = dict(pair.partition("=")[::2] for pair in column or [])
    _say(check_data(file, columns=columns, language=language, held_out=held_out), as_json=as_json)


if __name__ == "__main__":
    main()
