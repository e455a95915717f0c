"""Frozen dataclasses <-> JSON, and typed `key.path=value` overrides. No YAML, no callables.

A field whose type has a `table` (a `registry.Table` of dataclasses, such as METHODS) is written as
`{"name": <entry>, ...fields}`, so a stored configuration rebuilds the very objects it came from.
"""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from xlgen.errors import InputError
from xlgen.registry import near_names

Config = TypeVar("Config")


def to_json(config: Any) -> Any:
    """Turn a dataclass (nested, with tuples, dicts, paths) into plain JSON values."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        fields = {f.name: to_json(getattr(config, f.name)) for f in dataclasses.fields(config)}
        return {"name": config.name, **fields} if hasattr(type(config), "table") else fields  # type: ignore[attr-defined]
    if isinstance(config, dict):
        return {key: to_json(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [to_json(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def from_json(kind: type[Config], data: Any, *, where: str = "config") -> Config:
    """Build `kind` from JSON values; unknown, missing or ill-typed fields are named with their path."""
    return typing.cast(Config, _build(kind, data, where))


def read_config(kind: type[Config], path: Path) -> Config:
    """Read `kind` from a JSON file."""
    try:
        data = _parse(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot read it ({error.strerror}); name a run or a config.json"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); restore it or start a new run") from error
    return from_json(kind, data, where=path.name)


def override(config: Config, assignments: Sequence[str]) -> Config:
    """Return `config` with `a.b=value` assignments applied; values are JSON, or plain text.

    A part chosen by name is swapped with `method=prompt-tuning`, then `method.length=10`.
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(
                f"expected key=value, got {assignment!r}; for example training.steps=100"
            )
        config = _assigned(config, path, text)
    return config


def _assigned(config: Config, path: str, text: str) -> Config:
    """Return `config` with one setting changed: to `text` as JSON or, where that does not fit, as it is."""
    try:
        values = [_parse(text), text]
    except (ValueError, RecursionError):
        values = [text]
    refusals = []
    for value in values:
        data = to_json(config)
        _assign(config, data, value, path)
        try:
            return from_json(type(config), data)
        except InputError as error:
            refusals.append(error)
    raise refusals[0]


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _assign(config: Any, data: Any, value: Any, path: str) -> None:
    """Set `path` in `data`, the JSON of `config`."""
    *keys, last = path.split(".")
    for key in keys:
        if not isinstance(data, dict) or not isinstance(data.get(key), (dict, list)):
            known = list(data) if isinstance(data, dict) else []
            raise InputError(f"unknown setting {path!r} at {key!r}: {near_names(key, known)}")
        config, data = _part(config, key), data[key]
    if not isinstance(data, dict) or last not in data:
        known = list(data) if isinstance(data, dict) else []
        raise InputError(f"unknown setting {path!r}: {near_names(last, known)}")
    part = data[last]
    if isinstance(part, dict) and "name" in part:
        data[last] = {"name": value} if isinstance(value, str) else value
    elif isinstance(value, dict) and dataclasses.is_dataclass(_part(config, last)):
        data[last] = {**part, **value}  # a part's other settings stay as they are
    else:
        data[last] = value


def _part(config: Any, key: str) -> Any:
    return config[key] if isinstance(config, dict) else getattr(config, key)


def _build(kind: Any, data: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in args:
            return None
        return _build_union([a for a in args if a is not type(None)], data, where)
    if origin is typing.Literal:
        if data not in args:
            raise InputError(f"{where}: expected one of {', '.join(map(str, args))}, got {data!r}")
        return data
    if origin in (list, tuple):
        if not isinstance(data, (list, tuple)):
            raise InputError(f"{where}: expected a list such as [1, 2], got {data!r}")
        kinds = args if origin is tuple and args[-1] is not ... else [args[0]] * len(data)
        if len(kinds) != len(data):
            raise InputError(f"{where}: expected {len(kinds)} values, got {len(data)}")
        items = zip(kinds, data)
        return origin(_build(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(items))
    if origin is dict:
        if not isinstance(data, dict):
            raise InputError(f"{where}: expected an object, got {data!r}")
        return {key: _build(args[1], value, f"{where}.{key}") for key, value in data.items()}
    if hasattr(kind, "table") or dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, data, where)
    return _build_value(kind, data, where)


def _build_union(kinds: list[Any], data: Any, where: str) -> Any:
    errors = []
    for kind in kinds:
        try:
            return _build(kind, data, where)
        except InputError as error:
            errors.append(str(error))
    raise InputError(errors[0])


def _build_dataclass(kind: Any, data: Any, where: str) -> Any:
    if isinstance(data, str) and hasattr(kind, "table"):
        data = {"name": data}
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected an object, got {data!r}")
    data = dict(data)
    if hasattr(kind, "table"):
        if not isinstance(data.get("name"), str):
            raise InputError(f"{where}: expected a name out of {', '.join(kind.table)}")
        kind = _entry(kind, data.pop("name"), where)
    hints = typing.get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind)]
    for key in data:
        if key not in known:
            raise InputError(f"{where}: unknown setting {key!r}: {near_names(key, known)}")
    values = {key: _build(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return kind(**values)
    except InputError:
        raise
    except (TypeError, ValueError) as error:  # a field is missing, or the class refuses the values
        raise InputError(f"{where}: {error}") from error


def _entry(kind: Any, name: str, where: str) -> Any:
    """Return an entry of the kind's table that is of this kind: a table may hold several."""
    entry = kind.table[name]
    if not issubclass(entry, kind):
        known = near_names(name, kind.table.of(kind))
        raise InputError(f"{where}: {name!r} is no {kind.__name__}; {known}")
    return entry


def _build_value(kind: Any, data: Any, where: str) -> Any:
    if kind is Path and isinstance(data, str):
        return Path(data)
    if kind is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        if not -sys.float_info.max <= data <= sys.float_info.max:
            raise InputError(f"{where}: expected a finite number, got {str(data)[:40]}")
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise InputError(f"{where}: expected {kind.__name__}, got {data!r}")
    return data
