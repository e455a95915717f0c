"""From a pretraining run to a model folder with its card: at the end, or any time while it runs.

python -c 'from xlgen.recipes.export import export_model; export_model("runs/nano", "nano-so-far")'
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from xlgen.config import read_config, to_json
from xlgen.data.shards import ShardedText
from xlgen.errors import InputError
from xlgen.files import write_whole
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model import MODELS
from xlgen.model.load import save_model
from xlgen.model.packaged import find_model
from xlgen.model.t5 import T5, count_parameters
from xlgen.recipes import RECIPES
from xlgen.recipes.base import RunConfig
from xlgen.training.checkpoint import Checkpoint
from xlgen.training.folder import RunFolder

if TYPE_CHECKING:
    from xlgen.recipes.bigrams import BigramStart
    from xlgen.recipes.pretrain import Pretraining

TUNING_DROPOUT = (
    0.1  # mT5 is pretrained without dropout and tuned with 0.1; config.json names the latter
)
WARNING_MARK = "> **WARNING:"  # what a line of a card begins with that all later cards repeat
EARLIER = "\n## The stage before\n\n"
_PRECISIONS = {"fp32": "float32", "bf16": "bfloat16 products over float32 weights"}


def export_model(run: str | Path, out: str | Path) -> Path:
    """Write the run's newest verified step as bf16 safetensors in Hugging Face's mT5 layout, with a card.

    Safe while the run goes on: published steps do not change.
    """
    run, out = Path(run), Path(out)
    config: Pretraining = read_config(RunConfig, run / "config.json")  # type: ignore[assignment]
    opened = RunFolder(run)
    checkpoint = opened.steps.read_newest()
    if checkpoint is None:
        raise InputError(f"{run}: no checkpoint yet; wait for the first one")
    text, tokenizer = config.open_text()
    adapted = ModelTuning().attach(
        T5(replace(config.shape, dropout=TUNING_DROPOUT)), tokenizer, seed=0
    )
    adapted.load_state(checkpoint.parameters)
    save_model(adapted.model, out, tokenizer_sha256=tokenizer.sha256)
    if config.tokenizer is not None:
        shutil.copyfile(tokenizer.path, out / "spiece.model")
    earlier = _earlier_card(config.start)
    metrics = [line for line in opened.read_metrics() if line["step"] <= checkpoint.step]
    card = model_card(config, text, checkpoint=checkpoint, metrics=metrics)
    write_whole(out / "README.md", with_warnings(card, earlier) + earlier)
    return out


def model_card(
    config: "Pretraining",
    text: ShardedText,
    *,
    checkpoint: Checkpoint,
    metrics: list[dict[str, Any]],
) -> str:
    """Return the card of one stage: corpus, tokens, steps, losses, command."""
    training, task = config.training, config.task
    raw = checkpoint.step * training.batch_size * task.raw_length(config.limits)
    losses = [line["loss"] for line in metrics if "loss" in line]
    seconds = max((line["seconds"] for line in metrics if "seconds" in line), default=0.0)
    lines = [
        f"# {count_parameters(config.shape) / 1e6:.1f} M multilingual T5: {task.name}",
        "",
        "mT5's architecture in float32, stored as bfloat16. Made for studies of cross-lingual transfer at a"
        " small scale and for tests; too small and too briefly trained to be used for its texts.",
        "",
        f"- Steps: {checkpoint.step:,} of {training.steps:,}, {training.batch_size} segments each; at most "
        f"{raw:,} tokens of text, drawn in proportion to tokens ** {config.alpha}",
        f"- Optimizer: {training.optimizer}, {training.schedule}",
        f"- Time: {seconds:,.0f} s on {_machine(checkpoint)}, {_PRECISIONS[training.precision]}",
        f"- Training loss at the end: {losses[-1]:.3f} nats a target token" if losses else "",
        f"- Tokenizer: SHA-256 {next(iter(text.manifests.values()))['tokenizer']}",
        f"- Command: `{command(config, stage='' if task.name == 'span_corruption' else '_lm')}`",
        "- Corpus: `xlgen data build corpus`, text of Debian packages; licences are those of the packages",
        "",
        *_loss_table(config, text, metrics),
        "",
        *_curve(metrics),
    ]
    return "\n".join(lines)


def with_warnings(card: str, earlier: str) -> str:
    """Return a card with the warnings of the stages before it below its title."""
    warnings = [line for line in earlier.split("\n") if line.startswith(WARNING_MARK)]
    title, rest = card.split("\n", 1)
    return "\n".join([title, *(f"\n{line}" for line in dict.fromkeys(warnings)), rest])


def _machine(checkpoint: Checkpoint) -> str:
    """Return what the step was made on: the GPU, or the CPU's kind and threads; and torch's build."""
    made = checkpoint.facts["fingerprint"]
    device = made.get("device", "cpu")  # earlier versions did not store it
    processor = f"{made['machine']}, {made['threads']} threads" if device == "cpu" else device
    return f"{processor}, torch {made['torch']}"


def command(config: "Pretraining | BigramStart", *, stage: str) -> str:
    """Return the command of a run: its recipe, and every setting that differs from it."""
    size = "nano" if config.shape.width > 64 else "pico"
    if f"pretrain.{size}{stage}" not in RECIPES:  # variants begin with nano's settings, at any size
        size = "nano"
    recipe = f"pretrain.{size}{stage}"
    default = dict(_settings(to_json(RECIPES[recipe]())))
    places = {
        "corpus": "DIR",
        "start": "STAGE_BEFORE/model",
        "tokenizer": "FILE",
        "e5.file": "WHEEL",
    }
    changed = [
        f"{key}={value if str(value) in MODELS else places.get(key, value)}"
        for key, value in _settings(to_json(config))
        if default.get(key) != value
    ]
    return " ".join(["xlgen train", recipe, *changed])


def _settings(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its dotted path; the part chosen by name comes before its settings."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _settings(item, f"{path}{key}.")
        elif key == "name" and path:
            yield path[:-1], item
        elif key != "name":
            yield path + key, item


def _loss_table(
    config: "Pretraining", text: ShardedText, metrics: list[dict[str, Any]]
) -> list[str]:
    validated = [line for line in metrics if "validation" in line]
    if not validated:
        return ["No validation yet."]
    last = validated[-1]
    losses: Mapping[str, Mapping[str, float]] = last["validation"]
    tokens, documents = text.counts("tokens"), text.counts("documents")
    rows = [
        f"| {language} | {tokens[language]:,} | {documents[language]:,} | {scores['loss']:.3f} |"
        for language, scores in losses.items()
    ]
    return [
        f"Loss on {config.validation_segments} held-out segments of each language at step {last['step']:,}"
        f" ({config.task.name}, nats a target token):",
        "",
        "| language | tokens in the corpus | documents | loss |",
        "|---|---:|---:|---:|",
        *rows,
    ]


def _curve(metrics: list[dict[str, Any]]) -> list[str]:
    """Return the mean loss over languages at about ten steps, evenly apart."""
    validated = [line for line in metrics if line.get("validation")]  # {} where nothing is held out
    if len(validated) < 2:
        return []
    last = len(validated) - 1
    shown = [validated[i] for i in sorted({round(last * tenth / 9) for tenth in range(10)})]
    steps = [f"{line['step']:,}" for line in shown]
    losses = [fmean(of["loss"] for of in line["validation"].values()) for line in shown]
    return [
        "The mean of the languages on the way:",
        "",
        f"| step | {' | '.join(steps)} |",
        f"|---|{'---:|' * len(shown)}",
        f"| loss | {' | '.join(f'{loss:.2f}' for loss in losses)} |",
        "",
    ]


def find_card(folder: Path) -> Path:
    """Return a model folder's card; raise `InputError` where there is none."""
    path = folder / "README.md"
    if not path.is_file():
        raise InputError(
            f"{path}: no such card; name the folder of a model that `xlgen train` made"
        )
    return path


def add_to_card(folder: Path, section: str) -> None:
    """Put a section that begins with "## " into a model's card, in the place of one with its title."""
    path = find_card(folder)
    title = section.split("\n", 1)[0]
    own, mark, earlier = path.read_text("utf-8").partition(EARLIER)
    own = own.partition(f"\n{title}\n")[0].rstrip("\n")
    write_whole(path, f"{own}\n\n{section.rstrip()}\n{mark}{earlier}", what="the card")


def _earlier_card(start: str | None) -> str:
    card = find_model(start) / "README.md" if start else None
    if card is None or not card.is_file():
        return ""
    return EARLIER + card.read_text("utf-8").replace("# ", "### ", 1)
