"""The peer of the benchmarks: the same weights in transformers' class, and torch as it comes."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from ctranslate2.converters.transformers import MT5Loader
from peft import PeftModel, PromptTuningConfig, get_peft_model
from transformers import MT5Config, MT5ForConditionalGeneration

from xlgen.data.tokenizer import EOS
from xlgen.generation.settings import BeamSettings
from xlgen.model.hugging_face import hugging_face_config, hugging_face_name
from xlgen.model.t5 import T5, T5Config
from xlgen.training.precision import float32_products, keep_freed_memory

Result = TypeVar("Result")
SHAPES = {
    "nano": T5Config(24_064, 192, 6, 32, 512, 4, 4),
    "mt5-small": T5Config(250_112, 512, 6, 64, 1024, 8, 8),
}


class Vocabulary:
    """As much of a tokenizer as drawing a prompt needs."""

    size = 24_000


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
        "clock": "the process' CPU" if options.threads == 1 else "wall",
        "products": ours,
        "peer_products": ours if options.peer_products == "ours" else "torch's default",
        "peer_attention": "sdpa",
        "allocator": "both keep freed memory",
        "head": "untied",
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


def as_peft(model: T5, *, length: int) -> PeftModel:
    """Return the weights behind a prompt of `length` vectors that peft tunes."""
    settings = PromptTuningConfig(
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=length, tokenizer_name_or_path=None
    )
    return get_peft_model(as_transformers(model), settings)


def set_prompt(peer: PeftModel, prompt_PD: torch.Tensor) -> None:
    """Put a prompt in: peft makes twice as many vectors, for two stacks, and reads the first half."""
    with torch.no_grad():
        peer.prompt_encoder["default"].embedding.weight[: len(prompt_PD)] = prompt_PD


@torch.inference_mode()
def search(
    peer: MT5ForConditionalGeneration | PeftModel,
    rows: Sequence[Sequence[int]],
    settings: BeamSettings,
) -> list[list[int]]:
    """Return the tokens before </s> of each input's answer by `generate`, all inputs in one batch."""
    longest = max(map(len, rows))
    input_BL = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    output_BT = peer.generate(
        input_ids=input_BL,
        attention_mask=(input_BL != 0).long(),
        num_beams=settings.beams,
        length_penalty=settings.alpha,
        early_stopping=settings.early_stopping,
        max_new_tokens=settings.max_length,
        do_sample=False,
    )
    answers = [row[1:] for row in output_BT.tolist()]
    return [row[: row.index(EOS)] if EOS in row else row for row in answers]
