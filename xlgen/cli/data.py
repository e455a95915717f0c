"""Verbs for data sets."""

from pathlib import Path
from typing import Annotated

import typer

from xlgen.cli.app import Json, Languages, data_app, plain, say


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
    file: Annotated[
        str, typer.Argument(help="JSONL, CSV, TSV or Parquet; or a published data set's name.")
    ],
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
    """Read your own data as training would: every bad line is named, leaks into tests are refused.

    Of a published data set (wikilingua0, xlsum, gigaword), count what is here beside what its publishers say.
    """
    from xlgen.benchmarks.held_out import check_data
    from xlgen.sources.published import is_published

    if is_published(file):
        _say_published(file, as_json=as_json)
        return
    columns = dict(pair.partition("=")[::2] for pair in column or [])
    say(
        check_data(Path(file), columns=columns, language=language, held_out=held_out),
        as_json=as_json,
    )


def _say_published(source: str, *, as_json: bool) -> None:
    """Print a data set's parts as a table, then what was left out of each."""
    from xlgen.benchmarks.published import count_published, count_table

    counted = count_published(source)
    if as_json:
        say(counted, as_json=True)
        return
    say(count_table(counted), as_json=False)
    for part in counted["parts"]:
        for message in part["first"]:
            say(plain(f"left out: {message}"), as_json=False)


@data_app.command("fetch", epilog="Example: `xlgen data fetch xlsum --languages th,hi`")
def data_fetch(
    name: Annotated[str, typer.Argument(help="wikilingua0, xlsum, gigaword, mc4 or mt5-pieces.")],
    languages: Languages = "all",
) -> None:
    """Download a data set or mT5's pieces into its folder: NAME below XLGEN_DATA, or here."""
    from xlgen.sources.fetch import fetch

    say(str(fetch(name, languages=_codes(languages))), as_json=False)


@data_app.command(
    "encode", epilog="Example: `xlgen data encode mc4 --model nano --languages th,vi`"
)
def data_encode(
    folder: Annotated[str, typer.Argument(help="mc4, or a folder with shards of it.")],
    model: Annotated[str, typer.Option(help="The model whose tokenizer to encode with.")],
    languages: Languages = "all",
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Stop at so many of each language; all if left out.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="CLD3's least probability of the language; 0 keeps every text.")
    ] = 0.95,
    held_out: Annotated[
        float, typer.Option(help="The share of documents to validate on, as the run's `held_out`.")
    ] = 0.005,
    as_json: Json = False,
) -> None:
    """Turn mC4's shards into tokens beside them, for a run's `text`; the same command continues."""
    from dataclasses import asdict

    from xlgen.benchmarks.text import encode_web, text_folder
    from xlgen.model.packaged import find_model, open_tokenizer
    from xlgen.sources.mc4 import Filter

    made = encode_web(
        text_folder(folder),
        open_tokenizer(find_model(model)),
        languages=_codes(languages),
        tokens=tokens,
        filter=Filter(threshold=threshold),
        held_out=held_out,
    )
    say([asdict(one) for one in made] if as_json else "\n".join(map(str, made)), as_json=as_json)


def _codes(languages: str) -> list[str] | None:
    return None if languages == "all" else languages.split(",")


@data_app.command("write", epilog="Example: `xlgen data write howto0-short --out inputs`")
def data_write(
    benchmark: Annotated[str, typer.Argument(help="See `xlgen list benchmarks`.")],
    out: Annotated[Path, typer.Option(help="The folder to write <language>.jsonl into.")],
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    languages: Languages = "all",
) -> None:
    """Write a benchmark's examples for another system; `xlgen import` takes its outputs."""
    from xlgen.exchange.imported import write_inputs

    say(write_inputs(benchmark, out, split=split, languages=_codes(languages)), as_json=True)
