"""Models on disk, whoever laid them out: a shape, and tensors that are checked and read one at a time.

A layout says where its tensors stand and what it calls them. Whether they are all there, no more and of
the right shapes, is said here, before any is read; writing goes tensor by tensor too.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from xlgen.errors import InputError
from xlgen.model import LAYOUTS
from xlgen.model.t5 import T5, T5Config
from xlgen.progress import progress

# safetensors' names of what weights come in
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class StoredTensor:
    """One tensor that is not read yet: in our orientation, under the layout's name.

    `parts` read its rows in turn, where they can be read in several threads and the whole need not be.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor]
    parts: Sequence[Callable[[], Tensor]] = ()


class StoredModel(ABC):
    """A model on disk. `tensors` are by the layout's names, in the order that is cheapest to read."""

    description: ClassVar[str]
    shape_from: ClassVar[str]  # what says the model's shape, for messages
    config: T5Config
    tensors: dict[str, StoredTensor]

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    @abstractmethod
    def fits(path: Path) -> bool:
        """Return whether the folder is laid out so, by the files it has."""

    @abstractmethod
    def name(self, ours: str) -> str:
        """Return the layout's name of one of our parameters."""

    @property
    def family(self) -> str | None:
        """Return Hugging Face's model_type where the layout knows it."""
        return None

    def matched(self) -> dict[str, StoredTensor]:
        """Return the tensors by our names, in the layout's order.

        Raises `InputError`, which names the tensor, if one is missing, too many or of another shape.
        """
        with torch.device("meta"):
            parameters = dict(T5(self.config).named_parameters())
        wanted = {self.name(ours): ours for ours in parameters}
        for name, stored in self.tensors.items():
            if name not in wanted:
                raise InputError(
                    f"{self.path}: tensor {name!r} does not belong to {_kind(self.config)}; is this "
                    "another model?"
                )
            expected = tuple(parameters[wanted[name]].shape)
            if stored.shape != expected:
                raise InputError(
                    f"{self.path}: tensor {name!r} is {list(stored.shape)}, "
                    f"{self.shape_from} says {list(expected)}; fetch the model again"
                )
            if not stored.dtype.is_floating_point:
                raise InputError(f"{self.path}: tensor {name!r} is {stored.dtype}, no weights")
        missing = [name for name in wanted if name not in self.tensors]
        if missing:
            tied = self.name("head.weight") in missing
            hint = " (a tied head? mT5's is its own matrix)" if tied else ""
            raise InputError(
                f"{self.path}: missing tensor {min(missing)!r}{hint}; {len(missing)} in all"
            )
        return {wanted[name]: stored for name, stored in self.tensors.items()}


def open_stored(path: Path) -> StoredModel:
    """Open a model on disk in whatever layout it has; raise `InputError` if it has none of ours."""
    for name in LAYOUTS:
        layout: type[StoredModel] = LAYOUTS[name]
        if layout.fits(path):
            return layout(path)
    inside = sorted(p.name for p in path.glob("*/") if any(LAYOUTS[n].fits(p) for n in LAYOUTS))
    hint = f"; name the folder in it: {', '.join(inside[:4])}" if inside else ""
    raise InputError(
        f"{path}: neither config.json (Hugging Face's layout) nor a file `checkpoint` (T5X's){hint}"
    )


def _kind(config: T5Config) -> str:
    return "a umT5" if config.positions_per_layer else "an mT5"


def read_finite(stored: StoredTensor, *, where: Path) -> Tensor:
    """Read a tensor; raise `InputError` if it holds NaN or infinity."""
    return _read_finite(stored.read, stored, where)


def _read_finite(read: Callable[[], Tensor], stored: StoredTensor, where: Path) -> Tensor:
    tensor = read()
    least, most = tensor.aminmax()  # NaN passes through; isfinite would make copies
    if not (least.isfinite() and most.isfinite()):
        raise InputError(f"{where}: tensor {stored.name!r} holds NaN or infinity; fetch it again")
    return tensor


def write_tensors(path: Path, tensors: Mapping[str, StoredTensor], *, source: Path) -> str:
    """Write a safetensors file, one tensor in memory at a time, or less; return its SHA-256.

    The file is byte by byte that of `safetensors.torch.save_file` if the names are in its order:
    wide dtypes first, then by name.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, stored in tensors.items():
        start, end = end, end + stored.dtype.itemsize * _count(stored.shape)
        dtype = _NAMES[stored.dtype]
        header[name] = {"dtype": dtype, "shape": list(stored.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256(len(text).to_bytes(8, "little") + text)
    with path.open("wb") as file, ThreadPoolExecutor(1) as hashing:
        file.write(len(text).to_bytes(8, "little") + text)
        with progress(end, f"Writing {path.parent.name or path.name}, bytes") as bar:
            for block in _blocks(tensors.values(), source):
                data = block.reshape(-1).view(torch.uint8).numpy().data
                hashed = hashing.submit(digest.update, data)
                file.write(data)
                hashed.result()
                bar.advance(data.nbytes)
        assert file.tell() == 8 + len(text) + end
    return digest.hexdigest()


def _blocks(tensors: Iterable[StoredTensor], source: Path) -> Iterator[Tensor]:
    """Yield the tensors in turn, whole or by their parts; parts are read ahead in torch's threads.

    One more than there are threads are in memory at most, besides the one that the caller has.
    """
    threads = torch.get_num_threads()
    ahead: deque[Future[Tensor]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for stored in tensors:
            for part in stored.parts:
                if len(ahead) > threads:
                    yield ahead.popleft().result()
                ahead.append(pool.submit(_block, part, stored, source))
            if not stored.parts:
                while ahead:
                    yield ahead.popleft().result()
                yield _block(stored.read, stored, source)
        while ahead:
            yield ahead.popleft().result()


def _block(read: Callable[[], Tensor], stored: StoredTensor, source: Path) -> Tensor:
    return _read_finite(read, stored, source).to(stored.dtype).contiguous()


def _count(shape: tuple[int, ...]) -> int:
    return torch.Size(shape).numel()
