"""Verbs that look: list, show, doctor."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xlgen.cli.app import Json, app, say
from xlgen.errors import InputError


@app.command("list", epilog="Example: `xlgen list recipes`")
def list_(
    table: Annotated[str | None, typer.Argument(help="One table; all if left out.")] = None,
    as_json: Json = False,
) -> None:
    """List what there is: recipes, methods, tasks, metrics, benchmarks, sources, models, languages."""
    from xlgen import inventory

    found = inventory.tables(table)
    say(found if as_json else inventory.as_text(found), as_json=as_json)


@app.command(
    epilog="Examples: `xlgen show demo.prompt`, `xlgen show runs/first`, "
    "`xlgen show nano --corpus corpus`, `xlgen show tokenizer`, "
    "`xlgen show runs/bank/export/bank.safetensors`"
)
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A listed name, a run folder, a bank of sub-prompts or a SentencePiece file."
        ),
    ],
    corpus: Annotated[Path | None, typer.Option(help="Measure a model, a tokenizer on it.")] = None,
    segments: Annotated[
        int, typer.Option(min=1, help="At most so many segments of held-out text a language.")
    ] = 16,
    card: Annotated[
        bool, typer.Option("--card", help="With --corpus: write it into the model folder's card.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one thing wholly: a recipe's settings, a model's sizes or what it can do, a run's state."""
    from xlgen import inventory

    is_bank = Path(name).suffix == ".safetensors"
    if name == "tokenizer" or (Path(name).is_file() and not is_bank):
        from xlgen.data.fertility import study

        measured: Any = study(name, corpus)
    elif corpus is not None:
        from xlgen.recipes.examine import examine
        from xlgen.recipes.export import add_to_card, find_card

        if card:
            find_card(Path(name))  # refused now, not after minutes
        measured = examine(name, corpus, segments=segments)
        if card:
            add_to_card(Path(name), measured.section(segments))
    else:
        if card:
            raise InputError("--card writes what --corpus measured: give --corpus DIR with it")
        found = inventory.describe(name)
        say(found if as_json else inventory.as_text(found), as_json=as_json)
        return
    say(measured.to_json() if as_json else measured.table(), as_json=as_json)


@app.command(epilog="Example: `xlgen doctor --json`")
def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, device, packaged data and models, language identifier."""
    from xlgen import inventory

    findings = inventory.doctor()
    say(findings if as_json else inventory.as_text(findings), as_json=as_json)
    if not all(check["ok"] for check in findings["checks"].values()):
        raise typer.Exit(1)
