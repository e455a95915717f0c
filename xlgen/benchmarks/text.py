"""Unlabeled text without anything that is held out: of the packaged data, or a folder of the user's."""

from collections.abc import Sequence
from pathlib import Path

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.held_out import HeldOutParagraphs
from xlgen.data.shards import Shard, ShardedText, make_shards, shard_of
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.registry import near_names
from xlgen.sources.readers import read_examples

HELD_OUT = 0.005  # of a corpus's documents, for the losses of pretraining


def corpus_text(corpus: Path, tokenizer: Tokenizer, *, held_out: float = HELD_OUT) -> ShardedText:
    """Return a folder of `<language>.txt` as tokens, encoded now if it was not."""
    folder = make_shards(corpus, tokenizer, held_out=held_out, left_out=HeldOutParagraphs())
    return ShardedText(folder, tokenizer)


def unlabeled_text(
    source: str, tokenizer: Tokenizer, *, languages: Sequence[str] | None = None
) -> dict[str, Shard]:
    """Return text by language: a benchmark's training inputs, or a folder's documents.

    Raises `InputError` for a source that is neither, or a language it has no text in.
    """
    if source in BENCHMARKS:
        examples = read_examples(BENCHMARKS[source].source, split="train")
        documents: dict[str, list[str]] = {}
        for example in examples:
            documents.setdefault(example.language, []).append(example.input)
        has = list(documents)
        found = {
            language: shard_of(documents[language], tokenizer)
            for language in languages or has
            if language in documents
        }
    elif Path(source).is_dir():
        text = corpus_text(Path(source), tokenizer)
        has = text.languages
        found = {language: text.train[language] for language in languages or has if language in has}
    else:
        raise InputError(
            f"mix.text: {source!r} is no folder of <language>.txt, nor a benchmark; "
            f"{near_names(source, list(BENCHMARKS))}"
        )
    for language in languages or has:
        if language not in found:
            raise InputError(
                f"mix.languages: {source} has no text to train on in {language!r}, only in "
                f"{', '.join(has)}; set mix.text to a folder with {language}.txt"
            )
    return found
