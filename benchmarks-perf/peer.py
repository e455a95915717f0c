"""The same weights in transformers' class, for the benchmarks that compare with it."""

import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from xlgen.model.load import hugging_face_config, hugging_face_name
from xlgen.model.t5 import T5


def as_transformers(model: T5) -> MT5ForConditionalGeneration:
    """Return a copy of the weights, on their device; a configuration alone would tie the head.

    A head may have a bias, which no T5 has, to make random weights end their outputs.
    """
    peer = MT5ForConditionalGeneration(MT5Config(**hugging_face_config(model.config)))
    peer.lm_head = torch.nn.Linear(
        *reversed(model.head.weight.shape), bias=model.head.bias is not None
    )
    state = {
        name if name == "head.bias" else hugging_face_name(name): value.clone()
        for name, value in model.state_dict().items()
    }
    if "head.bias" in state:
        state["lm_head.bias"] = state.pop("head.bias")
    for side in ("encoder", "decoder"):
        state[f"{side}.embed_tokens.weight"] = state["shared.weight"]
    peer.load_state_dict(state)
    return peer.to(model.head.weight.device)
