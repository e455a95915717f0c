"""Any system's outputs -> a run folder that reports show beside ours; and the inputs it needs for that.

The references are the benchmark's own. Every output must be of one of its examples, and every example must
have one: what does not fit is refused, with file and line.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.base import Benchmark
from xlgen.benchmarks.evaluate import Predictions, System, evaluate
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.exchange import IMPORTS
from xlgen.exchange.base import parse_date
from xlgen.exchange.forms import Examples
from xlgen.files import check_writable, write_whole
from xlgen.metrics.predictions import Prediction

Outputs = dict[tuple[str, str], Prediction]  # by language and id


@dataclass(frozen=True)
class Provenance:
    """What is known of a system: its name, how it decoded, where its outputs are from, their licence."""

    system: str
    decoding: str | None = None
    source: str | None = None
    licence: str | None = None
    date: str | None = None

    def __post_init__(self) -> None:
        if not self.system.strip():
            raise InputError("--system: expected a name for the system, got an empty one")
        if self.date is not None:
            parse_date(self.date)

    def stamp(self) -> dict[str, Any]:
        """Return what scores.json says of the run; what is unknown is null."""
        return {
            "system": self.system,
            "decoding": self.decoding or "unknown",
            "source": self.source,
            "licences": None if self.licence is None else {self.system: self.licence},
            "date": self.date,
        }


@dataclass(frozen=True, eq=False)
class SplitExamples(Mapping[str, Sequence[Example]]):
    """A split's examples by language, read when first asked for: the user may have some files only."""

    benchmark: Benchmark
    split: str
    known: dict[str, list[Example]] = field(default_factory=dict)

    def read(self, languages: Sequence[str]) -> None:
        """Read what is asked for and not read yet, all at once."""
        if asked := [code for code in dict.fromkeys(languages) if code not in self.known]:
            self.known.update(self.benchmark.examples(self.split, languages=asked))

    def __getitem__(self, language: str) -> Sequence[Example]:
        if language not in self.benchmark.languages:
            raise KeyError(language)
        self.read([language])
        return self.known[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self.benchmark.languages)

    def __len__(self) -> int:
        return len(self.benchmark.languages)


@dataclass(frozen=True)
class Imported:
    """What became of the outputs. `left_out` were of known examples beyond the limit or the languages."""

    folder: Path
    scored: dict[str, int]
    left_out: int
    absent: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{sum(self.scored.values()):,} outputs scored in {', '.join(self.scored)}"]
        if self.left_out:
            parts.append(f"{self.left_out:,} left out (beyond --limit or --languages)")
        if self.absent:
            parts.append(f"none for {', '.join(self.absent)}")
        return f"{self.folder}: {'; '.join(parts)}"


def import_outputs(
    files: Sequence[Path],
    provenance: Provenance,
    *,
    form: str,
    benchmark: str,
    split: str,
    out: Path,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    spm: Path | None = None,
) -> Imported:
    """Score outputs into the run folder `out`, which must be new or of this system.

    Scored are `languages`, by default those that any output is in; of each the first `limit` documents. No
    other languages of the benchmark need to be here.
    """
    from xlgen.training.folder import RunFolder  # brings torch, which nothing else here needs

    chosen = BENCHMARKS[benchmark]
    examples = SplitExamples(chosen, split)
    examples.read(languages or ())
    outputs = read_outputs(files, examples, form=form, languages=languages)
    found = {language for language, _ in outputs}
    wanted = list(dict.fromkeys(languages or [code for code in chosen.languages if code in found]))
    limited = chosen.examples(split, languages=wanted, limit=limit)
    _refuse_missing(outputs, limited)

    def predict(asked: Sequence[Example]) -> list[str]:
        return [outputs[example.language, example.id].prediction for example in asked]

    stamp = provenance.stamp()
    opened = RunFolder(out)
    with opened.evaluating():
        told = {key: value for key, value in stamp.items() if key != "date"}
        opened.claim({"name": "imported", **told}, what=provenance.system)
        _refuse_others(out / "predictions" / f"{benchmark}-{split}.jsonl", stamp, limited, outputs)
        evaluate(
            System(provenance.system, stamp, predict),
            chosen,
            folder=out,
            tokenizer_path=spm,
            split=split,
            languages=wanted,
            limit=limit,
        )
    scored = {language: len(group) for language, group in limited.items()}
    absent = tuple(code for code in chosen.languages if code not in found)
    return Imported(out, scored, len(outputs) - sum(scored.values()), absent)


