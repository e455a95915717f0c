"""The paper's grid, at its own scale and at one that two cores do in a night."""

from dataclasses import replace

from xlgen.recipes import howto
from xlgen.recipes import paper as published
from xlgen.recipes import understanding as tuned
from xlgen.recipes.text_tuning import TextTuning, bank
from xlgen.reports.published import printed_cells, published_languages, published_sizes
from xlgen.run import Adaptation, Data
from xlgen.studies.rows import PLAIN, ROWS, Rows
from xlgen.training.schedules import Cosine
from xlgen.translation.apertium import Apertium

STEPS = 200
TARGETS = ("fr", "ru", "vi", "ko")


def night() -> Rows:
    """Every row of the paper on howto0 with the packaged models, sized for a night on two cores.

    Its target languages are the paper's French, Russian and Vietnamese, and in the place of Thai, of which
    howto0 has none, Korean: another script, and 457 labels for SUP. (Vietnamese has 13.)
    """
    prompt, model = _shortened(howto.prompt(), peak=0.1), _shortened(howto.model(), peak=5e-3)
    text = TextTuning(limits=prompt.limits, training=prompt.training)
    training = replace(
        prompt.training,
        steps=3 * STEPS,
        validate_every=STEPS,
        checkpoint_every=STEPS,
        schedule=Cosine(peak=0.1, warm_up=20, steps=3 * STEPS),
    )
    return Rows(
        rows=("lead-32", "lead-64", "lead-128", "lead-256", *ways()),
        sizes={"nano": {"prompt": "nano", "model": "nano"}},
        plain_sizes={"pico": {"prompt": "pico", "model": "pico"}},
        targets=TARGETS,
        prompt=prompt,
        model=model,
        bank=replace(bank(), limits=prompt.limits, training=training),
        intermediate=text,
        labels=Data(source="howto0-short", split="train", languages=("en",)),
        translators={"fr": Apertium()},  # of the targets, the only one that it has
        validation_limit=16,
        limit=50,
    )


def paper() -> Rows:
    """The paper's Tables 8, 10 and 11: set `sizes` to folders of mT5, plain and LM-adapted, and the data."""
    return Rows(
        rows=("lead-64", *ways()),
        sizes={
            size: {"prompt": f"mt5-{size}-lm", "model": f"mt5-{size}"}
            for size in ("small", "base", "large", "xl", "xxl")
        },
        targets=("fr", "ru", "vi", "th"),
        prompt=published.prompt(),
        model=published.model(),
        bank=published.bank(),
        intermediate=published.prompt_lm(),
        labels=Data(source="gigaword", split="train", languages=("en",)),
        benchmark=published.LABELS,
    )


def table_2() -> Rows:
    """The paper's Table 2: XNLI, learnt from MultiNLI in English."""
    return _understanding("2", "xnli", learnt=(tuned.prompt_xnli(), tuned.model_xnli()))


def table_3() -> Rows:
    """The paper's Table 3: XQuAD, learnt from SQuAD."""
    return _understanding("3", "xquad", learnt=(tuned.prompt_squad(), tuned.model_squad()))


def table_4() -> Rows:
    """The paper's Table 4: MLQA, learnt from SQuAD."""
    return _understanding("4", "mlqa", learnt=(tuned.prompt_squad(), tuned.model_squad()))


def table_5() -> Rows:
    """The paper's Table 5: TyDiQA-GoldP, learnt from its English questions."""
    return _understanding("5", "tydiqa", learnt=(tuned.prompt_tydiqa(), tuned.model_tydiqa()))


def table_6() -> Rows:
    """The paper's Table 6: PAWS-X, learnt from PAWS in English."""
    return _understanding("6", "pawsx", learnt=(tuned.prompt_pawsx(), tuned.model_pawsx()))


def table_7() -> Rows:
    """The paper's Table 7: named entities of WikiANN, learnt in English."""
    return _understanding("7", "wikiann", learnt=(tuned.prompt_wikiann(), tuned.model_wikiann()))


def _understanding(table: str, benchmark: str, *, learnt: tuple[Adaptation, Adaptation]) -> Rows:
    """Return both ways at the sizes a table prints: the best validation score of each language."""
    sizes = paper().sizes
    return Rows(
        rows=PLAIN,
        sizes={size: sizes[size] for size in published_sizes("prompt", table=table)},
        prompt=learnt[0],
        model=learnt[1],
        benchmark=benchmark,
        validation_limit=None,
        printed=table,
        split="validation",
    )


def table_8() -> Rows:
    """The paper's Table 8: both methods at five sizes, in all languages."""
    return replace(paper(), rows=PLAIN, printed="8")


def table_10() -> Rows:
    """The paper's Table 10 (and Figures 2 and 4): sizes, prompt lengths, baselines, supervision."""
    return _printed("10")


def table_11() -> Rows:
    """The paper's Table 11 (and Figure 6): what was tried against forgetting."""
    return _printed("11")


def _printed(table: str) -> Rows:
    languages = published_languages(table)
    rows = dict.fromkeys(cell.row for cell in printed_cells() if cell.table == table)
    return replace(paper(), rows=tuple(rows), languages=languages, printed=table)


def kappas() -> Rows:
    """The sweep of the mixing rate (footnote 17), as `night` is."""
    rows = tuple(row for row in ways(rate=True) if row in PLAIN or "kappa" in row)
    return replace(night(), rows=rows, plain_sizes={})


def ways(*, rate: bool = False) -> tuple[str, ...]:
    """Return every row that a way of tuning has, the plain ones first; with `rate` those of kappa too."""
    rows = {row: kind for row, kind in ROWS.items() if rate or not row.startswith("kappa=")}
    return tuple(f"{way}, {row}" if row else way for row, kind in rows.items() for way in kind.ways)


def _shortened(run: Adaptation, *, peak: float) -> Adaptation:
    every = STEPS // 4
    return howto.shortened(
        run, steps=STEPS, batch_size=8, peak=peak, every=every, watched=8, inputs=256
    )
