"""The paper's rows as jobs: what is trained before what, and where it is scored. One line of ROWS each."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from xlgen.benchmarks import BENCHMARKS
from xlgen.errors import InputError
from xlgen.generation.lead import LEAD, lead_length
from xlgen.languages import KNOWN, SOURCE, language_code
from xlgen.recipes.base import RunConfig
from xlgen.recipes.evaluation import Baseline, BestValidation, Evaluation, Split
from xlgen.recipes.rows import (
    continued,
    factorized,
    halves,
    lengthened,
    mixed,
    supervised,
    translated,
)
from xlgen.recipes.text_tuning import TextTuning
from xlgen.recipes.translation import Translation
from xlgen.registry import near_names
from xlgen.reports.published import published_sizes
from xlgen.run import Adaptation, Data
from xlgen.studies.index import Gap, Row
from xlgen.studies.plan import Grid, Plan
from xlgen.tasks.lm import LM
from xlgen.translation.base import Translator

Way = Literal["prompt", "model"]
PLAIN = ("prompt", "model")  # the rows that add nothing to a way of tuning


@dataclass(frozen=True)
class Rows(Grid):
    """The paper's rows: for each seed, size and way of tuning, every one of `rows` (see ROWS, or `lead-N`).

    `prompt` and `model` are the two ways to tune; `bank` and `intermediate` how text is tuned on before
    (factorized prompts, IT-LM), `labels` the other English labels of intermediate tuning, `translators` the
    system for each target; a target without one is a gap of the TRANS rows. `sizes` names a
    model for each way (the paper tunes prompts on LM-adapted models), `plain_sizes` those at which only the
    plain rows are made (Figure 2); with `printed` only what that table of the paper prints, in sizes named as
    the paper's. Rows made for one language are made for each of `targets` and scored in it and in English;
    all others in `languages` (None: the benchmark's), on `split`. SUP-ALL and the bank learn all languages of
    the benchmark, whichever are scored.
    """

    name: ClassVar[str] = "rows"
    rows: tuple[str, ...] = ("lead-64", "prompt", "model")
    seeds: tuple[int, ...] = (0, 1, 2)
    sizes: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"nano": {"prompt": "nano", "model": "nano"}}
    )
    plain_sizes: dict[str, dict[str, str]] = field(default_factory=dict)
    targets: tuple[str, ...] = ("fr", "ru", "vi")
    prompt: Adaptation = field(default_factory=Adaptation)
    model: Adaptation = field(default_factory=Adaptation)
    bank: TextTuning = field(default_factory=TextTuning)
    intermediate: TextTuning = field(default_factory=TextTuning)
    labels: Data = field(default_factory=Data)
    translators: dict[str, Translator] = field(default_factory=dict)
    benchmark: str = "howto0"
    languages: tuple[str, ...] | None = None
    validation_limit: int | None = 250
    limit: int | None = None
    printed: str | None = None
    split: Split = "test"

    def __post_init__(self) -> None:
        for name in self.rows:
            way, _, row = name.partition(", ")
            if way.startswith(LEAD):
                lead_length(name)
                continue
            if way not in ("prompt", "model") or row not in ROWS or way not in ROWS[row].ways:
                known = [f"{w}, {r}" if r else w for r in ROWS for w in ROWS[r].ways]
                raise InputError(f"rows: no row {name!r}: {near_names(name, known)}")

    def plan(self, root: Path) -> Plan:
        """Return the jobs; raise `InputError` for a language that the benchmark does not have."""
        benchmark, plan = BENCHMARKS[self.benchmark], Plan(root)
        benchmark.refuse_unknown(self.languages or ())
        kinds = [name.partition(", ")[2] for name in self.rows]
        if any(ROWS[kind].per_target for kind in kinds):
            benchmark.refuse_unknown(self.targets)
        for name in self.rows:
            if name.startswith(LEAD):
                config = Baseline(name, self.benchmark, self.languages, self.limit)
                plan.row(Row(name, plan.job(name, config).name, model=""))
        for seed in self.seeds:
            for size in (*self.sizes, *self.plain_sizes):
                for name in self.rows:
                    if self._is_made(name, size):
                        self._add(plan, name, seed=seed, size=size)
        return plan

    def _is_made(self, name: str, size: str) -> bool:
        if name.startswith(LEAD) or (size not in self.sizes and name not in PLAIN):
            return False
        return self.printed is None or size in published_sizes(name, table=self.printed)

    def _untranslated(self, row: "RowKind", target: str | None) -> str:
        """Say why a row that needs a translator cannot be made for a target; else nothing."""
        if not row.translates or target is None:
            return ""
        translator = self.translators.get(target)
        if translator is None:
            return "no translator is set"
        ways = {(SOURCE, target)} | ({(target, SOURCE)} if row.translates == "test" else set())
        try:
            pairs = translator.pairs()
        except InputError:  # a folder that is not here yet: its jobs will say so
            return ""
        lacks = sorted(ways - pairs)
        return "; ".join(f"{translator.title} has no way from {s} into {t}" for s, t in lacks)

    def _add(self, plan: Plan, name: str, *, seed: int, size: str) -> None:
        way, _, kind = name.partition(", ")
        row = ROWS[kind]
        for target in self.targets if row.per_target else (None,):
            if why := self._untranslated(row, target):
                plan.gap(Gap(name, target or "", why))
                continue
            at = Place(self, plan, "prompt" if way == "prompt" else "model", size, seed, target)
            config = row.make(at)
            run = at.job(name, config)
            scored = BestValidation if self.split == "validation" else Evaluation
            evaluation = scored(
                run_folder=run,
                benchmark=self.benchmark,
                languages=(SOURCE, target) if target else self.languages,
                validation_limit=self.validation_limit,
                limit=self.limit,
                settings=row.settings,
                translator=at.translator if row.translates == "test" else None,
            )
            folder = at.job(f"{name} scores", evaluation)
            note = row.note(at)
            plan.row(Row(name, folder.name, size, seed=seed, target=target, note=note))


@dataclass(frozen=True)
class Place:
    """Where in the grid a row is made: its way of tuning, size, seed and target language."""

    study: Rows
    plan: Plan
    way: Way
    size: str
    seed: int
    target: str | None

    @property
    def run(self) -> Adaptation:
        """The plain run: this way of tuning this model with this seed."""
        run = self.study.prompt if self.way == "prompt" else self.study.model
        training = replace(run.training, seed=self.seed)
        sizes = self.study.sizes | self.study.plain_sizes
        return replace(run, model=sizes[self.size][self.way], training=training)

    @property
    def languages(self) -> tuple[str, ...]:
        """All languages of the benchmark, whichever are scored."""
        return BENCHMARKS[self.study.benchmark].languages

    @property
    def translator(self) -> Translator:
        """The system between English and the target."""
        return self.study.translators[self.target or ""]

    def job(self, label: str, config: RunConfig) -> Path:
        """Add a job whose label says where it stands."""
        target = f" {self.target}" if self.target else ""
        return self.plan.job(f"{label}{target} {self.size} s{self.seed}", config)

    def text(self, tuning: TextTuning) -> TextTuning:
        """Return tuning on text for this model and seed."""
        training = replace(tuning.training, seed=self.seed)
        return replace(tuning, model=self.run.model, training=training)


def _intermediate_text(at: Place) -> Adaptation:
    """IT-LM: tuned as a language model of the target language first."""
    assert at.target is not None
    tuning = at.text(at.study.intermediate)
    own, training = at.run.training, tuning.training
    training = replace(training, optimizer=own.optimizer, schedule=own.schedule)
    tuning = replace(
        tuning,
        languages=(at.target,),
        tasks=(LM(),),
        method=at.run.method,
        training=training,
    )
    return continued(at.run, at.job(f"{at.way} lm", tuning) / "export")


def _intermediate_labels(at: Place) -> Adaptation:
    """IT: tuned on other English labels first."""
    first = replace(at.run, train=at.study.labels)
    return continued(at.run, at.job(f"{at.way} labels", first) / "export")


def _labels_note(at: Place) -> str:
    labels = at.study.labels
    codes = labels.languages or filter(None, [labels.language])
    names = " and ".join(KNOWN[language_code(code)].name for code in codes)
    return f"tuned first on {f'the {names} of ' if names else ''}{Path(labels.source).name}"


def _factorized(at: Place) -> Adaptation:
    """FP: a bank of halves first, then the task half of summarization."""
    method = halves(at.run, at.languages)
    bank = at.job("bank", replace(at.text(at.study.bank), method=method))
    return factorized(at.run, method, file=bank / "export" / "bank.safetensors")


def _trans_train(at: Place) -> Adaptation:
    """TRANS-TRAIN: tuned on the labels translated into the target."""
    assert at.target is not None
    labels = Translation(data=at.run.train, target=at.target, translator=at.translator)
    folder = at.plan.job(f"labels {at.target}", labels)  # of every seed and size
    return translated(at.run, folder / "examples.jsonl", language=at.target)


@dataclass(frozen=True)
class RowKind:
    """How a row is made, for which ways of tuning, and with which settings it generates.

    `translates` says where a translator is needed, for the training labels or at test time. `note` is what a
    reader of the tables must know of the row in this study.
    """

    make: Callable[[Place], Adaptation]
    per_target: bool = False
    ways: tuple[Way, ...] = ("prompt", "model")
    settings: tuple[str, ...] = ()
    translates: Literal["train", "test"] | None = None
    note: Callable[[Place], str] = lambda at: ""


def _translator_note(at: Place) -> str:
    return f"translated by {at.translator.title}"


def _of(target: str | None) -> tuple[str, ...]:
    assert target is not None
    return (target,)


ROWS: dict[str, RowKind] = {
    "": RowKind(lambda at: at.run),
    "trans-test": RowKind(
        lambda at: at.run, per_target=True, translates="test", note=_translator_note
    ),
    "trans-train": RowKind(
        _trans_train, per_target=True, translates="train", note=_translator_note
    ),
    "sup": RowKind(lambda at: supervised(at.run, _of(at.target)), per_target=True),
    "sup-all": RowKind(lambda at: supervised(at.run, at.languages)),
    "mix-unsup": RowKind(lambda at: mixed(at.run, _of(at.target)), per_target=True),
    "mix-unsup-all": RowKind(lambda at: mixed(at.run)),
    "it-lm": RowKind(_intermediate_text, per_target=True),
    "it-gigaword": RowKind(_intermediate_labels, note=_labels_note),
    "fp": RowKind(_factorized, ways=("prompt",)),
    "fp-en": RowKind(_factorized, ways=("prompt",), settings=("method.swap=false",)),
    **{
        f"l={n}": RowKind(lambda at, n=n: lengthened(at.run, n), ways=("prompt",))  # type: ignore[misc]
        for n in (1, 10, 100, 1000)
    },
    **{
        f"kappa={n}": RowKind(lambda at, n=n: mixed(at.run, kappa=float(n)))  # type: ignore[misc]
        for n in (1, 5, 10, 30, 50)
    },
}
