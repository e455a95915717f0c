"""The shape of the code: sizes, the direction of imports, what never stands in it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xlgen"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 330, 60

# Stations of the flow in order: a module imports from its own station and from those before it.
# The tables of a station (its __init__) are names only, so anybody may list them.
ORDER = (
    ("errors", "registry", "config", "languages", "families", "files", "progress", "download"),
    ("sources", "data", "tasks"),
    ("model", "metrics"),
    ("methods",),
    ("training", "generation"),
    ("benchmarks",),
    ("recipes", "reports", "run", "inventory", "translation", "studies", "exchange"),
    ("cli",),
)
STATION = {name: place for place, names in enumerate(ORDER) for name in names}
# Starts at once without torch: `xlgen score`, `xlgen report`, `xlgen list`, reading data.
WITHOUT_TORCH = ("metrics", "reports", "sources", "tasks", "exchange", "cli", "inventory")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return the xlgen modules that `path` imports at its top, type checking aside."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xlgen"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("xlgen")}
    return found & {name_of(module) for module in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_and_functions_are_short(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_have_docstrings(path):
    tree = ast.parse(path.read_text("utf-8"))
    if path.name != "__init__.py":
        assert ast.get_docstring(tree), "a module says what it holds"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            overload = any(getattr(d, "id", "") == "overload" for d in node.decorator_list)
            assert overload or ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_functions_take_at_most_two_positional_arguments(path):
    if path.parent.name == "cli":  # typer makes options of them
        return
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert len(node.args.posonlyargs + node.args.args) <= 2, node.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_the_flow(path):
    parts = name_of(path).split(".")
    if len(parts) == 1:
        return
    own = STATION[parts[1]]
    tables = {name_of(p) for p in MODULES if p.name == "__init__.py"}
    for imported in imports(path) - tables:
        station = imported.split(".")[1]
        assert STATION[station] <= own, f"{name_of(path)} imports {imported}"


def test_no_import_cycles():
    graph = {name_of(path): imports(path) - {name_of(path)} for path in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for other in graph[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


BANNED = {
    "pickle": r"^\s*(?:import|from) pickle",
    "torch.load": r"\btorch\.load\(",
    "eval or exec": r"(?<![\w.])(?:eval|exec)\(",
    "extractall": r"\.extractall\(",
    "shell=True": r"shell=True",
    "yaml.load": r"\byaml\.(?:unsafe_)?load\(",
    "arrays of objects": r"allow_pickle=True",
    "remote code": r"trust_remote_code=True",
    "splitlines (it also splits on U+2028)": r"\.splitlines\(",
    "a bare except": r"except\s*:",
}


@pytest.mark.parametrize("kind", BANNED)
def test_dangerous_calls_do_not_stand_in_the_package(kind):
    for path in MODULES:
        match = re.search(BANNED[kind], path.read_text("utf-8"), re.MULTILINE)
        assert match is None, f"{path}: {match}"


@pytest.mark.parametrize("station", WITHOUT_TORCH)
def test_station_starts_without_torch(station):
    folder = PACKAGE / station
    names = [name_of(p) for p in sorted(folder.glob("*.py"))] or [f"xlgen.{station}"]
    loads = "; ".join(f"import {name}" for name in names)
    code = f"{loads}; import sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
