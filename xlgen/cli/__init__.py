"""The command line: verbs only, each calls one function. The one package that prints."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from xlgen import __version__
from xlgen.cli.app import app, plain
from xlgen.errors import InputError
from xlgen.files import reason

# they add their verbs to `app`, and help shows them in this order
# isort: off
from xlgen.cli import tables, runs, studies, results, correlation, exchange, models, data  # noqa: F401
# isort: on

BAD_INPUT = 2  # the exit code of every mistake that is the user's to mend


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
        f"[bold red]error:[/] {plain(line)}"
    )
    return BAD_INPUT


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
