"""Unlabeled text without anything that is held out: of the packaged data, or a folder of the user's."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from xlgen.benchmarks import BENCHMARKS
from xlgen.benchmarks.held_out import HeldOutParagraphs
from xlgen.data.shards import Shard, ShardedText, make_shards, shard_of, tokens_folder
from xlgen.data.streamed import Encoded, encode_stream
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.languages import wikilingua_code
from xlgen.registry import near_names
from xlgen.sources.mc4 import Filter, shards_of, web_text
from xlgen.sources.published import MC4, place_of
from xlgen.sources.readers import read_examples

log = logging.getLogger(__name__)

HELD_OUT = 0.005  # of a corpus's documents, for the losses of pretraining


def corpus_text(
    corpus: Path,
    tokenizer: Tokenizer,
    *,
    held_out: float = HELD_OUT,
    code_of: Callable[[str], str] = wikilingua_code,
) -> ShardedText:
    """Return a folder of `<language>.txt` as tokens, encoded now if it was not.

    A folder of mC4's shards has to be encoded before (`encode_web`), for that may take days.
    """
    left_out = HeldOutParagraphs()
    if not any(corpus.glob("*.txt")) and (shards_of(corpus) or any(corpus.glob("tokens-*"))):
        text = _encoded_web(corpus, tokenizer, held_out=held_out, left_out=left_out)
        return _of_languages(text, code_of)
    folder = make_shards(corpus, tokenizer, held_out=held_out, left_out=left_out, code_of=code_of)
    return ShardedText(folder, tokenizer)


def _encoded_web(
    folder: Path, tokenizer: Tokenizer, *, held_out: float, left_out: HeldOutParagraphs
) -> ShardedText:
    tokens = tokens_folder(folder, tokenizer)
    again = f"`xlgen data encode {folder} --model MODEL` with the run's model"
    if not any(tokens.glob("*.json")):
        raise InputError(
            f"{folder}: not encoded for the tokenizer {tokenizer.sha256[:8]}; run {again}"
        )
    text = ShardedText(tokens, tokenizer)
    for language, manifest in text.manifests.items():
        path = tokens / f"{language}.json"
        if manifest["held_out_share"] != held_out:
            share = manifest["held_out_share"]
            raise InputError(
                f"{path}: holds {share:g} of the documents out, the run {held_out:g}; set held_out={share:g}"
                f", or run {again} and --held-out {held_out:g}"
            )
        if manifest["left_out"] != left_out.identity:
            raise InputError(
                f"{path}: made when other texts were held out for testing; run {again}"
            )
    return text


def _of_languages(text: ShardedText, code_of: Callable[[str], str]) -> ShardedText:
    """Return the text in the languages that `code_of` knows; warn of others, which mC4 may have."""
    for language in list(text.manifests):
        try:
            code_of(language)
        except InputError:
            log.warning("%s: not used, %s is none of the eighteen languages", text.folder, language)
            del text.manifests[language]
    return text


def encode_web(
    folder: Path,
    tokenizer: Tokenizer,
    *,
    languages: Sequence[str] | None = None,
    tokens: int | None = None,
    filter: Filter | None = None,
    held_out: float = HELD_OUT,
) -> list[Encoded]:
    """Encode mC4's shards in `folder` into token shards beside them: `tokens` of each language, or all."""
    MC4.refuse_missing(folder)
    streams = [
        web_text(folder, language, filter=filter or Filter())
        for language in languages or shards_of(folder) or ("en",)
    ]
    return [
        encode_stream(
            stream,
            tokens_folder(folder, tokenizer),
            tokenizer=tokenizer,
            tokens=tokens,
            held_out=held_out,
            left_out=HeldOutParagraphs(),
        )
        for stream in streams
    ]


def unlabeled_text(
    source: str,
    tokenizer: Tokenizer,
    *,
    languages: Sequence[str] | None = None,
    split: Literal["train", "held_out"] = "train",
    held_out: float = HELD_OUT,
    code_of: Callable[[str], str] = wikilingua_code,
) -> dict[str, Shard]:
    """Return text by language: a benchmark's inputs, or a folder's documents (`mc4` may lie in XLGEN_DATA).

    What is held out of a benchmark is its validation split, of a folder a share of the documents; its files
    may be of the languages that `code_of` knows. Raises `InputError` for a source that is neither, or a
    language it has no text in.
    """
    if source in BENCHMARKS:
        found = _inputs(source, tokenizer, split=split)
    elif text_folder(source).is_dir():
        text = corpus_text(text_folder(source), tokenizer, held_out=held_out, code_of=code_of)
        found = text.train if split == "train" else text.held_out
    else:
        if source.partition(":")[0] == MC4.name:
            MC4.refuse_missing(text_folder(source))
        raise InputError(
            f"text: {source!r} is no folder of <language>.txt, nor a benchmark; "
            f"{near_names(source, list(BENCHMARKS))}"
        )
    if languages is not None and not languages:
        raise InputError("languages: expected at least one, got none; leave it out for all")
    for language in languages or ():
        if language not in found:
            raise InputError(
                f"languages: {source} has no text in {language!r} ({split}), only in "
                f"{', '.join(found)}; set text to a folder with {language}.txt"
            )
    return {language: found[language] for language in languages or found}


def text_folder(source: str) -> Path:
    """Return the folder that a run's `text` names: where data sets lie, or as it stands."""
    is_mc4 = source.partition(":")[0] == MC4.name
    return place_of(source) if is_mc4 else Path(source)


def _inputs(name: str, tokenizer: Tokenizer, *, split: str) -> dict[str, Shard]:
    part = "train" if split == "train" else "validation"
    documents: dict[str, list[str]] = {}
    for example in read_examples(BENCHMARKS[name].source, split=part):
        documents.setdefault(example.language, []).append(example.input)
    return {language: shard_of(texts, tokenizer) for language, texts in documents.items()}
