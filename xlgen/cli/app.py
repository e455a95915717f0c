"""What every verb needs: the application, its options, and ways to print. Nothing heavy is imported."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

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

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
Languages = Annotated[
    str, typer.Option(help="Comma-separated codes, or `all` the benchmark has.", metavar="CODES")
]


def say(value: Any, *, as_json: bool) -> None:
    """Print a value: as JSON, or as rich shows it; lines of text are left whole."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(value, soft_wrap=isinstance(value, str))


def plain(text: str) -> str:
    """Escape rich's markup and control characters in text that came from outside."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text))
