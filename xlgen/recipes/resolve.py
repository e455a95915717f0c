"""From a recipe's name, or a stored config.json, and overrides to a configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlgen.config import override, read_config
from xlgen.errors import InputError
from xlgen.recipes import RECIPES
from xlgen.recipes.base import RunConfig


def resolve(recipe: str, assignments: Sequence[str] = ()) -> Any:
    """Return the configuration of a recipe, or of a config.json, with `key.path=value` applied."""
    stored = Path(recipe)
    if _is_stored(recipe):
        path = stored / "config.json" if stored.is_dir() else stored
        config = read_config(RunConfig, path)
    else:
        config = RECIPES[recipe]()
    return override(config, assignments)


def default_folder(recipe: str) -> Path:
    """Return `runs/RECIPE`, the recipe's name whole; a config.json names no folder, so it is refused."""
    if _is_stored(recipe):
        raise InputError(f"{recipe} does not say where to train; name the run folder with --out")
    return Path("runs") / recipe


def _is_stored(recipe: str) -> bool:
    return Path(recipe).suffix == ".json" or Path(recipe).is_dir()
