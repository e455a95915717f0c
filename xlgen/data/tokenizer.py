"""Text <-> token ids with a SentencePiece file: mT5's own spiece.model, or one of its shape.

Text is only ever text: a string that spells `</s>` or `<extra_id_0>` never becomes a special id.
"""

import hashlib
import importlib.resources
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from xlgen.errors import InputError
from xlgen.files import write_json

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

PAD, EOS, UNK = 0, 1, 2  # T5's and mT5's ids; the model's pad and start-of-decoding id is 0

# A piece in the file is `name, 0x15 score (4 bytes), 0x18 type`; type 4 (user-defined) is matched
# in running text, type 3 (control) never is. mT5 spells its sentinels with and without "▁".
_USER_DEFINED_SENTINEL = re.compile(rb"(<extra_id_\d+>\x15.{4}\x18)\x04", re.DOTALL)
_SENTINEL_NAME = re.compile("(?:▁)?<extra_id_[0-9]+>".encode())
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3  # top-level fields of sentencepiece_model.proto


class PieceSplitter:
    """Any SentencePiece model, whatever its special ids: what SP-ROUGE needs.

    Raises `InputError` for a file that is missing, truncated or not SentencePiece.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._data = _read_model(self.path)
        self.sha256 = hashlib.sha256(self._data).hexdigest()
        self._processor = _load(_USER_DEFINED_SENTINEL.sub(b"\\1\x03", self._data), self.path)
        self.unk = int(self._processor.unk_id())

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, without </s>; never a special id or a sentinel's."""
        try:  # not encode_batch([text]): its thread pool costs 15 times the encoding of a line
            return self._processor.encode(text.encode())
        except UnicodeEncodeError as error:
            raise InputError(surrogate_message(error)) from error

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return `encode` of each text, in order; several threads, the same ids."""
        try:
            return self._processor.encode([text.encode() for text in texts])
        except UnicodeEncodeError as error:
            raise InputError(surrogate_message(error)) from error

    def pieces(self, text: str) -> list[str]:
        """Return the pieces of `text` as strings: the words that SP-ROUGE counts."""
        try:
            return self._processor.encode(text.encode(), out_type=str)
        except UnicodeEncodeError as error:
            raise InputError(surrogate_message(error)) from error

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of ids that `encode` gave."""
        return str(self._processor.decode(list(tokens)))

    def normalize(self, text: str) -> str:
        """Return `text` as the model's own rules rewrite it: all that `decode` can give back."""
        try:
            written = self._processor.normalize(text.encode()).decode()
        except UnicodeEncodeError as error:
            raise InputError(surrogate_message(error)) from error
        return written.replace("▁", " ")[written.startswith("▁") and self._adds_space :]

    @cached_property
    def size(self) -> int:
        """How many pieces the file has, special ones included."""
        return int(self._processor.get_piece_size())

    @cached_property
    def byte_ids(self) -> frozenset[int]:
        """The ids of single bytes, which spell characters that no piece has; empty without any."""
        count = int(self._processor.get_piece_size())
        return frozenset(i for i in range(count) if self._processor.is_byte(i))

    @cached_property
    def _adds_space(self) -> bool:
        return bool(self._processor.normalize("x").startswith("▁"))


