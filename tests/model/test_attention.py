"""Packed attention is plain attention example by example: values, every gradient, dropout; it keeps less."""

import pytest
import torch
from torch.nn import functional as F

from xlgen.model import attention
from xlgen.model.attention import Pattern, attend, attend_cached, blocked
from xlgen.model.dropout import DropoutMask
from xlgen.model.packing import pack, pad

HEADS, WIDTH = 3, 4
CPU = torch.device("cpu")
LENGTHS = {
    "all alike": ((7, 7, 7), (11, 11, 11)),
    "uneven": ((7, 1, 5, 5, 7), (11, 11, 4, 4, 1)),
    "an example without keys": ((2, 3, 2), (5, 0, 5)),
    "one example": ((6,), (9,)),
}


def make(queries, keys):
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    return {
        "query": random(sum(queries), HEADS, WIDTH),
        "key": random(sum(keys), HEADS, WIDTH),
        "value": random(sum(keys), HEADS, WIDTH),
        "learned": random(HEADS, max(queries), max(keys)),
    }


def pattern_of(tensors, queries, keys, *, causal=False):
    return Pattern(queries, keys, torch.float64, CPU, tensors.get("learned"), causal)


def plain(tensors, queries, keys, *, causal=False, factors=None, rate=0.0):
    """Return the output of the definition, example by example, with dropout by given factors."""
    outputs, start = [], 0
    whole = (
        tensors["query"].split(queries),
        tensors["key"].split(keys),
        tensors["value"].split(keys),
    )
    for query, key, value in zip(*whole, strict=True):
        query, key, value = (tensor.transpose(0, 1) for tensor in (query, key, value))
        _, length, _ = query.shape
        scores = query @ key.mT
        if "learned" in tensors:
            scores = scores + tensors["learned"][:, :length, : key.shape[1]]
        if causal:
            scores = scores.masked_fill(~torch.ones(length, length).tril().bool(), -torch.inf)
        weights = scores.softmax(-1)
        if factors is not None:
            end = start + weights.numel()
            weights = weights * factors[start:end].view(weights.shape) / (1 - rate)
            start = end
        outputs.append((weights @ value).transpose(0, 1))
    return torch.cat(outputs)


def with_gradients(output, tensors):
    generator = torch.Generator().manual_seed(1)
    upstream = torch.randn(output.shape, generator=generator, dtype=output.dtype)
    gradients = torch.autograd.grad(output, list(tensors.values()), upstream)
    return output.detach(), dict(zip(tensors, gradients, strict=True))


