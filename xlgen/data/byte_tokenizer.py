"""Text <-> token ids without a vocabulary: the bytes of UTF-8, as ByT5 reads them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from xlgen.data.tokenizer import UNK, Tokenizer, surrogate_message
from xlgen.errors import InputError
from xlgen.files import write_json

BYTES, BYTE_EXTRA_IDS = 256, 125  # ByT5 (Xue et al. 2022)


class ByteTokenizer(Tokenizer):
    """ByT5's: a byte of UTF-8 is its value + 3, and 125 extra ids stand above, <extra_id_0> the last of 384.

    It has no file but a tokenizer_config.json, which says what it is. transformers names the extra ids the
    other way round (<extra_id_0> is 259 there); T5's own tasks count them from the end, as we do.
    """

    # Inherits from the one with pieces, as everything that takes text takes a Tokenizer.
    class_name = "ByT5Tokenizer"
    size = BYTES + 3 + BYTE_EXTRA_IDS
    byte_ids = frozenset(range(3, BYTES + 3))
    text_pieces: dict[int, str] = {}  # noqa: RUF012 (a cached property there)

    def __init__(self, path: Path) -> None:
        self.path, self.unk = path, UNK
        self.sha256 = hashlib.sha256(f"{self.class_name} {self.size}".encode()).hexdigest()
        self.extra_ids = BYTE_EXTRA_IDS
        self.sentinels = list(range(self.size - 1, self.size - 1 - BYTE_EXTRA_IDS, -1))

    def encode(self, text: str) -> list[int]:
        try:
            return [byte + 3 for byte in text.encode()]
        except UnicodeEncodeError as error:
            raise InputError(surrogate_message(error)) from error

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.encode(text) for text in texts]

    def pieces(self, text: str) -> list[str]:
        """Return each byte as two digits of its value."""
        return [f"{token - 3:02x}" for token in self.encode(text)]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of `tokens`; special ids, ids past `size` and bytes that are no UTF-8 vanish."""
        found = b""
        for token in map(int, tokens):
            if token in self.byte_ids:
                found += bytes([token - 3])
            elif token in self._sentinel_set:
                found += f"<extra_id_{self.size - 1 - token}>".encode()
        return found.decode(errors="ignore")

    def normalize(self, text: str) -> str:
        return text

    def save(self, folder: Path) -> None:
        settings = {"tokenizer_class": self.class_name, "extra_ids": self.extra_ids}
        write_json(folder / "tokenizer_config.json", settings)
