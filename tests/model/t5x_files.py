"""Write checkpoints as T5X does: the names, the msgpack tree and the zarr folders of Google's published ones.

The layout was read off test_t5_1_1_tiny (google-research/prompt-tuning), that of stacked layers off
transformers' conversion of umT5; nothing of xlgen is used.
"""

import gzip
import itertools
import json

import msgpack
import numpy as np
import torch

ATTENTION = {"q": "query", "k": "key", "v": "value", "o": "out"}
INLINE_BELOW = 65  # numbers; T5X keeps small arrays in the msgpack file


def t5x_tree(state, *, stacked=False, heads=4):
    """Return T5X's arrays by name out of a transformers state dict (mT5 or umT5)."""
    arrays = {
        "token_embedder/embedding": state["shared.weight"],
        "decoder/logits_dense/kernel": state["lm_head.weight"].T,
    }
    for side in ("encoder", "decoder"):
        arrays[f"{side}/{side}_norm/scale"] = state[f"{side}.final_layer_norm.weight"]
        layers = []
        for number in itertools.count():
            block = f"{side}.block.{number}.layer."
            if f"{block}0.layer_norm.weight" not in state:
                break
            layers.append(t5x_layer(state, block, side=side))
        positions = f"{side}.block.{{}}.layer.0.SelfAttention.relative_attention_bias.weight"
        if positions.format(1) in state:
            for number, layer in enumerate(layers):
                layer["relpos_bias/rel_embedding"] = state[positions.format(number)].T
        else:
            arrays[f"{side}/relpos_bias/rel_embedding"] = state[positions.format(0)].T
        if stacked:
            for name in layers[0]:
                parts = [split_heads(layer[name], name, heads) for layer in layers]
                arrays[f"{side}/{side}/{name}"] = torch.stack(parts, dim=1)
        else:
            for number, layer in enumerate(layers):
                arrays |= {f"{side}/layers_{number}/{name}": a for name, a in layer.items()}
    return arrays


def t5x_layer(state, block, *, side):
    own = "attention" if side == "encoder" else "self_attention"
    feed_forward = f"{block}{1 if side == 'encoder' else 2}."
    layer = {f"pre_{own}_layer_norm/scale": state[f"{block}0.layer_norm.weight"]}
    for theirs, name in ATTENTION.items():
        layer[f"{own}/{name}/kernel"] = state[f"{block}0.SelfAttention.{theirs}.weight"].T
        if side == "decoder":
            kernel = state[f"{block}1.EncDecAttention.{theirs}.weight"].T
            layer[f"encoder_decoder_attention/{name}/kernel"] = kernel
    if side == "decoder":
        layer["pre_cross_attention_layer_norm/scale"] = state[f"{block}1.layer_norm.weight"]
    layer["pre_mlp_layer_norm/scale"] = state[f"{feed_forward}layer_norm.weight"]
    for name in ("wi_0", "wi_1", "wo"):
        layer[f"mlp/{name}/kernel"] = state[f"{feed_forward}DenseReluDense.{name}.weight"].T
    return layer


def split_heads(array, name, heads):
    """Scalable T5 keeps heads and their width apart."""
    if name.endswith("attention/out/kernel"):
        return array.unflatten(0, (heads, -1))
    return array.unflatten(1, (heads, -1)) if "attention/" in name else array


def write_t5x(folder, arrays, *, chunk=13, compressor="gzip"):
    """Write a checkpoint; large arrays are cut into chunks of at most `chunk` along each axis."""
    folder.mkdir(parents=True)
    target = {}
    for name, array in arrays.items():
        *parents, last = name.split("/")
        node = target
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = store(folder, name, array, chunk=chunk, compressor=compressor)
    state = {"step": extension(np.int32(1_100_000)), "param_states": {"x": extension(np.ones(3))}}
    tree = {"version": 3, "optimizer": {"state": state, "target": target}}
    (folder / "checkpoint").write_bytes(msgpack.packb(tree))
    return folder


def extension(array, dtype=None):
    array = np.asarray(array)
    fields = (array.shape, dtype or array.dtype.name, array.tobytes())
    return msgpack.ExtType(1, msgpack.packb(fields))


def store(folder, name, array, *, chunk, compressor):
    is_bfloat16 = array.dtype == torch.bfloat16
    numbers = array.contiguous().view(torch.int16).numpy() if is_bfloat16 else array.numpy()
    if array.numel() < INLINE_BELOW:
        return extension(numbers, "bfloat16" if is_bfloat16 else None)
    chunks = [min(chunk, size) for size in array.shape]
    metadata = {
        "chunks": chunks,
        "compressor": {"id": "gzip", "level": 1} if compressor == "gzip" else None,
        "dtype": "bfloat16" if is_bfloat16 else numbers.dtype.str,
        "shape": list(array.shape),
    }
    path = f"target.{name.replace('/', '.')}"
    place = folder / path
    place.mkdir()
    more = {"fill_value": None, "filters": None, "order": "C", "zarr_format": 2}
    (place / ".zarray").write_text(json.dumps(metadata | more))
    counts = [range(-(-size // step)) for size, step in zip(array.shape, chunks)]
    for index in itertools.product(*counts):
        region = tuple(slice(i * step, (i + 1) * step) for i, step in zip(index, chunks))
        whole = np.zeros(chunks, numbers.dtype)  # those at the edge are whole too
        part = numbers[region]
        whole[tuple(map(slice, part.shape))] = part
        data = gzip.compress(whole.tobytes(), 1) if compressor == "gzip" else whole.tobytes()
        (place / ".".join(map(str, index))).write_bytes(data)
    return {"driver": "zarr", "kvstore": {"driver": "gfile", "path": path}, "metadata": metadata}
