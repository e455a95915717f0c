"""What a plan needs and costs before anything runs: models, data, arithmetic, memory and disk.

Costs are upper bounds from the shapes: every input and target as long as its limit allows. Texts are
shorter, so a run is done sooner.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.text import corpus_text, text_folder
from xlgen.errors import InputError
from xlgen.languages import SOURCE
from xlgen.model.hugging_face import read_model_config
from xlgen.model.packaged import find_model, open_tokenizer
from xlgen.model.t5 import T5Config, count_parameters
from xlgen.recipes.base import RunConfig
from xlgen.recipes.evaluation import Baseline, Evaluation, Split
from xlgen.recipes.language_tuning import LanguageTuning
from xlgen.recipes.paper import SIZES
from xlgen.recipes.text_tuning import TextTuning
from xlgen.run import Adaptation
from xlgen.sources.mc4 import shards_of
from xlgen.sources.missing import why_missing
from xlgen.sources.published import MC4, SPLITS, is_published, publication
from xlgen.studies.plan import Job, Plan

_count = cache(count_parameters)
# T5X, docs/models.md; vocabulary of multilingual-t5
CHECKPOINTS = "gs://t5-data/pretrained_models/t5x"
PIECES = "gs://t5-data/vocabs/mc4.250000.100extra/sentencepiece.model"
FLOAT32 = 4  # bytes: weights and gradients are kept so, whatever the products' precision
Shapes = Mapping[str, T5Config]


@dataclass(frozen=True)
class Cost:
    """Of one job, at most: arithmetic in FLOP, bytes of weights and gradients in memory, bytes on disk.

    Activations come on top of `memory`; they grow with `training.micro_batch`.
    """

    flop: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Need:
    """Something a plan reads: a model, a benchmark, labels or text. `missing` says why it cannot be read.

    `parts` are the splits and languages that are read of published labels.
    """

    kind: str
    name: str
    missing: str = ""
    parts: tuple[tuple[str, str], ...] = ()


def needs(plan: Plan, shapes: Shapes) -> list[Need]:
    """Return what the jobs of a plan read that no other job of it makes, each once."""
    found: dict[tuple[str, str], Need] = {}
    for job in plan.jobs.values():
        for need in _needs(job.config, shapes):
            if not any(_is_of(need.name, plan, folder) for folder in job.needs):
                key = need.kind, need.name
                parts = {*found.get(key, need).parts, *need.parts}
                found[key] = replace(need, parts=tuple(sorted(parts)))
    return [_looked_up(need) for need in found.values()]


def _is_of(name: str, plan: Plan, folder: str) -> bool:
    return Path(name).is_relative_to(plan.root / folder)


def _needs(config: RunConfig, shapes: Shapes) -> list[Need]:
    if isinstance(config, Adaptation):
        text = [_text(config.mix.text, config.model)] if config.mix.kappa else []
        labels = [
            _labels(
                data.source, splits=[data.split or "train"], languages=data.languages or (SOURCE,)
            )
            for data in (config.train, config.validation)
        ]
        return [_model(config.model, shapes), *labels, *text]
    if isinstance(config, TextTuning | LanguageTuning):
        return [_model(config.model, shapes), _text(config.text, config.model)]
    if isinstance(config, Evaluation | Baseline):
        chosen = BENCHMARKS[config.benchmark]
        splits = ["test"] if isinstance(config, Baseline) else ["validation", config.split]
        languages = config.languages or chosen.languages
        found = [_labels(chosen.source, splits=splits, languages=languages)]
        if chosen.pieces:
            found.append(Need("pieces", chosen.pieces, _lack(chosen.tokenizer_path)))
        return found
    return []


def _model(name: str, shapes: Shapes) -> Need:
    try:
        folder = find_model(name)
    except InputError:
        return Need("model", name, f"no such folder{_remedy(name)}")
    shape = read_model_config(folder)
    expected = shapes.get(name)
    if expected is not None and replace(shape, dropout=expected.dropout) != expected:
        return Need("model", name, f"its shape is {shape}, not {expected}")
    return Need("model", name)


def _remedy(name: str) -> str:
    """Return how to get a model that is called as the studies call mT5's; "" of another name."""
    known = re.fullmatch(rf"mt5-({'|'.join(SIZES)})(-lm)?", Path(name).name)
    if known is None:
        return ""
    size, adapted = known.groups()
    place = (
        f"mt5_lm_adapted/{size}/checkpoint_1100000" if adapted else f"mt5_{size}/checkpoint_1000000"
    )
    return f"; `xlgen convert {CHECKPOINTS}/{place} {name} --spm {PIECES}` makes it"


def _labels(name: str, *, splits: Sequence[str], languages: Sequence[str]) -> Need:
    if is_published(name):
        parts = tuple((split, language) for split in splits for language in languages)
        return Need("labels", name, parts=parts)
    known = name in {BENCHMARKS[key].source for key in BENCHMARKS} or Path(name).exists()
    return Need("labels", name, "" if known else "no such file, and no benchmark")


