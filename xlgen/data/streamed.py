"""A stream of documents -> token shards on disk, as many as are asked for, and continued where it stopped.

Text of the web is larger than any disk for it: documents are encoded as they come and never stored. Beside
the tokens so far stands how many records have been read; that one integer is what continues.
"""

import hashlib
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from xlgen.data.shards import FORMAT, SPLITS, is_held_out, shard_path, token_type
from xlgen.data.tokenizer import Tokenizer
from xlgen.errors import InputError
from xlgen.files import read_object, replacing, write_json
from xlgen.progress import progress
from xlgen.sources.folder import LeftOut, without_paragraphs
from xlgen.sources.rows import BadRow

log = logging.getLogger(__name__)

BATCH = 1000  # records between two stores of the state, and encoded at once
KINDS = ("tokens", "starts")


class Stream(Protocol):
    """Documents of one language by number: a text, None for one left out, or what is wrong with a record."""

    @property
    def language(self) -> str: ...

    @property
    def facts(self) -> dict[str, Any]: ...

    def documents(self, start: int = 0) -> Iterator[str | BadRow | None]: ...


@dataclass(frozen=True)
class Encoded:
    """How far a language has come: records read, kept, left out by the filter, and bad ones."""

    language: str
    position: int
    kept: int
    left_out: int
    bad: int
    tokens: int
    is_all: bool

    def __str__(self) -> str:
        more = "all there is" if self.is_all else "more is there"
        return (
            f"{self.language}: {self.tokens:,} tokens of {self.kept:,} documents; read {self.position:,}"
            f" records, {self.left_out:,} left out by the filter, {self.bad:,} bad; {more}"
        )