def read_outputs(
    files: Sequence[Path],
    examples: SplitExamples,
    *,
    form: str,
    languages: Sequence[str] | None = None,
) -> Outputs:
    """Read files of one form; refuse what is of no example, of another version of it, or comes twice.

    Of outputs in other languages of the benchmark than `languages` only the latter is looked at.
    """
    outputs: Outputs = {}
    read = IMPORTS[form]
    for output in (output for path in files for output in read(path, examples)):
        key = (output.language, output.id)
        if key in outputs:
            raise InputError(
                f"{output.place}: id {output.id[:80]!r} came in {output.language!r} already, at "
                f"{outputs[key].place}; keep one output per id and language"
            )
        outputs[key] = output
    if not outputs:
        raise InputError(f"{', '.join(map(str, files))}: expected outputs, got none")
    looked_at = set(languages or {language for language, _ in outputs}).intersection(
        examples.keys()
    )
    examples.read(sorted(looked_at))
    targets = {code: {e.id: e.target for e in examples[code]} for code in looked_at}
    left = set(examples) - looked_at
    for output in outputs.values():
        if output.language not in left:
            what = f"{examples.benchmark.name} {examples.split}"
            _refuse_unknown(output, targets.get(output.language, {}), what=what)
    return outputs


def _refuse_unknown(output: Prediction, targets: Mapping[str, str], *, what: str) -> None:
    if output.id not in targets:
        raise InputError(
            f"{output.place}: {what} has no example {output.id[:80]!r} in {output.language!r}; take "
            "the ids from `xlgen data write`, or remove the record"
        )
    target = targets[output.id]
    if output.reference not in (None, target):
        raise InputError(
            f"{output.place}: its reference {output.reference[:40]!r} is not that of {what}, "
            f"{target[:40]!r}; the output is of other data, or of another version"
        )


def _refuse_missing(outputs: Outputs, examples: Examples) -> None:
    for language, group in examples.items():
        missing = [e.id for e in group if (language, e.id) not in outputs]
        if missing:
            raise InputError(
                f"{len(missing):,} of {len(group):,} outputs in {language!r} are missing, the first for "
                f'{missing[0]!r}; add them ("" is an empty output), or choose other --languages or a --limit'
            )


def _refuse_others(path: Path, stamp: dict[str, Any], examples: Examples, outputs: Outputs) -> None:
    """Refuse to score outputs that were stored earlier in place of those that are given now."""
    kept = Predictions(path, stamp)
    for language, group in examples.items():
        for example in group:
            old = kept.records.get(language, {}).get(example.id, {}).get("prediction")
            if old not in (None, outputs[language, example.id].prediction):
                raise InputError(
                    f"{path}: holds another output of {stamp['system']!r} for {example.id!r} in "
                    f"{language!r}; choose another folder"
                )


def write_inputs(
    benchmark: str, out: Path, *, split: str, languages: Sequence[str] | None = None
) -> dict[str, int]:
    """Write the examples of a split as `<language>.jsonl`, in the benchmark's order; return how many.

    Fields that have their default are left out; every record has a target.
    """
    chosen: Benchmark = BENCHMARKS[benchmark]
    examples = chosen.examples(split, languages=list(languages or chosen.languages))
    texts = {out / f"{code}.jsonl": "".join(map(_line, group)) for code, group in examples.items()}
    for path in texts:
        check_writable(path)
    for path, text in texts.items():
        write_whole(path, text)
    return {code: len(group) for code, group in examples.items()}


def _line(example: Example) -> str:
    record = {
        field.name: value
        for field in sorted(fields(example), key=lambda field: field.name)
        if (value := getattr(example, field.name)) != field.default
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