def _looked_up(need: Need) -> Need:
    """Return the need of published labels with what is missing of them; others as they are."""
    for split in dict.fromkeys(split for split, _ in need.parts):
        wanted = [language for of, language in need.parts if of == split]
        if missing := why_missing(need.name, split=split, languages=wanted):
            return replace(need, missing=missing)
    return need


def _text(name: str, model: str) -> Need:
    """Say whether text is there, and if it is mC4's whether as tokens of the model, where that is here."""
    folder = text_folder(name)
    if name in BENCHMARKS:
        return Need("text", name)
    if not folder.is_dir():
        remedy = f"; {MC4.remedy(folder)}" if name.partition(":")[0] == MC4.name else ""
        return Need("text", name, f"no such folder of <language>.txt{remedy}")
    if any(folder.glob("*.txt")) or not (shards_of(folder) or any(folder.glob("tokens-*"))):
        return Need("text", name)
    return Need("text", name, _lack(lambda: corpus_text(folder, open_tokenizer(find_model(model)))))


def _lack(read: Callable[[], Any]) -> str:
    """Return why something cannot be read; "" if it can."""
    try:
        read()
    except InputError as error:
        return str(error)
    return ""


def cost(job: Job, *, plan: Plan, shapes: Shapes) -> Cost:
    """Return what a job costs at most; nothing where nothing is multiplied."""
    config = job.config
    if isinstance(config, Adaptation | TextTuning):
        return _training(config, _shape(config.model, plan, shapes))
    if isinstance(config, Evaluation):
        run = plan.jobs[config.run_folder.name].config
        assert isinstance(run, Adaptation)
        return _evaluation(config, run, _shape(run.model, plan, shapes))
    return Cost(0.0, 0, 0)


def _shape(name: str, plan: Plan, shapes: Shapes) -> T5Config:
    """Return a model's shape: of a name, of a folder, or of the run that makes it."""
    folder = Path(name)
    for job in plan.jobs.values():
        if folder.is_relative_to(plan.root / job.folder):
            made = job.config
            assert isinstance(made, Adaptation | TextTuning)
            return _shape(made.model, plan, shapes)
    return shapes[name] if name in shapes else read_model_config(find_model(name))


def _training(config: Adaptation | TextTuning, shape: T5Config) -> Cost:
    training, method, limits = config.training, config.method, config.limits
    once = forward_flop(shape, input=limits.input + method.added, target=limits.target)
    # backward: the same again for the activations, and once more for the weights where they are trained
    flop = once * (3 if method.tunes_model else 2) * training.steps * training.batch_size
    parameters = _count(shape)
    trained = parameters if method.tunes_model else shape.width * method.added
    kept = training.steps // training.checkpoint_every
    kept = kept if training.keep is None else min(kept, training.keep + 1)
    return Cost(flop, FLOAT32 * (parameters + trained), FLOAT32 * trained * (kept + 1))


def _evaluation(config: Evaluation, run: Adaptation, shape: T5Config) -> Cost:
    checkpoints = run.training.steps // run.training.checkpoint_every
    texts = checkpoints * _texts(config, "validation", limit=config.validation_limit)
    if config.split == "test":
        texts += 2 * _texts(config, "test", limit=config.limit)  # two choices of checkpoint
    once = forward_flop(
        shape,
        input=run.limits.input + run.method.added,
        target=run.decoding.max_length * run.decoding.beams,
    )
    return Cost(once * texts, FLOAT32 * _count(shape), 0)


def _texts(config: Evaluation, split: Split, *, limit: int | None) -> int:
    """Return how many texts of all languages one checkpoint writes: a whole split where no limit is set."""
    benchmark = BENCHMARKS[config.benchmark]
    languages = tuple(config.languages or benchmark.languages)
    if limit is not None:
        return limit * len(languages)
    if benchmark.largest:
        return benchmark.largest * len(languages)
    if is_published(benchmark.source):
        sizes = publication(benchmark.source).sizes
        return sum(sizes[language][SPLITS.index(split)] for language in languages)
    return _counted(config.benchmark, split, languages)


@cache
def _counted(benchmark: str, split: Split, languages: tuple[str, ...]) -> int:
    found = BENCHMARKS[benchmark].examples(split, languages=languages)
    return sum(map(len, found.values()))


def forward_flop(shape: T5Config, *, input: int, target: int) -> float:
    """Return the arithmetic of one forward pass in FLOP: matrix products, two a multiplication.

    >>> from xlgen.recipes.paper import SIZES
    >>> round(forward_flop(SIZES["base"], input=1024, target=512) / 1e9)
    569
    """
    inner = shape.heads * shape.head_width
    square, gated = shape.width * inner, 3 * shape.width * shape.feed_forward
    encoder = input * (4 * square + gated) + 2 * input * input * inner
    decoder = (
        target * (6 * square + gated)  # own attention, and cross-attention's query and output
        + input * 2 * square  # cross-attention's keys and values
        + 2 * target * (target + input) * inner
    )
    head = target * shape.width * shape.vocabulary
    return 2.0 * (shape.encoder_layers * encoder + shape.decoder_layers * decoder + head)
