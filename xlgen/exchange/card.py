"""A model card: YAML front matter with a model-index, scores by language, and how the run was trained."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

import xlgen
from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.exchange.base import Export, Sections
from xlgen.reports.grid import TARGET, metric_label
from xlgen.reports.read import Cell, RunResults
from xlgen.reports.text import listed, number, one_line

# The hub's names of tasks; what is none of them is `other`.
HUB_TASKS = ("summarization", "translation")


@dataclass(frozen=True)
class Exported:
    """What `export/` of a trained run may hold: the file to know it by, the hub's library, how it is used."""

    file: str
    kind: str
    library: str | None
    use: str


EXPORTED = (
    Exported(
        "adapter_config.json",
        "a trained prompt for a frozen model, in PEFT's format",
        "peft",
        "from peft import PeftModel\n"
        "from transformers import MT5ForConditionalGeneration\n\n"
        "base = MT5ForConditionalGeneration.from_pretrained(BASE)\n"
        "model = PeftModel.from_pretrained(base, FOLDER)",
    ),
    Exported(
        "bank.safetensors",
        "language and task halves of prompts for a frozen model, in XLGen's format",
        None,
        "from pathlib import Path\n\n"
        "from xlgen.methods.bank import read_bank\n\n"
        'bank = read_bank(Path(FOLDER) / "bank.safetensors")',
    ),
    Exported(
        "model.safetensors",
        "a whole model, in the layout of Hugging Face's mT5",
        "transformers",
        "from transformers import MT5ForConditionalGeneration\n\n"
        "model = MT5ForConditionalGeneration.from_pretrained(FOLDER)",
    ),
)


@dataclass(frozen=True)
class Card(Export):
    """A model card (README.md) for the hub: model-index, scores by language with signatures, the settings.

    `licence`, `base_model` and `dataset` are the hub's names, and stand in it only if given.
    """

    name: ClassVar[str] = "card"
    licence: str | None = None
    base_model: str | None = None
    dataset: str | None = None

    def files(self, run: RunResults) -> dict[str, str]:
        """Return the card; raise `InputError` for a run without weights, or with others than were scored."""
        sections = self.sections(run)
        exported = _exported(run)
        front = yaml.safe_dump(
            self._front(run, sections, exported), sort_keys=False, allow_unicode=True, width=1000
        )
        body = "\n".join(self._body(run, sections, exported))
        return {"README.md": f"---\n{front}---\n{body}\n"}

    def _front(self, run: RunResults, sections: Sections, exported: Exported) -> dict[str, Any]:
        """Return what the hub reads, in the form of its `ModelCardData` (huggingface_hub 2.4.0)."""
        languages = [cell.language for cells in sections.values() for cell in cells]
        tasks = list(dict.fromkeys(map(_hub_task, sections)))
        told = {
            "language": list(dict.fromkeys(languages)),
            "license": self.licence,
            "library_name": exported.library,
            "pipeline_tag": tasks[0] if tasks[0] in HUB_TASKS else None,
            "tags": ["xlgen", "cross-lingual", run.method],
            "datasets": None if self.dataset is None else [self.dataset],
            "base_model": self.base_model,
        }
        results = [
            self._result(benchmark, [cell for cell in cells if cell.language == language])
            for benchmark, cells in sections.items()
            for language in dict.fromkeys(cell.language for cell in cells)
        ]
        index = [{"name": self.model_name(run), "results": results}]
        return {k: value for k, value in told.items() if value is not None} | {"model-index": index}

    def _result(self, benchmark: str, cells: Sequence[Cell]) -> dict[str, Any]:
        """Return one language's scores."""
        return {
            "task": {"type": _hub_task(benchmark)},
            "dataset": {
                "name": f"{benchmark} ({cells[0].language})",
                "type": self.dataset or benchmark,
                "config": cells[0].language,
                "split": cells[0].split,
            },
            "metrics": [
                {
                    "type": cell.metric,
                    "value": cell.value,
                    "name": metric_label(cell.metric),
                    "args": {"signature": cell.signature},
                }
                for cell in cells
            ],
        }

    def _body(self, run: RunResults, sections: Sections, exported: Exported) -> Iterator[str]:
        """Yield the lines below the front matter."""
        yield f"# {_prose(self.model_name(run))}\n"
        yield f"{_prose(run.label)} of `{_code(run.config.get('model'))}`: {exported.kind}."
        yield f"Its labels were in {_languages(run.config.get('train'))}.\n"
        yield f"## Use\n\n```python\n{exported.use}\n```\n"
        yield "The scores below were made with XLGen's own decoding, which their signatures name.\n"
        for benchmark, cells in sections.items():
            date = self.made_at(run, [benchmark])
            made = f", outputs of {date}" if date else ""
            yield f"## Scores: {benchmark}, {self.split}{made}\n"
            yield from _table(cells)
            yield ""
        if any(cell.metric == TARGET for cells in sections.values() for cell in cells):
            label = metric_label(TARGET)
            yield f"{label} is CLD3's confidence that an output is in the language that was asked for.\n"
        yield "Signatures; two scores compare where these agree:\n"
        yield from _signatures([cell for cells in sections.values() for cell in cells])
        yield "\n## How it was trained\n"
        yield f"Checkpoint {run.checkpoint:,}, the one with the lowest validation loss in {_chosen_on(run)}."
        yield (
            "The settings below are a run's `config.json`: `xlgen train config.json --out DIR` trains it "
            f"again. XLGen {xlgen.__version__} wrote this card.\n"
        )
        yield f"```json\n{json.dumps(run.config, ensure_ascii=False, indent=1)}\n```"


