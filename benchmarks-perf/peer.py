"""The peer of the benchmarks: the same weights in transformers' class, and torch as it comes."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from ctranslate2.converters.transformers import MT5Loader
from transformers import MT5Config, MT5ForConditionalGeneration

from xlgen.model.hugging_face import hugging_face_config, hugging_face_name
from xlgen.model.t5 import T5
from xlgen.training.precision import float32_products, keep_freed_memory

Result = TypeVar("Result")


def add_conditions(parser: argparse.ArgumentParser) -> None:
    """Add what is fixed in a comparison."""
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--peer-products",
        choices=["default", "ours"],
        default="default",
        help="who makes the peer's float32 products: torch as it comes, or oneDNN where we choose it",
    )


def set_conditions(options: argparse.Namespace) -> dict[str, object]:
    """Set what holds for the whole process; return what to print.

    Both sides keep freed memory, which alone makes the peer up to 1.4 times as fast.
    """
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    ours = float32_products()
    return {
        "threads": options.threads,
        "products": ours,
        "peer_products": ours if options.peer_products == "ours" else "torch's default",
    }


def as_peer(work: Callable[[], Result], options: argparse.Namespace) -> Callable[[], Result]:
    """Return `work` with the float32 products that the peer is to have."""
    if options.peer_products == "ours":
        return work

    def as_torch_comes() -> Result:
        chosen = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            return work()
        finally:
            torch.set_float32_matmul_precision(chosen)

    return as_torch_comes


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


def save_for_ctranslate2(peer: MT5ForConditionalGeneration, folder: Path) -> None:
    """Write the peer's weights as CTranslate2 reads them; a token's name is its id.

    Its converter believes a fresh configuration, which always says that the head is tied, and then
    scales the logits.
    """
    peer.config.tie_word_embeddings = False
    loader = MT5Loader()
    spec = loader.get_model_spec(peer)
    loader.set_vocabulary(spec, [str(row) for row in range(peer.config.vocab_size)])
    spec.config.decoder_start_token = spec.config.bos_token = "0"
    spec.config.eos_token, spec.config.unk_token = "1", "2"
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
