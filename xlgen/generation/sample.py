"""Sampling, to see what a language model itself would write; summaries are searched for (`beam.py`)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import EOS, PAD
from xlgen.methods.base import Adapted
from xlgen.training.precision import device_of


@torch.inference_mode()
def sample(
    adapted: Adapted,
    examples: Sequence[TokenizedExample],
    *,
    length: int,
    nucleus: float = 0.9,
    seed: int = 0,
) -> list[list[int]]:
    """Draw an output of at most `length` tokens for each example of one batch, without its </s>.

    Each token is drawn from the likeliest ones that together have a probability of `nucleus` (Holtzman
    et al. 2020). Every step decodes anew from the start: fit for short outputs.
    """
    device = device_of(adapted.model)
    encoded = adapted.encode(collate(examples).to(device))
    generator = torch.Generator().manual_seed(seed)
    tokens_BT = torch.full((len(examples), 1), PAD, device=device)
    ended_B = torch.zeros(len(examples), dtype=torch.bool, device=device)
    for _ in range(length):
        hidden_BTD = adapted.model.decode(tokens_BT, encoded).unflatten(0, tokens_BT.shape)
        drawn_B = _draw(adapted.model.head(hidden_BTD[:, -1]), nucleus, generator)
        drawn_B = drawn_B.masked_fill(ended_B, PAD)
        tokens_BT = torch.cat([tokens_BT, drawn_B[:, None]], dim=1)
        ended_B |= drawn_B == EOS
        if ended_B.all():
            break
    rows = (row[1:] for row in tokens_BT.tolist())
    return [row[: row.index(EOS)] if EOS in row else row for row in rows]


def _draw(logits_BV: Tensor, nucleus: float, generator: torch.Generator) -> Tensor:
    """Draw a token of each row; random numbers are the CPU's, the same on every device."""
    shares_BV, order_BV = logits_BV.float().softmax(-1).cpu().sort(descending=True, stable=True)
    before_BV = shares_BV.cumsum(-1) - shares_BV
    kept_BV = shares_BV.masked_fill(before_BV >= nucleus, 0.0)
    place_B1 = torch.multinomial(kept_BV, 1, generator=generator)
    return order_BV.gather(1, place_B1)[:, 0].to(logits_BV.device)