def _exported(run: RunResults) -> Exported:
    """Return what the run exported, which must be what was scored."""
    if run.config.get("name") != "adaptation":
        raise InputError(
            f"{run.folder}: expected a run of `xlgen train`, whose weights the card is for; got "
            f"{run.config.get('name', 'no config.json')!r}"
        )
    folder = run.folder / "export"
    found = [exported for exported in EXPORTED if (folder / exported.file).is_file()]
    if not found:
        raise InputError(
            f"{folder}: holds no weights to write a card for; train the run to its end"
        )
    _refuse_other_step(run)
    return found[0]


def _refuse_other_step(run: RunResults) -> None:
    from xlgen.training.folder import RunFolder  # brings torch, which nothing else here needs
    from xlgen.training.validation import choose_step

    best = choose_step(RunFolder(run.folder), languages=run.config.get("select_on", ()))
    if best != run.checkpoint:
        raise InputError(
            f"{run.folder}: the scores are of checkpoint {run.checkpoint}, export/ holds {best}; run "
            f"`xlgen evaluate --run {run.folder}` for the best one"
        )


def _hub_task(benchmark: str) -> str:
    task = BENCHMARKS[benchmark].task if benchmark in BENCHMARKS else ""
    return task if task in HUB_TASKS else "other"


def _table(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield a table of languages x metrics; the first metric with its 95 % interval."""
    metrics = list(dict.fromkeys(cell.metric for cell in cells))
    by_place = {(cell.language, cell.metric): cell for cell in cells}
    yield f"| language | n | {' | '.join(_prose(metric_label(metric)) for metric in metrics)} |"
    yield f"|---|---:|{'---:|' * len(metrics)}"
    for language in dict.fromkeys(cell.language for cell in cells):
        row = [by_place.get((language, metric)) for metric in metrics]
        count = max(cell.n for cell in row if cell is not None)
        values = [number(cell.value if cell else None) for cell in row]
        if row[0] is not None and row[0].low is not None:
            values[0] += f" ({number(row[0].low)} to {number(row[0].high)})"
        yield f"| {language} | {count:,} | {' | '.join(values)} |"


def _signatures(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield each distinct signature, without its count of examples."""
    for signature in dict.fromkeys(re.sub(r"\|n:\d+", "", cell.signature) for cell in cells):
        yield f"- `{_code(signature)}`"


def _languages(data: Any) -> str:
    given = data.get("languages") if isinstance(data, Mapping) else None
    return _prose(listed(list(map(str, given)))) if given else "all languages of its data"


def _chosen_on(run: RunResults) -> str:
    return _prose(listed(list(map(str, run.config.get("select_on") or ["every language"]))))


def _code(value: Any) -> str:
    return one_line(str(value)).replace("`", "'")


def _prose(text: str) -> str:
    """Escape what Markdown and HTML would read."""
    return re.sub(r"([\\`*_\[\]|<>#])", r"\\\1", one_line(text))
