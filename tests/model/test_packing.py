"""What is packed can be padded again; prompts stand right before their inputs."""

from itertools import accumulate, pairwise

import pytest
import torch

from xlgen.model.packing import content, lengths_of, pack, pad, put_before


@pytest.mark.parametrize("lengths", [(3, 1, 2), (2, 2), (0, 4), (5,)])
def test_what_is_padded_can_be_packed_again(lengths):
    rows = torch.randn(sum(lengths), 3, requires_grad=True)
    padded = pad(rows, lengths)
    assert padded.shape == (len(lengths), max(lengths), 3)
    assert torch.equal(padded.any(-1), content(lengths))
    for row, (start, end) in zip(padded, pairwise(accumulate(lengths, initial=0)), strict=True):
        assert torch.equal(row[: end - start], rows[start:end])
    assert torch.equal(pack(padded, lengths), rows)
    (gradient,) = torch.autograd.grad(pack(padded, lengths).sum(), rows)
    assert torch.equal(gradient, torch.ones_like(rows))


def test_prompts_of_any_length_touch_their_inputs():
    prompt_BPD = torch.arange(6.0).view(2, 3, 1)
    rows_ND = torch.tensor([[10.0], [20.0], [21.0]])
    joined_ND = put_before(rows_ND, (1, 2), prompt_BPD=prompt_BPD, prompts=(3, 1))
    assert joined_ND[:, 0].tolist() == [0, 1, 2, 10, 5, 20, 21]
    assert put_before(rows_ND, (1, 2), prompt_BPD=prompt_BPD, prompts=(0, 0)).equal(rows_ND)


def test_lengths_are_those_of_the_mask():
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert lengths_of(mask) == (2, 0)
    assert torch.equal(content((2, 0, 3))[:2], mask)
