"""The README keeps its word: its file tree, its links, its Python and its commands.

`python tests/test_readme.py` writes the tree anew from the modules' first lines.
"""

import ast
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
HEADING = "## The files\n"
TABLE, END_TABLE = "<!-- demo-table -->\n", "<!-- /demo-table -->"
FLOW = (
    "sources", "data", "tasks", "model", "methods", "training", "generation", "metrics",
    "benchmarks", "translation", "reports", "exchange", "recipes", "studies", "cli",
)  # fmt: skip
# What stands beside the package: name -> phrase.
BESIDE = {
    "tests/": "mirrors the package; contracts over every table, equivalence with peers, killed runs",
    "benchmarks-perf/": "speed beside rouge-score and transformers, interleaved",
    "docs/": "start, concepts, data, metrics, choices, add your own, log",
    "examples/": "adapt.py: the main job in Python; alignment.py: how near translations lie in a model",
    "results/": "scores with signatures of every number the README prints",
}


def phrase(path: Path) -> str:
    """Return the first sentence of a module's docstring, without a full stop."""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    paragraph = text.split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<!et al)\. ", paragraph)[0].rstrip(".")


def file_tree() -> str:
    """Return the tree of the package, a phrase for each file."""
    lines = ["```", "xlgen/"]
    package = ROOT / "xlgen"
    modules = sorted(package.glob("[a-z]*.py"), key=lambda path: (path.stem != "run", path.stem))
    lines += [f"  {path.name:<22}{phrase(path)}" for path in modules]
    assert {p.parent.name for p in package.glob("*/__init__.py")} == set(FLOW)
    for folder in map(package.joinpath, FLOW):
        lines.append(f"  {folder.name + '/':<22}{phrase(folder / '__init__.py')}".rstrip())
        lines += [f"    {p.name:<20}{phrase(p)}" for p in sorted(folder.glob("[a-z]*.py"))]
    lines.append(f"  {'assets/':<22}the packaged data sets, models and tokenizer")
    lines += [f"{name:<24}{text}" for name, text in BESIDE.items()]
    return "\n".join([*lines, "```"]) + "\n"


def test_the_tree_is_that_of_the_files():
    text = README.read_text("utf-8")
    assert text.endswith(HEADING + file_tree()), "run `python tests/test_readme.py`"


def demo_table() -> str:
    """Return the table of the published demo run, of results/demo."""
    from xlgen.reports.read import read_run
    from xlgen.reports.tables import markdown_table

    runs = [read_run(ROOT / "results" / "demo" / name) for name in ("prompt", "model", "lead-64")]
    return markdown_table(runs, "howto0")


def test_the_numbers_are_those_of_the_published_run():
    assert demo_table() in README.read_text("utf-8"), "run `python tests/test_readme.py`"


def test_the_findings_are_those_of_the_published_night(tmp_path):
    from xlgen.reports.study import read_study
    from xlgen.reports.study_text import write_findings

    write_findings(read_study(ROOT / "results" / "night"), tmp_path / "findings.md")
    told = (ROOT / "docs" / "findings.md").read_text("utf-8")
    assert told == (tmp_path / "findings.md").read_text("utf-8"), (
        "run `xlgen report results/night --findings docs/findings.md`"
    )


def test_links_lead_somewhere():
    for document in [README, *ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text("utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_python_is_the_example():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    example = (ROOT / "examples" / "adapt.py").read_text("utf-8")
    assert blocks
    assert all(block.strip() in example for block in blocks)


def test_commands_parse():
    from typer.main import get_command

    from xlgen.cli import app

    group = get_command(app)
    text = "".join(path.read_text("utf-8") for path in [README, *sorted(ROOT.glob("docs/*.md"))])
    commands = re.findall(r"^    xlgen (.+?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        words = shlex.split(command)
        name, parser, rest = group.resolve_command(
            group.make_context("xlgen", [], resilient_parsing=True), words
        )
        if name == "data":
            name, parser, rest = parser.resolve_command(None, rest)
        parser.make_context(name, rest)  # raises for an unknown option or a missing argument


if __name__ == "__main__":
    kept = README.read_text("utf-8").split(HEADING)[0]
    before, _, rest = kept.partition(TABLE)
    kept = before + TABLE + demo_table() + END_TABLE + rest.partition(END_TABLE)[2]
    README.write_text(kept + HEADING + file_tree(), "utf-8")
