"""The packed head is the head: its values, with a bias and without; in bfloat16 the head itself."""

import pytest
import torch

from xlgen.generation.head import packed_head


@pytest.mark.parametrize("rows", [(1, 1), (3, 4), (0, 4), (32, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_are_those_of_the_head(rows, bias):
    head = torch.nn.Linear(24, 515, bias=bias)
    hidden = torch.randn(*rows, 24)
    with torch.inference_mode():
        torch.testing.assert_close(packed_head(head)(hidden), head(hidden), atol=1e-5, rtol=1e-5)


def test_later_changes_of_the_weights_want_a_new_packing():
    head = torch.nn.Linear(8, 9, bias=False)
    hidden, before = torch.ones(2, 8), head.weight.detach().clone()
    with torch.inference_mode():
        packed_head(head)(hidden)
        assert torch.equal(head.weight, before)
        head.weight.mul_(2)
        torch.testing.assert_close(packed_head(head)(hidden), head(hidden))


def test_in_bfloat16_it_is_the_head_itself():
    head = torch.nn.Linear(8, 9).to(torch.bfloat16)
    assert packed_head(head) is head
