"""The paper's runs of Tables 2 to 7 (appendix A): understanding learnt from English labels, both ways.

The paper prints no settings of these. Steps, rates and checkpoints are those of its main runs (`paper.py`),
lengths those of multilingual-T5's fine-tuning (gin/sequence_lengths); docs/choices.md has the rest.
"""

from dataclasses import replace

from xlgen.generation.settings import BeamSettings
from xlgen.languages import SOURCE
from xlgen.recipes import paper
from xlgen.run import Adaptation, Data
from xlgen.tasks import Limits

WATCHED = 250  # examples a language whose loss is followed, as in section 2.2.2


def prompt_xnli() -> Adaptation:
    """PromptTuning on MultiNLI, for XNLI (Table 2)."""
    return _classes(paper.prompt(), "xnli")


def model_xnli() -> Adaptation:
    """ModelTuning on MultiNLI, for XNLI (Table 2)."""
    return _classes(paper.model(), "xnli")


def prompt_squad() -> Adaptation:
    """PromptTuning on SQuAD, for XQuAD and MLQA (Tables 3 and 4)."""
    return _answers(paper.prompt(), "squad")


def model_squad() -> Adaptation:
    """ModelTuning on SQuAD, for XQuAD and MLQA (Tables 3 and 4)."""
    return _answers(paper.model(), "squad")


def prompt_tydiqa() -> Adaptation:
    """PromptTuning on the English questions of TyDiQA-GoldP (Table 5)."""
    return _answers(paper.prompt(), "tydiqa")


def model_tydiqa() -> Adaptation:
    """ModelTuning on the English questions of TyDiQA-GoldP (Table 5)."""
    return _answers(paper.model(), "tydiqa")


def prompt_pawsx() -> Adaptation:
    """PromptTuning on PAWS in English, for PAWS-X (Table 6)."""
    return _classes(paper.prompt(), "pawsx")


def model_pawsx() -> Adaptation:
    """ModelTuning on PAWS in English, for PAWS-X (Table 6)."""
    return _classes(paper.model(), "pawsx")


def prompt_wikiann() -> Adaptation:
    """PromptTuning on English named entities, for WikiANN (Table 7)."""
    return _entities(paper.prompt())


def model_wikiann() -> Adaptation:
    """ModelTuning on English named entities, for WikiANN (Table 7)."""
    return _entities(paper.model())


def _classes(run: Adaptation, source: str) -> Adaptation:
    return _on(run, source, task="text_to_text", target=128)  # multilingual-T5: xnli.gin


def _answers(run: Adaptation, source: str) -> Adaptation:
    return _on(run, source, task="question_answering", target=512)  # multilingual-T5: xquad.gin


def _entities(run: Adaptation) -> Adaptation:
    return _on(run, "wikiann", task="text_to_text", target=1024)  # multilingual-T5: ner.gin


def _on(run: Adaptation, source: str, *, task: str, target: int) -> Adaptation:
    """Return a run of the paper on the English labels of a data set, whose published splits are kept."""
    return replace(
        run,
        task=task,
        train=Data(source=source, split="train", languages=(SOURCE,)),
        # ours: the losses that are followed are English; the other languages are scored (evaluation.py)
        validation=Data(source=source, split="validation", languages=(SOURCE,), limit=WATCHED),
        leaks="keep",
        limits=Limits(input=1024, target=target),
        # ours: greedy, as multilingual-T5 decodes when it is fine-tuned; beams are for longer texts
        decoding=BeamSettings(beams=1, max_length=target),
    )
