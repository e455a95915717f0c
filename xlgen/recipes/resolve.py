"""From a recipe's name, or a stored config.json, and overrides to a configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlgen.config import override, read_config
from xlgen.recipes import RECIPES
from xlgen.recipes.base import RunConfig


def resolve(recipe: str, assignments: Sequence[str] = ()) -> Any:
    """Return the configuration of a recipe, or of a config.json, with `key.path=value` applied."""
    stored = Path(recipe)
    if stored.suffix == ".json" or stored.is_dir():
        path = stored / "config.json" if stored.is_dir() else stored
        config = read_config(RunConfig, path)
    else:
        config = RECIPES[recipe]()
    return override(config, assignments)
