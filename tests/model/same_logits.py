"""A model of ours beside the same of transformers."""

import torch
from torch import nn

from xlgen.model.t5 import T5, shift_right


def assert_same_logits(model: T5, peer: nn.Module, *, vocabulary: int = 60) -> None:
    """Compare the logits of random inputs and targets below `vocabulary`."""
    generator = torch.Generator().manual_seed(1)
    input_BL, target_BT = torch.randint(3, vocabulary, (2, 3, 7), generator=generator)
    mask_BL = torch.ones_like(input_BL)
    with torch.no_grad():
        theirs = peer(input_ids=input_BL, attention_mask=mask_BL, labels=target_BT).logits
        encoded = model.encode(input_BL, mask_BL.bool())
        ours = model.head(model.decode(shift_right(target_BT), encoded)).view_as(theirs)
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
