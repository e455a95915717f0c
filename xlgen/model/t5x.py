"""T5X checkpoints: mT5 as Google publishes it, LM-adapted too (`mt5_lm_adapted/{size}/checkpoint_1100000`).

A folder with a msgpack file `checkpoint`, a tree that holds small arrays, and beside it a zarr folder for
each large one (`target.encoder.layers_0.attention.key.kernel`). "Scalable T5" (umT5) stacks the layers of
a side in one array, on its second axis. The optimizer's state is passed over.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgpack
import torch
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import reason
from xlgen.model.hugging_face import position_layer
from xlgen.model.stored import StoredModel, StoredTensor
from xlgen.model.t5 import T5Config
from xlgen.model.zarr import open_array

_ARRAY = 1  # flax's msgpack extension type of an array: shape, name of the dtype, bytes
_INLINE = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# Our names -> T5X's; a kernel there is [in, out], ours [out, in]
_WHOLE = {
    "shared.weight": "token_embedder/embedding",
    "head.weight": "decoder/logits_dense/kernel",
    "encoder.norm.weight": "encoder/encoder_norm/scale",
    "decoder.norm.weight": "decoder/decoder_norm/scale",
}
_MATRIX = {"query": "query", "key": "key", "value": "value", "output": "out"}
_MATRIX |= {"gate": "wi_0", "up": "wi_1", "down": "wo"}
_POSITIONS = "relpos_bias/rel_embedding"

DEEPEST = 8  # ours: a T5's tree has 5 levels


@dataclass(frozen=True)
class Leaf:
    """An array as the checkpoint has it, unread; `slabs` reads it apart along an axis."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor]
    slabs: Callable[[int], list[Callable[[], Tensor]]] | None = None


def t5x_name(name: str) -> tuple[str, str, int | None]:
    """Return side, T5X's name within a layer and the layer of one of our parameters.

    >>> t5x_name("decoder.layers.3.cross_attention.query.weight")
    ('decoder', 'encoder_decoder_attention/query/kernel', 3)
    """
    if name in _WHOLE:
        return "", _WHOLE[name], None
    side = name.split(".")[0]
    if (layer := position_layer(name)) is not None:
        return side, _POSITIONS, layer
    found = re.fullmatch(r"\w+\.layers\.(\d+)\.(.+)\.weight", name)
    assert found, name
    modules = {"attention": "attention" if side == "encoder" else "self_attention"}
    modules |= {"cross_attention": "encoder_decoder_attention", "feed_forward": "mlp"}
    if found[2].endswith("_norm"):
        within = {"cross": "cross_attention", "feed_forward": "mlp"}
        within["attention"] = modules["attention"]
        part = f"pre_{within[found[2].removesuffix('_norm')]}_layer_norm/scale"
    else:
        module, matrix = found[2].split(".")
        part = f"{modules[module]}/{_MATRIX[matrix]}/kernel"
    return side, part, int(found[1])


class T5XCheckpoint(StoredModel):
    """A checkpoint of T5X, plain or stacked; dropout and the like, which it lacks, are mT5's."""

    description: ClassVar[str] = "T5X's checkpoint: msgpack and zarr, plain or with stacked layers"
    shape_from: ClassVar[str] = "the shape of the others"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        leaves = _open_leaves(path)
        self.stacked = any(name.startswith("encoder/encoder/") for name in leaves)
        self._last: tuple[str, Tensor] | None = None
        self.config = _infer(path, leaves, stacked=self.stacked)
        self.tensors = {stored.name: stored for stored in self._tensors(leaves)}

    @staticmethod
    def fits(path: Path) -> bool:
        return (path / "checkpoint").is_file()

    def name(self, ours: str) -> str:
        side, part, layer = t5x_name(ours)
        if layer is None:
            return part
        shared = part == _POSITIONS and not self.config.positions_per_layer
        if shared:
            return f"{side}/{part}"
        return f"{side}/{side}/{part}[{layer}]" if self.stacked else f"{side}/layers_{layer}/{part}"

    def _tensors(self, leaves: dict[str, Leaf]) -> Iterator[StoredTensor]:
        for name, leaf in leaves.items():
            layers: list[int | None] = [None]
            read, parts = leaf.read, _parts(name, leaf)
            if re.match(r"(encoder|decoder)/\1/", name) and len(leaf.shape) > 1:
                layers = list(range(leaf.shape[1]))
                read, parts = partial(self._keep, name, read), []
            for layer in layers:
                orient = partial(_oriented, name=name, layer=layer)
                turned = tuple(orient(torch.empty(leaf.shape, device="meta")).shape)
                label = name if layer is None else f"{name}[{layer}]"
                yield StoredTensor(label, turned, leaf.dtype, partial(_read, read, orient), parts)

    def _keep(self, name: str, read: Callable[[], Tensor]) -> Tensor:
        """Read a stacked array and keep it until another is read: its layers are asked for in turn."""
        if self._last is None or self._last[0] != name:
            self._last = None  # let go before reading: one array in memory
            self._last = (name, read())
        return self._last[1]


def _read(read: Callable[[], Tensor], orient: Callable[[Tensor], Tensor]) -> Tensor:
    return orient(read())


def _parts(name: str, leaf: Leaf) -> list[Callable[[], Tensor]]:
    """Return what reads the rows of an array in turn, where they stand along one of its axes."""
    if leaf.slabs is None or len(leaf.shape) > 2:
        return []
    return leaf.slabs(int(_is_turned(name, leaf.shape)))


def _is_turned(name: str, shape: tuple[int, ...]) -> bool:
    return name.endswith(("/kernel", _POSITIONS)) and len(shape) == 2


