"""The wheel: everything the package needs is in it, and it runs from there, away from this folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys
for extra in ("lxml", "transformers", "peft", "huggingface_hub"):  # what only builders and tests have
    sys.modules[extra] = None
from pathlib import Path
import xlgen
from xlgen.cli import app
from typer.testing import CliRunner
done = CliRunner().invoke(app, ["score", sys.argv[1], "--json"])
assert done.exit_code == 0, done.output
assert "torch" not in sys.modules, "scoring must start without torch"
from xlgen.model.packaged import open_model
from xlgen.sources.packaged import read_packaged
from xlgen.reports.html import __file__ as page
import xlgen.recipes.pretrain, xlgen.run
from xlgen.recipes import RECIPES
for name in RECIPES:
    RECIPES[name]()
model, tokenizer = open_model("pico")
print(xlgen.__file__, len(read_packaged("howto0-short", "test")), tokenizer.size)
assert list((Path(page).parent / "templates").iterdir())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("source")
    hidden = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "xlgen", source / "xlgen", ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *offline, str(source), "--wheel-dir", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_wheel_holds_every_file_of_the_package(wheel):
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "xlgen").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("xlgen/")}
    assert packed == ours


def test_wheel_runs_away_from_its_source(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    file = tmp_path / "out.jsonl"
    file.write_text('{"id": "1", "language": "th", "prediction": "ก", "reference": "ก"}\n', "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "installed") in done.stdout
