"""XNLI and PAWS-X: two sentences and a class, from the tab-separated and JSON files of their publishers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlgen.registry import near_names
from xlgen.sources import published
from xlgen.sources.forms import inference, paraphrase
from xlgen.sources.official import Oddities, OfficialFiles
from xlgen.sources.rows import BadRow, Row, jsonl_rows, tsv_rows

CLASSES = ("entailment", "neutral", "contradiction")  # the numbers that multilingual-T5 writes
LABELS = ("different_meaning", "paraphrase")  # of PAWS-X, 0 and 1


@dataclass(frozen=True)
class Inference(OfficialFiles):
    """XNLI's development and test sets; to train on, MultiNLI in English."""

    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a pair of sentences a row; pairs without a class are left out, counted and told."""
        odd = Oddities(path)
        is_train = split == "train"
        for row in (jsonl_rows if is_train else tsv_rows)(path):
            reason = "" if isinstance(row, BadRow) else self._wrong(row, language)
            if isinstance(row, BadRow) or reason:
                yield row if isinstance(row, BadRow) else BadRow(row.file, row.number, reason)
                continue
            values = row.values
            label = values["gold_label"]
            if (
                label == "-"
            ):  # MultiNLI: the annotators did not agree; multilingual-T5's loader drops it too
                odd.note("a pair without a class, left out", row.number)
                continue
            pair = str(row.number if is_train else values.get("pairID") or row.number)
            yield Row(row.file, row.number, {
                "id": pair,
                "language": language or values["language"],
                "input": inference(values["sentence1"], values["sentence2"]),
                "target": str(CLASSES.index(label)),
                "document": f"{self.name}/{split}/{pair}",
                **_facts(self.name),
            })  # fmt: skip
        odd.tell()

    def _wrong(self, row: Row, language: str) -> str:
        reason = _lacks(
            row, *(() if language else ("language",)), "gold_label", "sentence1", "sentence2"
        )
        if reason:
            return reason
        label, spoken = row.values["gold_label"], language or row.values["language"]
        if label not in (*CLASSES, "-"):
            return f"expected gold_label {', '.join(CLASSES)}, got {label!r:.40}; correct it"
        if spoken not in self.languages:
            near = near_names(spoken, list(self.languages))
            return f"expected a language of {self.name}, got {spoken!r:.40}: {near}"
        return ""


@dataclass(frozen=True)
class Paraphrases(OfficialFiles):
    """PAWS-X: whether two sentences of the same words mean the same."""

    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a pair of sentences a row; what has neither label is left out, counted and told."""
        odd = Oddities(path)
        for row in tsv_rows(path):
            reason = (
                ""
                if isinstance(row, BadRow)
                else _lacks(row, "id", "sentence1", "sentence2", "label")
            )
            if isinstance(row, BadRow) or reason:
                yield row if isinstance(row, BadRow) else BadRow(row.file, row.number, reason)
                continue
            values = row.values
            if values["label"] not in (
                "0",
                "1",
            ):  # multilingual-T5's loader leaves them out as well
                odd.note("a label that is neither 0 nor 1, left out", row.number)
                continue
            yield Row(row.file, row.number, {
                "id": values["id"],
                "language": language,
                "input": paraphrase(values["sentence1"], values["sentence2"]),
                "target": LABELS[int(values["label"])],
                "document": f"{self.name}/{split}/{values['id']}",
                **_facts(self.name),
            })  # fmt: skip
        odd.tell()


def _facts(name: str) -> dict[str, str]:
    return {"task": "text_to_text", "source": name}


def _lacks(row: Row, *columns: str) -> str:
    """Say which column a row lacks, or what in it is no text; empty if all is well."""
    for column in columns:
        if column not in row.values:
            near = near_names(column, list(row.values)[:20])
            return f"expected a column {column!r}: {near}; is it the official file?"
        if not isinstance(row.values[column], str):
            return f"expected text in {column!r}, got {row.values[column]!r:.40}; is it the official file?"
    return ""


XNLI = Inference(
    published=published.XNLI,
    description="XNLI: does a sentence follow from another? 15 languages; trained on MultiNLI",
    languages=(
        "en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
    ),
    files={
        "train": "multinli_1.0_train.jsonl",
        "validation": "xnli.dev.tsv",
        "test": "xnli.test.tsv",
    },
)  # fmt: skip

PAWSX = Paraphrases(
    published=published.PAWSX,
    description="PAWS-X: do two sentences of the same words mean the same? 7 languages",
    languages=("en", "de", "es", "fr", "ja", "ko", "zh"),
    files={
        "train": "{language}/train.tsv",
        "validation": "{language}/dev_2k.tsv",
        "test": "{language}/test_2k.tsv",
    },
)
