"""The forms that other systems' outputs come in: our records, lm-eval's samples, plain lines.

Each yields `Prediction`s. Where a form says what the reference was, `reference` holds it, to be compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.files import reason
from xlgen.languages import language_code
from xlgen.metrics.predictions import Prediction, parse_prediction, read_predictions
from xlgen.registry import near_names
from xlgen.reports.read import read_lines

Examples = Mapping[str, Sequence[Example]]  # of a split, by language


def records(path: Path, examples: Examples) -> Iterator[Prediction]:
    """JSONL records {"id", "language", "prediction"}, as `xlgen generate` writes them."""
    yield from read_predictions(path)


def samples(path: Path, examples: Examples) -> Iterator[Prediction]:
    """JSONL of lm-evaluation-harness (`--log_samples`) over documents that have our id and language."""
    filters: dict[str, str] = {}
    try:
        for where, sample in read_lines(path):
            name = str(sample.get("filter"))
            first = filters.setdefault(name, where)
            if len(filters) > 1:
                raise InputError(
                    f"{where}: sample of filter {name!r} after one of {next(iter(filters))!r}; keep one "
                    f"filter's lines{'' if first == where else ' only'}"
                )
            yield _sample(sample, where)
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); check the path") from error


def _sample(sample: Mapping[str, Any], where: str) -> Prediction:
    document, outputs = sample.get("doc"), sample.get("filtered_resps")
    if not isinstance(document, dict) or not {"id", "language"} <= document.keys():
        raise InputError(
            f"{where}: expected a sample whose 'doc' has our 'id' and 'language'; run lm-eval on what "
            "`xlgen data write` wrote"
        )
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], str):
        raise InputError(
            f"{where}: expected one generated text in 'filtered_resps', got {outputs!r:.60}; import "
            "tasks of output_type generate_until, one repeat"
        )
    record = {key: document[key] for key in ("id", "language")} | {"prediction": outputs[0]}
    target = sample.get("target")
    return parse_prediction(record | ({} if target is None else {"reference": target}), where)


def lines(path: Path, examples: Examples) -> Iterator[Prediction]:
    """Text files `<language>.txt`: an output a line, in the order of `xlgen data write`'s inputs."""
    try:
        language = language_code(path.name.split(".")[0])
    except InputError as error:
        raise InputError(f"{path}: expected a file named <language>.txt ({error})") from error
    if language not in examples:
        near = near_names(language, list(examples))
        raise InputError(f"{path}: the benchmark has no language {language!r}: {near}")
    texts = _lines(path)
    wanted = len(examples[language])
    if len(texts) != wanted:
        raise InputError(
            f"{path}: expected {wanted:,} lines, one for each example, got {len(texts):,}; an empty "
            "line is an empty output, and a line break within one has to be a space"
        )
    for number, (text, example) in enumerate(zip(texts, examples[language], strict=True), start=1):
        record = {"id": example.id, "language": language, "prediction": text}
        yield parse_prediction(record, f"{path}:{number}")


def _lines(path: Path) -> list[str]:
    r"""Return the lines, which end in "\n" or "\r\n"."""
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); check the path") from error
    texts = []
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], start=1):
        try:
            texts.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}:{number}: expected UTF-8, got 0x{line[error.start]:02x}; convert the file"
            ) from None
    return texts
