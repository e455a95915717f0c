"""Verbs that carry results to other programs, and other systems' outputs to ours."""

from pathlib import Path
from typing import Annotated

import typer

from xlgen.cli.app import Json, app, plain, say


@app.command(
    epilog="Examples: `xlgen export runs/first --to lm-eval --out results`, "
    "`xlgen export runs/first dataset=me/howto0 --to eval-results --out runs/first/export`"
)
def export(
    run: Annotated[Path, typer.Argument(help="An evaluated run folder.")],
    to: Annotated[str, typer.Option(help="lm-eval, eval-results or card (`xlgen list exports`).")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    settings: Annotated[list[str] | None, typer.Argument(metavar="key=value")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite files that exist already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a run's scores for lm-evaluation-harness, for a page of the hub, or as a model card."""
    from xlgen.config import from_json, override
    from xlgen.exchange.base import Export, export_run

    chosen = override(from_json(Export, {"name": to}, where="export"), settings or [])
    written = [str(path) for path in export_run(run, chosen, out=out, replace=replace)]
    say({"files": written} if as_json else "\n".join(map(plain, written)), as_json=as_json)


@app.command(
    "import",
    epilog="Example: `xlgen import theirs/*.txt --form lines --system mT0-xl "
    "--benchmark howto0-short --out runs/mt0`",
)
def import_(
    files: Annotated[list[Path], typer.Argument(help="The outputs; see --form.")],
    system: Annotated[str, typer.Option(help="The system's name, as reports show it.")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    benchmark: Annotated[str, typer.Option(help="See `xlgen list benchmarks`.")] = "howto0",
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    form: Annotated[
        str, typer.Option(help="records, lm-eval or lines (`xlgen list imports`).")
    ] = "records",
    languages: Annotated[
        str | None,
        typer.Option(metavar="CODES", help="By commas; those of the outputs, if left out."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many examples a language.")
    ] = None,
    spm: Annotated[
        Path | None,
        typer.Option(help="SentencePiece model to score with; the benchmark's if left out."),
    ] = None,
    decoding: Annotated[str | None, typer.Option(help="How it generated, for signatures.")] = None,
    source: Annotated[str | None, typer.Option(help="Where the outputs are from.")] = None,
    licence: Annotated[str | None, typer.Option(help="The outputs' licence.")] = None,
    date: Annotated[str | None, typer.Option(help="When they were made, ISO 8601.")] = None,
    as_json: Json = False,
) -> None:
    """Score any system's outputs for a benchmark into a run folder, for reports beside ours."""
    from xlgen.config import to_json
    from xlgen.exchange.imported import Provenance, import_outputs

    done = import_outputs(
        files,
        Provenance(system, decoding=decoding, source=source, licence=licence, date=date),
        form=form,
        benchmark=benchmark,
        split=split,
        out=out,
        languages=languages.split(",") if languages else None,
        limit=limit,
        spm=spm,
    )
    say(to_json(done) if as_json else plain(str(done)), as_json=as_json)
