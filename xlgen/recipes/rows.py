"""The paper's rows as changes to a run: what a line of its tables adds to PromptTuning or ModelTuning."""

from dataclasses import replace
from pathlib import Path

from xlgen.errors import InputError
from xlgen.methods.factorized import FactorizedPrompts
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.run import Adaptation


def supervised(run: Adaptation, languages: tuple[str, ...]) -> Adaptation:
    """Return the run on the labels of `languages`: SUP with one, SUP-ALL with all (section 2.2.1)."""
    return replace(run, train=replace(run.train, languages=languages), select_on=languages)


def mixed(
    run: Adaptation, languages: tuple[str, ...] | None = None, *, kappa: float = 1.0
) -> Adaptation:
    """Return the run with `kappa` percent of text between: MIX-UNSUP in one language, else MIX-UNSUP-ALL.

    The default is the best of 1 to 50 by the paper's footnote 17.
    """
    return replace(run, mix=replace(run.mix, kappa=kappa, languages=languages))


def lengthened(run: Adaptation, length: int) -> Adaptation:
    """Return the PromptTuning run with so many prompt tokens (Figure 2c)."""
    return replace(run, method=replace(_prompt(run), length=length))


def continued(run: Adaptation, export: Path) -> Adaptation:
    """Return the run from what another one exported: intermediate tuning (appendix F)."""
    if isinstance(run.method, ModelTuning):
        return replace(run, model=str(export))
    return replace(run, method=replace(_prompt(run), init="file", file=export))


def halves(run: Adaptation, languages: tuple[str, ...]) -> FactorizedPrompts:
    """Return the method of a bank for the run: halves half as long as its prompt (section 3.1)."""
    return FactorizedPrompts(length=_prompt(run).length // 2, languages=languages)


def factorized(run: Adaptation, bank: FactorizedPrompts, *, file: Path | None) -> Adaptation:
    """Return the run with the task half alone tuned, behind the English half of the bank in `file`."""
    return replace(run, method=replace(bank, tasks=(run.task,), bank=file))


def translated(run: Adaptation, labels: Path, *, language: str) -> Adaptation:
    """Return the run on labels that were translated into a language: TRANS-TRAIN (section 2.2.1)."""
    return replace(
        run, train=replace(run.train, source=str(labels), split=None, languages=(language,))
    )


def _prompt(run: Adaptation) -> PromptTuning:
    if not isinstance(run.method, PromptTuning):
        raise InputError(f"expected a run with prompt-tuning, got {run.method.name}")
    return run.method