def own(tensors, queries, keys, *, causal=False, rate=0.0):
    pattern = pattern_of(tensors, queries, keys, causal=causal)
    query, key, value = (tensors[name] for name in ("query", "key", "value"))
    return attend(query, key, value_NHK=value, pattern=pattern, dropout=rate)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours[0], theirs[0])
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(ours[1][name], gradient, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("block", [1, 2 * HEADS * 7 * 11, 2**20])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_equals_the_definition_in_values_and_gradients(lengths, block, monkeypatch):
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", block)  # one head, two examples, all at once
    tensors = make(*lengths)
    ours = with_gradients(own(tensors, *lengths), tensors)
    assert_same(ours, with_gradients(plain(tensors, *lengths), tensors))


@pytest.mark.parametrize("learned", [True, False])
def test_causal_attention_sees_no_later_place(learned):
    lengths = ((7, 1, 5, 5), (7, 1, 5, 5))
    tensors = make(*lengths)
    if not learned:
        del tensors["learned"]
    ours = with_gradients(own(tensors, *lengths, causal=True), tensors)
    assert_same(ours, with_gradients(plain(tensors, *lengths, causal=True), tensors))


@pytest.mark.parametrize("block", [1, 2**20])
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_dropout_drops_the_same_weights_in_both_passes_and_in_blocks_of_any_size(
    lengths, learned, block, monkeypatch
):
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", block)
    tensors, rate = make(*lengths), 0.3
    if not learned:
        del tensors["learned"]
    count = sum(HEADS * q * k for q, k in zip(*lengths, strict=True))
    torch.manual_seed(7)
    factors = DropoutMask.draw((count,), rate).factors(torch.float64)
    torch.manual_seed(7)
    ours = with_gradients(own(tensors, *lengths, rate=rate), tensors)
    assert_same(ours, with_gradients(plain(tensors, *lengths, factors=factors, rate=rate), tensors))


@pytest.mark.parametrize("causal", [True, False])
def test_equals_torchs_own_attention_over_a_padded_batch(causal):
    """What a GPU is given: the same pattern as a mask, and zeros for padding."""
    lengths = ((7, 1, 5, 5, 7), (7, 1, 5, 5, 7)) if causal else LENGTHS["uneven"]
    tensors = make(*lengths)
    pattern = pattern_of(tensors, *lengths, causal=causal)
    padded = [
        pad(tensors[name], each).transpose(1, 2)
        for name, each in zip(("query", "key", "value"), (lengths[0], lengths[1], lengths[1]))
    ]
    theirs = F.scaled_dot_product_attention(*padded, attn_mask=pattern.padded_mask, scale=1.0)
    theirs = with_gradients(pack(theirs.transpose(1, 2), lengths[0]), tensors)
    assert_same(with_gradients(own(tensors, *lengths, causal=causal), tensors), theirs)


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_elsewhere_than_on_a_cpu_all_of_it_is_on_the_device(learned, causal):
    """On the device without data, for want of another: shapes and devices are those of a GPU."""
    queries, keys = LENGTHS["uneven"] if not causal else ((7, 1, 5), (7, 1, 5))
    tensors = {name: tensor.to("meta") for name, tensor in make(queries, keys).items()}
    pattern = Pattern(
        queries,
        keys,
        torch.float64,
        torch.device("meta"),
        tensors["learned"] if learned else None,
        causal,
    )
    assert pattern.padded_mask.device.type == "meta"
    output = attend(tensors["query"], tensors["key"], value_NHK=tensors["value"], pattern=pattern)
    assert output.shape == tensors["query"].shape


def test_a_pass_without_a_bias_adds_nothing():
    assert Pattern((3, 2), (4, 5), torch.float32, CPU).addend is None


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("many", [True, False])
def test_many_weights_are_made_again_and_few_are_kept_with_the_same_gradients(
    many, rate, monkeypatch
):
    lengths = LENGTHS["uneven"]
    tensors, kept = make(*lengths), []

    def note(tensor):
        kept.append(tuple(tensor.shape))
        return tensor

    torch.manual_seed(7)
    expected = with_gradients(own(tensors, *lengths, rate=rate), tensors)
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", 1)
    whole = sum(HEADS * q * k for q, k in zip(*lengths, strict=True))
    monkeypatch.setattr(attention, "KEPT_ELEMENTS", whole - 1 if many else whole)
    torch.manual_seed(7)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = with_gradients(own(tensors, *lengths, rate=rate), tensors)
    weights = [(1, q, k) for q, k in zip(*lengths, strict=True)]
    each = HEADS * (2 if rate else 1)
    assert [shape for shape in kept if shape in weights] == (
        [] if many else sorted(weights * each, key=weights.index)
    )
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("most", "examples", "heads"),
    [
        (2**20, [1, 1, 2, 1], [slice(0, 3)] * 4),
        (2 * 77, [1, 1, 1, 2, 1], [slice(0, 2), slice(2, 3), *[slice(0, 3)] * 3]),
        (1, [1] * 15, [slice(0, 1), slice(1, 2), slice(2, 3)] * 5),
    ],
)
def test_blocks_hold_every_weight_once(most, examples, heads, monkeypatch):
    monkeypatch.setattr(attention, "BLOCK_ELEMENTS", most)
    blocks = list(Pattern(*LENGTHS["uneven"], torch.float32, CPU).blocks(HEADS))
    assert [block.examples for block in blocks] == examples
    assert [block.heads for block in blocks] == heads
    ends = [0, *(block.weights.stop for block in blocks)]
    assert [block.weights.start for block in blocks] == ends[:-1]
    assert ends[-1] == HEADS * (77 + 11 + 40 + 7)
    for name, whole in (("queries", 25), ("keys", 31)):
        parts = [getattr(block, name) for block in blocks]
        runs = list(dict.fromkeys((rows.start, rows.stop) for rows in parts))
        assert [start for start, _ in runs] == [0, *(stop for _, stop in runs[:-1])]
        assert runs[-1][1] == whole


def test_a_step_of_generation_is_attention_over_the_cache():
    tensors = make((2, 2, 2), (5, 5, 5))
    tensors = {name: tensor.detach() for name, tensor in tensors.items()}
    places = {"query": (2, 2, 2), "key": (5, 5, 5), "value": (5, 5, 5)}
    query, key, value = (pad(tensors[name], each).transpose(1, 2) for name, each in places.items())
    found = attend_cached(query, key, value_AHCK=value, bias=tensors["learned"][None])
    expected = plain(tensors, (2, 2, 2), (5, 5, 5))
    torch.testing.assert_close(pack(found.transpose(1, 2), (2, 2, 2)), expected)


def test_a_fully_padded_row_stays_finite_in_bfloat16():
    mask = torch.tensor([[True, False], [False, False]])
    addend = blocked(mask, torch.float32).to(torch.bfloat16)
    assert torch.isfinite(addend).all()
    assert torch.isfinite((addend - 5).softmax(1)).all()
    assert addend.float().softmax(1)[0].tolist() == [1, 0]
