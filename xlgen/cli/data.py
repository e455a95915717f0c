"""Verbs for data sets."""

from pathlib import Path
from typing import Annotated

import typer

from xlgen.cli.app import Json, Languages, data_app, say


@data_app.command(
    "build", epilog="Example: `xlgen data build howto0 --cache cache --out built/howto0`"
)
def data_build(
    name: Annotated[str, typer.Argument(help="howto0, howto0-short, parallel or corpus.")],
    cache: Annotated[Path, typer.Option(help="Downloads are kept here; gigabytes for corpus.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
) -> None:
    """Build a data set from Debian packages with this machine's apt, without touching its state."""
    from xlgen.sources.build import build

    say(build(name, cache=cache, out=out), as_json=True)


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
    say(check_data(file, columns=columns, language=language, held_out=held_out), as_json=as_json)


@data_app.command("write", epilog="Example: `xlgen data write howto0-short --out inputs`")
def data_write(
    benchmark: Annotated[str, typer.Argument(help="See `xlgen list benchmarks`.")],
    out: Annotated[Path, typer.Option(help="The folder to write <language>.jsonl into.")],
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    languages: Languages = "all",
) -> None:
    """Write a benchmark's examples for another system; `xlgen import` takes its outputs."""
    from xlgen.exchange.imported import write_inputs

    wanted = None if languages == "all" else languages.split(",")
    say(write_inputs(benchmark, out, split=split, languages=wanted), as_json=True)
