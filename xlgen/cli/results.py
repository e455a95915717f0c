"""Verbs that score and compare."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xlgen.cli.app import Json, app, plain, say
from xlgen.errors import InputError


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
        say(paired.to_json() if as_json else paired.table(), as_json=as_json)
        return
    scores = score_file(file, tokenizer_path=spm, per_example=per_example)
    say(scores.to_json() if as_json else scores.table(), as_json=as_json)


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
        say(written if as_json else plain(f"curves: {curves}"), as_json=as_json)
        return
    from xlgen.reports.html import make_report

    console = Console(highlight=False)
    made = make_report(runs, out, width=console.width)
    if as_json:
        say(made.to_json(), as_json=True)
        return
    for table in made.tables:
        console.print(table)
    for sentence in made.headline:
        console.print(plain(sentence))
    for sentence in made.missing:
        console.print(plain(f"missing: {sentence}"))
    console.print(plain(f"report: {out}"))
