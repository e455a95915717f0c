"""Adapt, generate and score in ten lines: `python examples/adapt.py runs/example [key=value ...]`."""

import sys
from pathlib import Path

from xlgen.recipes.resolve import resolve
from xlgen.run import evaluate_run, open_run

folder = Path(sys.argv[1])
print(resolve("demo.prompt", sys.argv[2:]).run(folder))  # trains, or continues

run = open_run(folder)
articles = [example for example in run.config.validation.examples() if example.language == "vi"]
for article, summary in zip(articles[:3], run.predict(articles[:3])):
    print(f"{article.target}\n  -> {summary}")

scores = evaluate_run(folder, "howto0", languages=["en", "vi"], limit=8)
for cell in scores["cells"]:
    if cell["metric"] in ("sp_rouge_lsum", "lid"):
        print(cell["language"], cell["metric"], round(cell["value"], 1), cell["signature"])
