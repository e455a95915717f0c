"""Unlabeled text without anything that is held out: of the packaged data, or a folder of the user's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.held_out import HeldOutParagraphs
from xlgen.data.shards import Shard, ShardedText, make_shards, shard_of
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.languages import language_code
from xlgen.registry import near_names
from xlgen.sources.readers import read_examples

HELD_OUT = 0.005  # of a corpus's documents, for the losses of pretraining


def corpus_text(
    corpus: Path,
    tokenizer: Tokenizer,
    *,
    held_out: float = HELD_OUT,
    code_of: Callable[[str], str] = language_code,
) -> ShardedText:
    """Return a folder of `<language>.txt` as tokens, encoded now if it was not."""
    left_out = HeldOutParagraphs()
    folder = make_shards(corpus, tokenizer, held_out=held_out, left_out=left_out, code_of=code_of)
    return ShardedText(folder, tokenizer)


def unlabeled_text(
    source: str,
    tokenizer: Tokenizer,
    *,
    languages: Sequence[str] | None = None,
    split: Literal["train", "held_out"] = "train",
    held_out: float = HELD_OUT,
    code_of: Callable[[str], str] = language_code,
) -> dict[str, Shard]:
    """Return text by language: a benchmark's inputs, or a folder's documents.

    What is held out of a benchmark is its validation split, of a folder a share of the documents; its files
    may be of the languages that `code_of` knows. Raises `InputError` for a source that is neither, or a
    language it has no text in.
    """
    if source in BENCHMARKS:
        found = _inputs(source, tokenizer, split=split)
    elif Path(source).is_dir():
        text = corpus_text(Path(source), tokenizer, held_out=held_out, code_of=code_of)
        found = text.train if split == "train" else text.held_out
    else:
        raise InputError(
            f"text: {source!r} is no folder of <language>.txt, nor a benchmark; "
            f"{near_names(source, list(BENCHMARKS))}"
        )
    for language in languages or ():
        if language not in found:
            raise InputError(
                f"languages: {source} has no text in {language!r} ({split}), only in "
                f"{', '.join(found)}; set text to a folder with {language}.txt"
            )
    return {language: found[language] for language in languages or found}


def _inputs(name: str, tokenizer: Tokenizer, *, split: str) -> dict[str, Shard]:
    part = "train" if split == "train" else "validation"
    documents: dict[str, list[str]] = {}
    for example in read_examples(BENCHMARKS[name].source, split=part):
        documents.setdefault(example.language, []).append(example.input)
    return {language: shard_of(texts, tokenizer) for language, texts in documents.items()}
