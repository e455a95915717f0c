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
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated names (`xlgen list metrics`); those of any text if left out."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score any system's output: SP-ROUGE, language identification, ASCII share."""
    from xlgen.metrics.paired import compare_files
    from xlgen.metrics.score import score_file

    names = None if metrics is None else metrics.split(",")
    if against is not None:
        if per_example is not None:
            raise InputError("--against writes no --per-example scores; leave one of them out")
        paired = compare_files(file, against, tokenizer_path=spm, metrics=names)
        say(paired.to_json() if as_json else paired.table(), as_json=as_json)
        return
    scores = score_file(file, tokenizer_path=spm, metrics=names, per_example=per_example)
    say(scores.to_json() if as_json else scores.table(), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen report runs/prompt runs/model runs/lead-64 --out report.html`, "
    "`xlgen report sweep --findings findings.md`"
)
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Evaluated run folders, compared in this order; or one sweep's."),
    ],
    out: Annotated[Path, typer.Option(help="One self-contained page.")] = Path("report.html"),
    curves: Annotated[
        Path | None, typer.Option(help="Instead: an SVG of any runs' losses.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(help="Of a sweep: the paper's findings, tested, as Markdown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare runs: a table here, and tables, plots and samples in one HTML page.

    Of a sweep's folder: the paper's tables, figures and findings, ours beside the printed numbers.
    """
    if curves is not None:
        from xlgen.reports.curves import write_curves

        written = {"curves": str(write_curves(runs, curves))}
        say(written if as_json else plain(f"curves: {curves}"), as_json=as_json)
        return
    from xlgen.reports.study import is_study

    if any(map(is_study, runs)):
        _report_study(runs, out, findings=findings, as_json=as_json)
        return
    if findings is not None:
        raise InputError(f"--findings needs a sweep's folder; {runs[0]} has no sweep.json")
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


def _report_study(runs: list[Path], out: Path, *, findings: Path | None, as_json: bool) -> None:
    """Print Tables 10 and 11 and the findings of one sweep, and write its page."""
    from xlgen.reports.study_page import make_study_report

    if len(runs) > 1:
        raise InputError(
            f"expected a sweep's folder alone, got {len(runs)} folders; report them apart"
        )
    console = Console(highlight=False)
    made = make_study_report(runs[0], out, findings=findings, width=console.width)
    if as_json:
        say(made.to_json(), as_json=True)
        return
    for table in made.tables:
        console.print(table)
        console.print()
    console.print(plain(made.headline))
    for sentence in made.missing:
        console.print(plain(f"missing: {sentence}"))
    for name, path in (("findings", made.findings_path), ("report", made.path)):
        if path is not None:
            console.print(plain(f"{name}: {path}"))


@app.command(
    epilog="Examples: `xlgen heatmap runs/languages --out heatmap.svg --png heatmap.png`, "
    "`xlgen heatmap prompts --out heatmap.svg`"
)
def heatmap(
    prompts: Annotated[
        Path,
        typer.Argument(
            help="A run of text.language_prompts or text.bank; or a folder of PEFT or .npy prompts "
            "named by their languages."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The figure as SVG; its numbers stand beside it, .json.")
    ],
    png: Annotated[Path | None, typer.Option(help="The figure as PNG, too.")] = None,
    as_json: Json = False,
) -> None:
    """Cluster language prompts by cosine similarity; print how far they agree with language families."""
    from xlgen.methods.language_prompts import read_language_prompts
    from xlgen.reports.heatmap import write_heatmap

    clusters = write_heatmap(read_language_prompts(prompts), out, png=png)
    if as_json:
        say(clusters.to_json(), as_json=True)
        return
    Console(highlight=False, soft_wrap=True).print(str(clusters))
    say(plain(f"heatmap: {out}"), as_json=False)