class Tokenizer(PieceSplitter):
    """A SentencePiece model with T5's special ids: pad 0, eos 1, unk 2, sentinels at the top.

    mT5's file has its sentinels; T5's and FLAN-T5's has none, they are `extra_ids` above its pieces.
    Raises `InputError` also for a file that has other ids.
    A model without sentinels works; only `sentinel` is refused then.
    """

    pad, eos = PAD, EOS

    def __init__(self, path: str | Path, *, extra_ids: int = 0) -> None:
        super().__init__(path)
        self._check_special_ids()
        self.sentinels = _sentinel_ids(self._processor, self._data, self.path)
        if extra_ids and self.sentinels:
            raise InputError(
                f"{self.path}: has {len(self.sentinels)} sentinels, and is asked for {extra_ids} more "
                "(extra_ids); set them to 0 in tokenizer_config.json"
            )
        self.extra_ids = extra_ids
        if extra_ids:
            self.sentinels = list(range(self.size - 1, self.size - 1 - extra_ids, -1))

    @cached_property
    def size(self) -> int:
        """How many ids there are: the file's pieces and the extra ids."""
        return int(self._processor.get_piece_size()) + self.extra_ids

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of `tokens`; pad and eos vanish, sentinels show, ids past `size` are unk.

        Models have more rows than pieces (mT5: 250,112 and 250,100), so such ids can be generated.
        """
        ids = [token if token < self.size else UNK for token in map(int, tokens)]
        if self.extra_ids and max(ids, default=0) >= self.size - self.extra_ids:
            return self._decode_extra(ids)
        shows_sentinel = not self._sentinel_set.isdisjoint(ids)
        processor = self._showing_sentinels if shows_sentinel else self._processor
        return str(processor.decode(ids))

    def _decode_extra(self, ids: list[int]) -> str:
        """Return the text of ids of which some are above the file's pieces."""
        parts: list[str] = []
        for is_extra, run in groupby(ids, key=lambda token: token >= self.size - self.extra_ids):
            if is_extra:
                parts += [f"<extra_id_{self.size - 1 - token}>" for token in run]
            else:
                parts.append(str(self._processor.decode(list(run))))
        return " ".join(filter(None, parts))

    def sentinel(self, k: int) -> int:
        """Return the id of sentinel `<extra_id_k>`: k = 0 is the highest, then descending."""
        if 0 <= k < len(self.sentinels):
            return self.sentinels[k]
        raise InputError(
            f"{self.path}: expected a sentinel <extra_id_{k}>, the file has {len(self.sentinels)};"
            " use one with T5's 100 sentinels: mT5's, or what `xlgen train pretrain.tokenizer` makes"
        )

    @cached_property
    def text_ids(self) -> tuple[int, ...]:
        """The ids that running text may have: none of pad, eos, unk and the sentinels; ascending."""
        return tuple(i for i in range(UNK + 1, self.size) if i not in self._sentinel_set)

    @cached_property
    def text_pieces(self) -> dict[int, str]:
        """The pieces of running text by id, a "▁" where a word begins; a byte is no piece of text."""
        processor = self._processor
        return {i: processor.id_to_piece(i) for i in self.text_ids if not processor.is_byte(i)}

    def save(self, folder: Path) -> None:
        """Put the file into a model's folder, and beside it what transformers wants to know of it."""
        shutil.copyfile(self.path, folder / "spiece.model")
        settings = {
            "tokenizer_class": "T5Tokenizer",
            "extra_ids": self.extra_ids,
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
        }
        write_json(folder / "tokenizer_config.json", settings)

    @cached_property
    def _sentinel_set(self) -> frozenset[int]:
        return frozenset(self.sentinels)

    @cached_property
    def _showing_sentinels(self) -> "SentencePieceProcessor":
        return _load(self._data, self.path)

    def _check_special_ids(self) -> None:
        """Raise `InputError` unless the ids are T5's; every T5-family model has them."""
        processor = self._processor
        for name, expected, found in (
            ("pad", PAD, processor.pad_id()),
            ("eos", EOS, processor.eos_id()),
            ("unk", UNK, processor.unk_id()),
        ):
            if found != expected:
                came = "none" if found < 0 else str(found)
                raise InputError(
                    f"{self.path}: expected {name} id {expected}, found {came};"
                    " use the tokenizer the model was trained with (T5 family: pad 0, eos 1, unk 2)"
                )


@cache
def packaged_tokenizer() -> Tokenizer:
    """Return the tokenizer that ships with XLGen."""
    folder = importlib.resources.files("xlgen") / "assets" / "tokenizer"
    with importlib.resources.as_file(folder / "spiece.model") as path:
        return Tokenizer(path)


def _read_model(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: expected a SentencePiece model, cannot read it ({error.strerror});"
            " name the spiece.model file"
        ) from error
    try:
        missing = {_PIECES, _TRAINER, _NORMALIZER} - set(_top_level_fields(data))
    except (IndexError, ValueError):
        missing = {_PIECES}
    if missing:
        raise _not_a_model(path, data)
    return data


def _not_a_model(path: Path, data: bytes) -> InputError:
    return InputError(
        f"{path}: expected a SentencePiece model, got {len(data):,} bytes that are truncated or"
        " another format; copy the file again (a Git LFS pointer has to be fetched first)"
    )


def _top_level_fields(data: bytes) -> Iterator[int]:
    """Yield the field numbers of a protocol buffer.

    SentencePiece itself loads a file that was cut between two pieces, and then encodes differently.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 != 2:  # every field of a SentencePiece model is length-delimited
            raise ValueError("not a SentencePiece model")
        length, at = _varint(data, at)
        at += length
        yield key >> 3


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def _load(data: bytes, path: Path) -> "SentencePieceProcessor":
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(data)
    except (RuntimeError, OSError) as error:
        raise _not_a_model(path, data) from error
    return processor


def _sentinel_ids(processor: "SentencePieceProcessor", data: bytes, path: Path) -> list[int]:
    """Return the sentinels' ids by their number; they must descend by one, as in T5."""
    by_number: dict[int, int] = {}
    for name in {match[0].decode() for match in _SENTINEL_NAME.finditer(data)}:
        token = processor.piece_to_id(name)
        if token != UNK:  # the training settings at the file's end may name what is no piece
            by_number[int(name.rpartition("_")[2][:-1])] = token
    ids = [by_number[number] for number in sorted(by_number)]
    highest = ids[0] if ids else 0
    if set(by_number) != set(range(len(ids))) or ids != list(
        range(highest, highest - len(ids), -1)
    ):
        raise InputError(
            f"{path}: expected sentinels <extra_id_0>, <extra_id_1>, ... on descending ids, found"
            f" <extra_id_0> on {by_number.get(0)} of {len(ids)} in all; build the file as mT5's is, or"
            " train one with `xlgen train pretrain.tokenizer`"
        )
    return ids


def surrogate_message(error: UnicodeEncodeError) -> str:
    """Say where a text is no Unicode text."""
    return (
        f"expected Unicode text, got a lone surrogate U+{ord(error.object[error.start]):04X}"
        f" at character {error.start}; remove it or repair the encoding of the source"
    )
