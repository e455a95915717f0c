"""The model a token at a time equals the model at once, through reordered beams and leaving sources."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from xlgen.model.cache import FIRST_STEPS
from xlgen.model.load import random_model, tiny_model
from xlgen.model.t5 import Encoded


def encode(model, *, sources, prompt=0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    lengths_B = torch.randint(1, 12, (sources, 1), generator=generator)
    input_BL = torch.randint(3, 500, (sources, 12), generator=generator)
    prompt_BPD = torch.randn(sources, prompt, model.config.width, generator=generator)
    mask_BL = torch.arange(12) < lengths_B
    return model.encode(input_BL, mask_BL, prompt_BPD if prompt else None)


@pytest.mark.parametrize("positions_per_layer", [False, True])
@pytest.mark.parametrize("prompt", [0, 5])
def test_steps_equal_teacher_forcing(prompt, positions_per_layer):
    config = replace(tiny_model().config, positions_per_layer=positions_per_layer)
    model = random_model(config, seed=1)
    steps = 2 * FIRST_STEPS + 3  # the cache grows twice
    with torch.inference_mode():
        encoded = encode(model, sources=4, prompt=prompt)
        target_BT = torch.randint(3, 500, (4, steps), generator=torch.Generator().manual_seed(1))
        shifted_BT = F.pad(target_BT[:, :-1], (1, 0))
        state = model.start(encoded, beams=1)
        logits = [model.head(model.step(shifted_BT[:, [t]], state)) for t in range(steps)]
        whole_BTV = model.head(model.decode(shifted_BT, encoded)).unflatten(0, shifted_BT.shape)
    torch.testing.assert_close(torch.cat(logits, dim=1), whole_BTV, atol=1e-5, rtol=0)


def test_beams_see_only_their_own_past():
    """Random parents and random departures; every live beam equals a forward over its own tokens."""
    model, beams = tiny_model(2), 3
    generator = torch.Generator().manual_seed(2)
    with torch.inference_mode():
        encoded = encode(model, sources=6)
        state = model.start(encoded, beams=beams)
        sources = list(range(6))
        past_ANT = torch.zeros(6, beams, 1, dtype=torch.long)
        for step in range(FIRST_STEPS + 4):
            logits_ANV = model.head(model.step(past_ANT[:, :, -1], state))
            for place, source in enumerate(sources):
                for beam in range(beams):
                    alone_SD = encoded.hidden_ND.split(encoded.lengths)[source]
                    one = Encoded(alone_SD, (len(alone_SD),))
                    hidden_TD = model.decode(past_ANT[place, beam][None], one)
                    wanted_V = model.head(hidden_TD)[-1]
                    torch.testing.assert_close(logits_ANV[place, beam], wanted_V, atol=1e-5, rtol=0)
            parents_AN = torch.randint(beams, (len(sources), beams), generator=generator)
            if step in (2, 3, FIRST_STEPS):
                kept = [place for place in range(len(sources)) if place != step % len(sources)]
                order = state.keep(kept)
                assert sorted(order) == kept
                sources = [sources[place] for place in order]
                past_ANT, parents_AN = past_ANT[order], parents_AN[order]
            state.follow(parents_AN)
            past_ANT = past_ANT.gather(1, parents_AN[:, :, None].expand(past_ANT.shape))
            tokens_AN1 = torch.randint(3, 500, (*parents_AN.shape, 1), generator=generator)
            past_ANT = torch.cat([past_ANT, tokens_AN1], dim=2)
    assert len(sources) == 3