def encode_stream(
    stream: Stream,
    folder: Path,
    *,
    tokenizer: Tokenizer,
    tokens: int | None = None,
    held_out: float = 0.005,
    left_out: LeftOut | None = None,
) -> Encoded:
    """Encode documents into the shards of `folder` until there are `tokens` of them (None: all).

    An interrupted call, and one for more tokens, goes on where the last one ended; the result is that of one
    call. Other settings, or other files than those read so far, begin anew. Bad records are left out,
    counted and warned of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "tokenizer": tokenizer.sha256,
        "held_out_share": held_out,
        "left_out": left_out.identity if left_out else None,
    }
    growing = Growing(folder, stream.language, token_type(tokenizer), settings | stream.facts)
    asked = float("inf") if tokens is None else tokens
    wants_more = growing.count("tokens") < asked and not growing.state["is_all"]
    if wants_more or growing.state_path.is_file():
        growing.open()
        records = stream.documents(growing.state["position"])
        with progress(records, f"Encoding {stream.language}") as bar:
            while growing.count("tokens") < asked:
                at_once = (
                    BATCH - growing.state["position"] % BATCH
                )  # the same batches in every call
                batch = list(itertools.islice(records, at_once))
                if not batch:
                    growing.state["is_all"] = True
                    break
                growing.add(batch, tokenizer, held_out=held_out, left_out=left_out)
                bar.advance(len(batch), note=f"{growing.count('tokens'):,} tokens")
        growing.publish()
    state = growing.state
    if state["held_out_paragraphs"]:
        log.warning(
            "%s: %d paragraphs of %s are left out: they are held out for testing",
            folder, state["held_out_paragraphs"], stream.language,
        )  # fmt: skip
    if state["bad"]:
        log.warning("%s: %s bad records are left out; %s", folder, state["bad"], state["first_bad"])
    return Encoded(
        stream.language, state["position"], growing.count("documents"), state["filtered"],
        state["bad"], growing.count("tokens"), state["is_all"],
    )  # fmt: skip


class Growing:
    """One language's tokens while they grow, with the state that continues them.

    The state is written after the tokens: what is longer than it says was not finished, and is cut off.
    """

    def __init__(self, folder: Path, language: str, dtype: type, facts: dict[str, Any]) -> None:
        self.folder, self.language = folder, language
        self.types = {"tokens": dtype, "starts": np.int64}
        self.manifest = folder / f"{language}.json"
        self.state_path = folder / f"{language}.growing"
        self.state = self._known(facts) or {
            "format": FORMAT, **facts, "position": 0, "filtered": 0, "bad": 0, "first_bad": "",
            "held_out_paragraphs": 0,
            "is_all": False, "text_sha256": "",
            **{split: {"characters": 0, "tokens": 0, "documents": 0} for split in SPLITS},
        }  # fmt: skip

    def _known(self, facts: dict[str, Any]) -> dict[str, Any] | None:
        """Return the state that an earlier call left, if it was of the same texts and settings."""
        path = self.state_path if self.state_path.is_file() else self.manifest
        if not path.is_file():
            return None
        state = read_object(path, remedy="delete it to encode anew")
        files, before = facts["files"], state.get("files", [])
        same = all(state.get(key) == value for key, value in facts.items() if key != "files")
        if not same or files[: len(before)] != before:
            log.warning("%s: was of other settings or files; encoding anew", path)
            self.state_path.unlink(missing_ok=True)
            return None
        is_all = bool(state.get("is_all")) and files == before
        return state | {"files": files, "is_all": is_all}

    def count(self, what: str) -> int:
        """Return how many tokens or documents there are, held out or not."""
        return sum(int(self.state[split][what]) for split in SPLITS)

    def open(self) -> None:
        """Bring the growing files to the state: those of an interruption cut, published ones copied."""
        resumed = self.state_path.is_file()
        for split in SPLITS:
            for kind, length in (("tokens", "tokens"), ("starts", "documents")):
                path, published = self._partial(split, kind), self._published(split, kind)
                size = self.state[split][length] * np.dtype(self.types[kind]).itemsize
                if not resumed:
                    array: np.ndarray = np.empty(0, self.types[kind])
                    if size:
                        array = np.load(published, mmap_mode="r", allow_pickle=False)
                    with path.open("wb") as file:
                        array.tofile(file)
                if not path.is_file() or path.stat().st_size < size:
                    raise InputError(
                        f"{path}: missing or cut off; delete {self.state_path} to encode anew"
                    )
                with path.open("r+b") as file:
                    file.truncate(size)
        write_json(self.state_path, self.state)

    def add(
        self,
        batch: list[str | BadRow | None],
        tokenizer: Tokenizer,
        *,
        held_out: float,
        left_out: LeftOut | None,
    ) -> None:
        """Append the documents of a batch of records, then store how far that is."""
        documents = [text for text in batch if isinstance(text, str)]
        bad = [row for row in batch if isinstance(row, BadRow)]
        state = self.state
        if left_out:
            parts = [without_paragraphs(text, left_out) for text in documents]
            documents = [text for text, _ in parts if text]
            state["held_out_paragraphs"] += sum(count for _, count in parts)
        for text in documents:  # a chain, so that a later call can go on with it
            chain = f"{state['text_sha256']}\n{text}".encode()
            state["text_sha256"] = hashlib.sha256(chain).hexdigest()
        encoded = tokenizer.encode_batch(documents)
        for split in SPLITS:
            wanted = split == SPLITS[1]
            chosen = [
                n for n, text in enumerate(documents) if is_held_out(text, held_out) == wanted
            ]
            self._append(split, [encoded[n] for n in chosen])
            state[split]["characters"] += sum(len(documents[n]) for n in chosen)
        state["position"] += len(batch)
        state["filtered"] += sum(text is None for text in batch)
        state["bad"] += len(bad)
        state["first_bad"] = state["first_bad"] or "".join(map(str, bad[:1]))
        write_json(self.state_path, state)

    def _append(self, split: str, encoded: list[list[int]]) -> None:
        lengths = np.array([len(tokens) for tokens in encoded], np.int64)
        starts = self.state[split]["tokens"] + np.cumsum(lengths) - lengths
        flat: np.ndarray = np.fromiter(
            itertools.chain.from_iterable(encoded), self.types["tokens"], sum(lengths)
        )
        for kind, array in (("tokens", flat), ("starts", starts)):
            with self._partial(split, kind).open("ab") as file:
                array.tofile(file)
        self.state[split]["tokens"] += len(flat)
        self.state[split]["documents"] += len(encoded)

    def publish(self) -> None:
        """Make the shards of what there is, and their manifest; then the growing files go."""
        self.manifest.unlink(missing_ok=True)
        for split in SPLITS:
            for kind in KINDS:
                partial, path = self._partial(split, kind), self._published(split, kind)
                array: np.ndarray = np.empty(0, self.types[kind])
                if partial.stat().st_size:
                    array = np.memmap(partial, self.types[kind], "r")
                with replacing(path) as new, new.open("wb") as file:
                    np.save(file, array, allow_pickle=False)
                with path.open("rb") as file:
                    self.state[split][f"{kind}_sha256"] = hashlib.file_digest(
                        file, "sha256"
                    ).hexdigest()
        write_json(self.manifest, self.state)
        for split in SPLITS:
            for kind in KINDS:
                self._partial(split, kind).unlink()
        self.state_path.unlink()

    def _partial(self, split: str, kind: str) -> Path:
        return self.folder / f"{self.language}.{split}.{kind}.growing"

    def _published(self, split: str, kind: str) -> Path:
        return shard_path(self.folder, self.language, split=split, kind=kind)
