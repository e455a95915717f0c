"""Every entry of every table loads, says what it is, and survives a trip through JSON."""

import pytest

from xlgen.benchmarks import BENCHMARKS
from xlgen.config import from_json, override, to_json
from xlgen.errors import InputError
from xlgen.inventory import TABLES, describe, tables
from xlgen.languages import KNOWN
from xlgen.metrics import METRICS
from xlgen.recipes import RECIPES
from xlgen.recipes.base import RunConfig
from xlgen.sources import SOURCES

ENTRIES = [(kind, name) for kind, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_entry_loads_and_says_what_it_is(kind, name):
    assert TABLES[kind][name] is not None
    assert len(tables(kind)[kind][name]) > 10


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_entry_can_be_shown(kind, name):
    others = [k for k, table in TABLES.items() if name in table and k != kind]
    assert describe(name)["kind"] in [kind, *others]  # a data set's name stands in several tables


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_near_misses_are_named(table):
    name = next(iter(table))
    with pytest.raises(InputError, match=f"did you mean .*{name}"):
        table[name + "x"]


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_rebuilds_from_its_stored_settings(name):
    config = RECIPES[name]()
    assert from_json(RunConfig, to_json(config)) == config


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_takes_overrides_and_names_unknown_ones(name):
    recipe = RECIPES[name]()
    known = ("training.steps", "shape.heads", "seed", "limit", "data.limit")
    path = next(path for path in known if hasattr(recipe, path.split(".")[0]))
    found = to_json(override(recipe, [f"{path}=7"]))
    for key in path.split("."):
        found = found[key]
    assert found == 7
    with pytest.raises(InputError, match=f"did you mean {path.split('.')[-1]}"):
        override(recipe, [f"{path[:-1]}z=7"])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmark_names_what_exists(name):
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name
    assert set(benchmark.languages) <= set(KNOWN)
    assert set(benchmark.metrics or METRICS) <= set(METRICS)
    assert benchmark.source in SOURCES