def _oriented(array: Tensor, *, name: str, layer: int | None) -> Tensor:
    """Return one layer of an array as ours is: kernels [out, in], positions [buckets, heads]."""
    if layer is not None:
        array = array[:, layer]
    if array.ndim == 3:  # attention with heads and their width apart, in scalable T5
        array = array.flatten(0, 1) if name.endswith("/out/kernel") else array.flatten(1)
    return array.T.contiguous() if _is_turned(name, array.shape) else array


def _infer(path: Path, leaves: dict[str, Leaf], *, stacked: bool) -> T5Config:
    """Find the shape out of the arrays' shapes; the rest of it is mT5's."""
    within = "encoder/encoder" if stacked else "encoder/layers_0"
    if f"{within}/mlp/wi/kernel" in leaves:
        raise InputError(
            f"{path}: has one input matrix in feed-forward (mlp/wi): T5 1.0; expected mT5's gated GELU"
        )

    def shape(*names: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
        found = next((name for name in names if name in leaves), None)
        if found is None:
            raise InputError(
                f"{path}: missing tensor {names[0]!r}; expected a T5X checkpoint of mT5"
            )
        if len(leaves[found].shape) not in sizes:
            raise InputError(
                f"{path}: tensor {found!r} is {list(leaves[found].shape)}; is this an mT5?"
            )
        return leaves[found].shape

    vocabulary, width = shape("token_embedder/embedding", sizes=(2,))
    own = f"{within}/{_POSITIONS}"
    positions = shape(f"encoder/{_POSITIONS}", own, sizes=(2, 3))
    heads, buckets = positions[0], positions[-1]
    query = shape(f"{within}/attention/query/kernel", sizes=(2, 3, 4))
    inner = torch.Size(query[2:] if stacked else query[1:]).numel()
    layers = {side: _count_layers(leaves, side) for side in ("encoder", "decoder")}
    return T5Config(
        vocabulary=vocabulary,
        width=width,
        heads=heads,
        head_width=inner // heads,
        feed_forward=shape(f"{within}/mlp/wi_0/kernel", sizes=(2, 3))[-1],
        encoder_layers=layers["encoder"],
        decoder_layers=layers["decoder"],
        position_buckets=buckets,
        positions_per_layer=own in leaves,
    )


def _count_layers(leaves: dict[str, Leaf], side: str) -> int:
    stacked = leaves.get(f"{side}/{side}/pre_mlp_layer_norm/scale")
    if stacked is not None:
        return stacked.shape[-1]
    found = {match[1] for name in leaves if (match := re.match(rf"{side}/layers_(\d+)/", name))}
    return max(1, len(found))


def _open_leaves(path: Path) -> dict[str, Leaf]:
    """Return every array of the model by its name, unread, in the order of the names."""
    leaves = {}
    for name, value in _read_named(path / "checkpoint"):
        if isinstance(value, dict):
            stored = open_array(path / _folder_of(name))
            leaves[name] = Leaf(stored.shape, stored.dtype, stored.read, stored.slabs)
        else:
            tensor = _inline(value, path / "checkpoint", name)
            leaves[name] = Leaf(tuple(tensor.shape), tensor.dtype, partial(torch.clone, tensor))
    return leaves


def array_folders(path: Path) -> list[str]:
    """Return the folders, beside the msgpack file `path`, of the model's arrays that are not inside it.

    Raises `InputError` for a file that is no T5X checkpoint, or with a name that would leave the folder.
    """
    return [_folder_of(name) for name, value in _read_named(path) if isinstance(value, dict)]


def _folder_of(name: str) -> str:
    return f"target.{name.replace('/', '.')}"


def _read_named(path: Path) -> list[tuple[str, Any]]:
    """Return the arrays by name; of a large one, a dict that tells it stands in a folder."""
    named = sorted(_flatten(_read_target(path)), key=lambda item: item[0])
    for name, _ in named:
        if not re.fullmatch(r"\w+(/\w+)*", name):  # names become paths
            raise InputError(f"{path}: {name[:60]!r} is no array's name; copy it again")
    return named


def _read_target(path: Path) -> dict[str, Any]:
    if (path.parent / "manifest.ocdbt").exists():
        raise InputError(f"{path.parent}: is in OCDBT's format; save it as zarr with T5X first")
    try:
        tree = msgpack.unpackb(path.read_bytes(), raw=False, strict_map_key=True)
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); copy it again") from error
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        detail = " ".join(str(error).split())[:100] or type(error).__name__
        raise InputError(
            f"{path}: not a T5X checkpoint's msgpack ({detail}); copy it again"
        ) from error
    for key in ("optimizer", "target"):
        if key == "optimizer" and isinstance(tree, dict) and key not in tree:
            continue  # checkpoints for inference have the target alone
        tree = tree.get(key) if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: holds no optimizer/target; expected a T5X checkpoint of mT5")
    return tree


def _flatten(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        nests = isinstance(value, dict) and "driver" not in value
        if nests and prefix.count("/") < DEEPEST:
            yield from _flatten(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def _inline(value: Any, path: Path, name: str) -> Tensor:
    """Return an array that stands in the msgpack file itself."""
    try:
        shape, dtype, data = msgpack.unpackb(value.data, raw=True)
        tensor = torch.frombuffer(bytearray(data), dtype=_INLINE[dtype.decode()]).reshape(shape)
        if value.code != _ARRAY:
            raise ValueError(f"extension {value.code}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: {name!r} is no array of floating-point numbers ({reason(error)}); copy it again"
        ) from error
    return tensor
