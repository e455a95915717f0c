"""Text -> token shards on disk -> segments: what pretraining reads. No torch.

The text is a folder of `<language>.txt` (`sources/folder.py`). Its shards are one
array of token ids per language, documents one after another without separator (T5 concatenates them so,
too), and the documents' starts; a share of the documents, chosen by their hash, is held out.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.files import replacing, write_whole
from xlgen.languages import wikilingua_code
from xlgen.progress import progress
from xlgen.sources.folder import LeftOut, read_documents, text_files, without_paragraphs

log = logging.getLogger(__name__)

FORMAT = 1
SPLITS = ("train", "held_out")
DOCUMENTS_AT_ONCE = 2000
_GOLDEN = 0.6180339887498949  # its multiples spread evenly over an interval, however many


@dataclass(frozen=True)
class Shard:
    """Tokens [N] of one language and split, and where each document starts [M]."""

    tokens: np.ndarray
    starts: np.ndarray

    def segments(self, raw_length: int) -> int:
        """Return how many segments an epoch has, at any offset; 1 where the text is shorter."""
        return max(1, (len(self.tokens) - raw_length + 1) // raw_length)

    def segment(self, index: int, *, raw_length: int, epoch: int = 0) -> np.ndarray:
        """Return tokens [<= raw_length]; each epoch cuts at another offset, so borders move."""
        start = self._start(index, raw_length, epoch)
        return self.tokens[start : start + raw_length]

    def document_segment(self, index: int, *, raw_length: int, epoch: int = 0) -> np.ndarray:
        """Return the longest part of that segment that lies within one document."""
        start = self._start(index, raw_length, epoch)
        end = min(start + raw_length, len(self.tokens))
        first, last = np.searchsorted(self.starts, [start + 1, end])
        borders = np.array([start, *self.starts[first:last], end])
        longest = int(np.argmax(np.diff(borders)))
        return self.tokens[borders[longest] : borders[longest + 1]]

    def _start(self, index: int, raw_length: int, epoch: int) -> int:
        if not 0 <= index < self.segments(raw_length):
            raise IndexError(f"segment {index} of {self.segments(raw_length)}")
        offset = int(epoch * _GOLDEN % 1 * raw_length)
        return min(index * raw_length + offset, max(0, len(self.tokens) - raw_length))


def shard_of(documents: Sequence[str], tokenizer: Tokenizer) -> Shard:
    """Return documents as a shard in memory."""
    encoded = tokenizer.encode_batch(documents)
    lengths = np.array([len(tokens) for tokens in encoded], np.int64)
    tokens = np.array([token for tokens in encoded for token in tokens], np.int64)
    return Shard(tokens, np.cumsum(lengths) - lengths)


class ShardedText:
    """The shards of a folder, memory-mapped and verified against their manifests."""

    def __init__(self, folder: Path, tokenizer: Tokenizer) -> None:
        self.folder = folder
        self.manifests = {path.stem: _read_manifest(path) for path in sorted(folder.glob("*.json"))}
        if not self.manifests:
            raise InputError(
                f"{folder}: no token shards; make them from a folder of <language>.txt"
            )
        for language, manifest in self.manifests.items():
            if manifest["tokenizer"] != tokenizer.sha256:
                raise InputError(
                    f"{folder / language}.json: made with tokenizer {manifest['tokenizer'][:8]}, "
                    f"the run has {tokenizer.sha256[:8]}; make the shards again with that one"
                )
        self.refuse_little(least=2)

    @cached_property
    def languages(self) -> list[str]:
        """The languages, by code."""
        return list(self.manifests)

    @cached_property
    def train(self) -> dict[str, Shard]:
        """The shards to train on."""
        return {language: self._open(language, "train") for language in self.languages}

    def refuse_little(self, *, least: int) -> None:
        """Raise `InputError` for a language with fewer than `least` tokens to train on."""
        for language, tokens in self.counts("tokens").items():
            if tokens < least:
                raise InputError(
                    f"{self.folder}: {language} has {tokens:,} tokens of text, expected at least "
                    f"{least:,}; add text to {language}.txt or take the file away"
                )

    @cached_property
    def held_out(self) -> dict[str, Shard]:
        """The held-out shards of those languages that have any."""
        shards = {language: self._open(language, "held_out") for language in self.languages}
        return {language: shard for language, shard in shards.items() if len(shard.tokens) > 1}

    @cached_property
    def sha256(self) -> str:
        """A hash of what the tokens are: each language's text, how it was cut, and the tokenizer."""
        facts = {
            language: [m["tokenizer"], m["text_sha256"], m["held_out_share"], m["left_out"]]
            for language, m in self.manifests.items()
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def counts(self, what: str, split: str = "train") -> dict[str, int]:
        """Return "tokens", "documents" or "characters" of each language."""
        return {language: m[split][what] for language, m in self.manifests.items()}

    def _open(self, language: str, split: str) -> Shard:
        entry = self.manifests[language][split]
        for kind in ("tokens", "starts"):
            path = shard_path(self.folder, language, split=split, kind=kind)
            if not path.is_file() or _sha256(path) != entry[f"{kind}_sha256"]:
                raise InputError(f"{path}: missing or damaged; delete {language}.json to remake it")
        tokens, starts = (
            np.load(
                shard_path(self.folder, language, split=split, kind=kind),
                mmap_mode="r",
                allow_pickle=False,
            )
            for kind in ("tokens", "starts")
        )
        return Shard(tokens, starts)


def tokens_folder(corpus: Path, tokenizer: Tokenizer) -> Path:
    """Return where the shards of a corpus stand, in its folder: each tokenizer's in their own."""
    return corpus / f"tokens-{tokenizer.sha256[:8]}"


def make_shards(
    corpus: Path,
    tokenizer: Tokenizer,
    *,
    held_out: float = 0.005,
    left_out: LeftOut | None = None,
    code_of: Callable[[str], str] = wikilingua_code,
) -> Path:
    """Encode every `<language>.txt` of `corpus`; return the folder `tokens-<tokenizer's hash>` in it.

    A language that is there already, from the same text, is left alone: so an interrupted call continues.
    `held_out` is the share of documents kept for validation. Paragraphs in `left_out` are not encoded,
    with a warning that counts them. `code_of`: see `text_files`.
    """
    folder = tokens_folder(corpus, tokenizer)
    texts = text_files(corpus, code_of=code_of)
    for manifest in folder.glob("*.json"):
        if manifest.stem not in texts:  # a language whose text was taken away leaves
            manifest.unlink()
    for language, path in progress([*texts.items()], "Encoding text"):
        facts = {
            "format": FORMAT,
            "tokenizer": tokenizer.sha256,
            "held_out_share": held_out,
            "text_sha256": _sha256(path),
            "left_out": left_out.identity if left_out else None,
        }
        manifest = folder / f"{language}.json"
        known = _read_manifest(manifest) if manifest.is_file() else {}
        if any(known.get(key) != value for key, value in facts.items()):
            manifest.unlink(missing_ok=True)
            documents = read_documents(path)
            if left_out:
                documents = _without(left_out, documents, path)
            splits = _encode(documents, folder, language, tokenizer, held_out)
            write_whole(manifest, json.dumps({**facts, **splits}, indent=1) + "\n")
    return folder


def token_type(tokenizer: Tokenizer) -> type:
    """Return the smallest type that holds every id of a tokenizer."""
    return np.uint16 if tokenizer.size <= 2**16 else np.uint32


def is_held_out(document: str, share: float) -> bool:
    """Decide by the text alone, so that copies of a document go to the same side."""
    digest = hashlib.sha256(document.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _without(left_out: LeftOut, documents: Iterator[str], path: Path) -> Iterator[str]:
    """Yield the documents without the paragraphs of `left_out`; warn in the end."""
    removed = 0
    for document in documents:
        kept, gone = without_paragraphs(document, left_out)
        removed += gone
        if kept:
            yield kept
    if removed:
        log.warning("%s: %d paragraphs are left out: they are held out for testing", path, removed)


def _encode(
    texts: Iterator[str], folder: Path, language: str, tokenizer: Tokenizer, held_out: float
) -> dict[str, dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    dtype = token_type(tokenizer)
    arrays: dict[str, list[np.ndarray]] = {split: [np.empty(0, dtype)] for split in SPLITS}
    characters = dict.fromkeys(SPLITS, 0)
    for documents in _chunks(texts):
        for document, tokens in zip(documents, tokenizer.encode_batch(documents), strict=True):
            split = SPLITS[is_held_out(document, held_out)]
            arrays[split].append(np.array(tokens, dtype))
            characters[split] += len(document)
    return {
        split: {
            "characters": characters[split],
            **_save(folder, language, split, arrays[split][1:]),
        }
        for split in SPLITS
    }


def _chunks(documents: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for document in documents:
        chunk.append(document)
        if len(chunk) == DOCUMENTS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _save(folder: Path, language: str, split: str, arrays: list[np.ndarray]) -> dict[str, Any]:
    lengths = np.array([len(array) for array in arrays], np.int64)
    tokens = np.concatenate(arrays) if arrays else np.empty(0, np.uint16)
    facts: dict[str, Any] = {"tokens": len(tokens), "documents": len(arrays)}
    for kind, array in (("tokens", tokens), ("starts", np.cumsum(lengths) - lengths)):
        path = shard_path(folder, language, split=split, kind=kind)
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        facts[f"{kind}_sha256"] = _sha256(path)
    return facts


def shard_path(folder: Path, language: str, *, split: str, kind: str) -> Path:
    """Return where an array of a language and split stands: its "tokens", or documents' "starts"."""
    return folder / f"{language}.{split}.{kind}.npy"


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text("utf-8"))
        if manifest["format"] == FORMAT and all(split in manifest for split in SPLITS):
            return dict(manifest)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path}: not a manifest of token shards; delete it to make the shards again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
