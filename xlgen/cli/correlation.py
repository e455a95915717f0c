"""The verb that holds metrics against people: correlate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from xlgen.cli.app import Json, app, plain, say

if TYPE_CHECKING:
    from xlgen.reports.humans import HumanCorrelation
    from xlgen.sources.judgements import Judgements


@app.command(
    epilog="Examples: `xlgen correlate multi-summeval --data Multi_SummEval --spm mt5-small/spiece.model`, "
    "`xlgen correlate multi-summeval --data Multi_SummEval --out humans "
    "--metric-command 'bleurt=python -m xlgen.metrics.learned bleurt BLEURT-20'`"
)
def correlate(
    judgements: Annotated[
        str, typer.Argument(help="Human judgements (`xlgen list judgements`): multi-summeval.")
    ],
    data: Annotated[Path, typer.Option(help="Their folder.")],
    spm: Annotated[
        Path | None, typer.Option(help="SentencePiece model; the packaged one if left out.")
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="Comma-separated names (`xlgen list metrics`).")
    ] = "sp_rouge_lsum",
    metric_command: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]COMMAND", help="A metric in a process of its own; repeatable."
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds that such a process may be silent.")
    ] = 600.0,
    languages: Annotated[
        str, typer.Option(help="Comma-separated codes, or `all`.", metavar="CODES")
    ] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples for the intervals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="A folder for table, scores and scatter plots.")
    ] = None,
    figure: Annotated[
        str | None,
        typer.Option(help="The language of Figure 7; French if it is read.", metavar="CODE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Correlate metrics with people's judgements of summaries (the paper's Table 9 and Figure 7)."""
    from xlgen.metrics.program import Program
    from xlgen.reports.correlation import correlate_with_people
    from xlgen.sources import JUDGEMENTS

    codes = None if languages == "all" else languages.split(",")
    read = JUDGEMENTS[judgements](data, codes)
    programs = [Program.parse(text, patience=patience) for text in metric_command or ()]
    drawn = None if out is None else _check(out, read, figure)
    result = correlate_with_people(
        read,
        metrics=metrics.split(","),
        programs=programs,
        tokenizer_path=spm,
        kept=None if out is None else out / "answers.json",
        seed=seed,
    )
    say(result.to_json() if as_json else result.table(), as_json=as_json)
    if out is not None and drawn is not None:
        _write(result, out, language=drawn, to_stderr=as_json)


def _check(out: Path, read: "Judgements", figure: str | None) -> str:
    """Return the language of Figure 7; what cannot be written is told now, not after an hour of scoring."""
    from xlgen.files import check_writable
    from xlgen.reports.scatter import figure_language

    check_writable(out / "table.md")
    return figure_language(read, figure)


def _write(result: "HumanCorrelation", out: Path, *, language: str, to_stderr: bool) -> None:
    """Write table, scores and figures, and name the files."""
    from xlgen.reports.humans import write_correlation
    from xlgen.reports.scatter import write_scatters

    console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
    for path in [*write_correlation(result, out), *write_scatters(result, out, language=language)]:
        console.print(plain(f"written: {path}"))
