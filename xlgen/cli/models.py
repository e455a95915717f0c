"""Verbs for models as files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from xlgen.cli.app import Json, app, plain, say


@app.command(
    epilog="Examples: `xlgen convert mt5_lm_adapted/small/checkpoint_1100000 models/mt5-small-lm "
    "--spm sentencepiece.model`, "
    "`xlgen convert gs://t5-data/pretrained_models/t5x/mt5_lm_adapted/small/checkpoint_1100000 "
    "models/mt5-small-lm --cache cache`, `xlgen convert nano nano-hf --to hugging-face`"
)
def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="A T5X checkpoint, a Hugging Face or XLGen folder, or a name; or the https:// or gs:// "
            "address of a checkpoint or folder."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write; must be new or empty.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="key=value", help="dropout, epsilon, position_distance."),
    ] = None,
    to: Annotated[
        Literal["xlgen", "hugging-face"],
        typer.Option(help="With the hashes that XLGen checks, or as other programs write it."),
    ] = "xlgen",
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="The source's own if left out, to the same bits."),
    ] = None,
    spm: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="SentencePiece file of the model, where it lies elsewhere; an address too.",
        ),
    ] = None,
    cache: Annotated[
        Path, typer.Option(help="Downloads are kept here; of an address only.")
    ] = Path("cache"),
    as_json: Json = False,
) -> None:
    """Convert a model's files: T5X or Hugging Face (mT5, mT0, T5 1.1, FLAN-T5, umT5, ByT5) and ours."""
    import torch

    from xlgen.config import to_json
    from xlgen.model.convert import convert
    from xlgen.training.precision import keep_freed_memory

    keep_freed_memory()  # a sixth less time: no page faults for every chunk
    done = convert(
        source,
        out,
        to=to,
        dtype=getattr(torch, dtype) if dtype else None,
        spm=spm,
        settings=settings or [],
        cache=cache,
    )
    say(to_json(done) if as_json else plain(str(done)), as_json=as_json)
