"""What there is, for `list`, `show` and `doctor`: every table, one thing wholly, the installation's state."""

import importlib.metadata
import inspect
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlgen import __version__
from xlgen.benchmarks import BENCHMARKS
from xlgen.config import to_json
from xlgen.data.fertility import PACKAGED
from xlgen.errors import InputError
from xlgen.exchange import EXPORTS, IMPORTS
from xlgen.files import read_object
from xlgen.languages import KNOWN
from xlgen.methods import METHODS
from xlgen.metrics import METRICS
from xlgen.model import LAYOUTS, MODELS
from xlgen.recipes import RECIPES, RUNS
from xlgen.registry import Table, near_names
from xlgen.reports import FINDINGS
from xlgen.sources import BUILDERS, JUDGEMENTS, SOURCES
from xlgen.studies import GRIDS, STUDIES
from xlgen.tasks import TASKS
from xlgen.training import OPTIMIZERS, SCHEDULES
from xlgen.translation import TRANSLATORS

TABLES: dict[str, Table] = {
    "recipes": RECIPES,
    "studies": STUDIES,
    "methods": METHODS,
    "tasks": TASKS,
    "metrics": METRICS,
    "benchmarks": BENCHMARKS,
    "sources": SOURCES,
    "judgements": JUDGEMENTS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "translators": TRANSLATORS,
    "layouts": LAYOUTS,
    "findings": FINDINGS,
    "runs": RUNS,
    "grids": GRIDS,
    "builders": BUILDERS,
    "exports": EXPORTS,
    "imports": IMPORTS,
}
PINNED = ("torch", "numpy", "sentencepiece", "safetensors", "cld3-py", "pyarrow")


def tables(only: str | None = None) -> dict[str, dict[str, str]]:
    """Return name -> first sentence of every entry, by table; `only` picks one."""
    found = {
        kind: {name: _summary(table[name]) for name in table} for kind, table in TABLES.items()
    }
    found["models"] = dict(MODELS)
    found["languages"] = {code: language.name for code, language in KNOWN.items()}
    if only is None:
        return found
    if only not in found:
        raise InputError(f"no table {only!r}: {near_names(only, list(found))}")
    return {only: found[only]}


def _summary(entry: Any) -> str:
    described = getattr(entry, "description", None)
    if isinstance(described, str):
        return described
    return (inspect.getdoc(entry) or "").split("\n")[0]


def describe(name: str) -> dict[str, Any]:
    """Return all about a named thing or a run folder; raise `InputError` with near names else."""
    folder = Path(name)
    if (folder / "config.json").is_file() and (folder / "steps").is_dir():
        return _describe_run(folder)
    if folder.suffix == ".safetensors" and folder.is_file():
        return _describe_bank(folder)
    if name in MODELS or any((folder / file).is_file() for file in ("config.json", "checkpoint")):
        return _describe_model(name)
    for kind, table in TABLES.items():
        if name in table:
            entry = table[name]
            value = entry() if kind == "recipes" else entry
            settings = value if not isinstance(value, type) else _defaults(value)
            return {"kind": kind, "name": name, "about": _summary(entry), **_settings(settings)}
    known = [*MODELS, PACKAGED, *(entry for table in TABLES.values() for entry in table)]
    raise InputError(f"nothing is named {name!r}: {near_names(name, known)}")


def _defaults(kind: type) -> Any:
    try:
        return kind()
    except TypeError:  # has settings without a default
        return None


def _settings(value: Any) -> dict[str, Any]:
    settings = to_json(value) if hasattr(value, "__dataclass_fields__") else None
    return {"settings": settings} if isinstance(settings, dict) else {}


def _describe_model(name: str) -> dict[str, Any]:
    from xlgen.model.describe import describe_model

    return {"kind": "model", "name": name, **describe_model(name)}


def _describe_bank(path: Path) -> dict[str, Any]:
    from xlgen.methods.bank import read_bank  # brings torch

    bank = read_bank(path)
    length, width = next(iter(bank.tasks.values())).shape
    return {
        "kind": "bank of sub-prompts",
        "path": str(path),
        "languages": ", ".join(sorted(bank.languages)),
        "tasks": ", ".join(sorted(bank.tasks)),
        "vectors of a half": length,
        "width": width,
    }


def _describe_run(folder: Path) -> dict[str, Any]:
    from xlgen.reports.read import read_run
    from xlgen.training.folder import list_steps

    cells = read_run(folder).cells if (folder / "scores.json").is_file() else ()
    return {
        "kind": "run",
        "name": str(folder),
        "steps": list_steps(folder),
        "evaluated": sorted({f"{cell.benchmark} {cell.split}" for cell in cells}),
        "settings": read_object(folder / "config.json", remedy="restore it or start a new run"),
    }


def doctor() -> dict[str, Any]:
    """Return versions, device and the outcome of each check of this installation."""
    import torch

    from xlgen.training.precision import float32_products

    return {
        "xlgen": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {name: importlib.metadata.version(name) for name in PINNED},
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "float32 products": float32_products(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "checks": {name: _outcome(check) for name, check in CHECKS.items()},
    }


def _outcome(check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"ok": True, "found": check()}
    except (InputError, ImportError, OSError) as error:
        return {"ok": False, "found": str(error)}


def _check_identifier() -> str:
    from xlgen.metrics.language import identify

    # the first article of the Universal Declaration of Human Rights begins so in Thai
    language, probability = identify("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ")
    if language != "th":
        raise InputError(f"CLD3 calls Thai text {language!r}; reinstall cld3-py")
    return f"CLD3 knows Thai (probability {probability:.2f})"


def _check_data() -> str:
    from xlgen.sources.packaged import read_packaged

    counts = {name: len(read_packaged(name, "test")) for name in ("howto0", "howto0-short")}
    return ", ".join(f"{name}: {count} test examples" for name, count in counts.items())


def _check_models() -> str:
    found = {name: _describe_model(name) for name in MODELS}
    return ", ".join(f"{name}: {about['parameters']:,} parameters" for name, about in found.items())


CHECKS = {
    "language identifier": _check_identifier,
    "packaged data": _check_data,
    "packaged models": _check_models,
}


def as_text(value: Any, *, indent: int = 0) -> str:
    """Lay out nested dictionaries as indented lines for a terminal."""
    lines = []
    width = max((len(str(key)) for key in value), default=0) if isinstance(value, dict) else 0
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{' ' * indent}{key}", as_text(item, indent=indent + 2)]
        else:
            shown = ", ".join(map(str, item)) if isinstance(item, list) else item
            lines.append(f"{' ' * indent}{key!s:<{width}}  {shown}")
    return "\n".join(lines)
