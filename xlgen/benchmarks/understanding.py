"""The paper's appendix A, Tables 2 to 7: understanding learnt from English labels (docs/understanding.md)."""

from xlgen.benchmarks.base import Benchmark
from xlgen.sources.entities import WIKIANN as WIKIANN_FILES
from xlgen.sources.official import OfficialFiles
from xlgen.sources.questions import MLQA as MLQA_FILES
from xlgen.sources.questions import TYDIQA as TYDIQA_FILES
from xlgen.sources.questions import XQUAD as XQUAD_FILES
from xlgen.sources.sentences import PAWSX as PAWSX_FILES
from xlgen.sources.sentences import XNLI as XNLI_FILES


def _of(files: OfficialFiles, *, task: str, metrics: tuple[str, ...], largest: int) -> Benchmark:
    return Benchmark(
        name=files.name,
        source=files.name,
        languages=files.languages,
        description=files.description,
        task=task,
        metrics=metrics,
        largest=largest,
    )


CLASSES, ANSWERS = "text_to_text", "question_answering"
XNLI = _of(XNLI_FILES, task=CLASSES, metrics=("accuracy",), largest=2_490)
XQUAD = _of(XQUAD_FILES, task=ANSWERS, metrics=("answer_f1", "answer_em"), largest=1_190)
MLQA = _of(MLQA_FILES, task=ANSWERS, metrics=("mlqa_f1", "mlqa_em"), largest=1_148)
TYDIQA = _of(TYDIQA_FILES, task=ANSWERS, metrics=("answer_f1", "answer_em"), largest=921)
PAWSX = _of(PAWSX_FILES, task=CLASSES, metrics=("accuracy",), largest=2_000)
WIKIANN = _of(WIKIANN_FILES, task=CLASSES, metrics=("span_f1",), largest=10_000)
