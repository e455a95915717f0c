"""Prompts on disk: PEFT's folder (both ways), Google's `.npy` and our own state (read).

PEFT's folder holds adapter_config.json and adapter_model.safetensors with one tensor
`prompt_embeddings` [P, D]; `num_transformer_submodules` is 1, since a prompt stands in the encoder only.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from xlgen.errors import InputError
from xlgen.model.t5 import T5Config

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def save_prompt(prompt_PD: Tensor, folder: Path, *, config: T5Config, base: str) -> None:
    """Write a prompt as a folder that `peft.PeftModel.from_pretrained` opens. `base` names the model."""
    folder.mkdir(parents=True, exist_ok=True)
    adapter = {
        "peft_type": "PROMPT_TUNING",
        "task_type": "SEQ_2_SEQ_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "num_virtual_tokens": prompt_PD.shape[0],
        "num_transformer_submodules": 1,
        "token_dim": config.width,
        "num_layers": config.encoder_layers,
        "num_attention_heads": config.heads,
        "prompt_tuning_init": "RANDOM",
    }
    weights = {"prompt_embeddings": prompt_PD.detach().float().contiguous().cpu()}
    partial = folder / f".{ADAPTER_WEIGHTS}.partial"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.replace(folder / ADAPTER_WEIGHTS)
    (folder / ADAPTER_CONFIG).write_text(json.dumps(adapter, indent=2) + "\n", "utf-8")


def read_prompt(path: Path) -> Tensor:
    """Read a prompt [P, D] in float32; raises `InputError` for anything else than finite vectors."""
    if path.is_dir():
        prompt_PD = _read_peft(path)
    elif path.suffix == ".npy":
        prompt_PD = _read_npy(path)
    else:
        prompt_PD = _read_tensors(path).get("prompt", torch.empty(0))
    if prompt_PD.ndim != 2 or not prompt_PD.numel() or not prompt_PD.is_floating_point():
        raise InputError(
            f"{path}: expected a prompt [length, width] of floating-point numbers, got "
            f"{list(prompt_PD.shape)} of {prompt_PD.dtype}"
        )
    if not prompt_PD.isfinite().all():
        raise InputError(f"{path}: the prompt holds NaN or infinity; use an earlier checkpoint")
    return prompt_PD.float()


def _read_peft(folder: Path) -> Tensor:
    path = folder / ADAPTER_CONFIG
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a PEFT prompt folder ({error})") from error
    if config.get("peft_type") != "PROMPT_TUNING":
        raise InputError(
            f"{path}: expected a PROMPT_TUNING adapter, got {config.get('peft_type')!r}"
        )
    tensors = _read_tensors(folder / ADAPTER_WEIGHTS)
    if set(tensors) != {"prompt_embeddings"}:
        raise InputError(
            f"{folder / ADAPTER_WEIGHTS}: expected the one tensor 'prompt_embeddings', "
            f"got {sorted(tensors)[:4]}"
        )
    length = config.get("num_virtual_tokens", len(tensors["prompt_embeddings"]))
    if len(tensors["prompt_embeddings"]) == 2 * length:
        # PEFT's default of two sub-modules saves a second half that never meets the model
        return tensors["prompt_embeddings"][:length]
    return tensors["prompt_embeddings"]


def _read_npy(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise InputError(f"{path}: not a plain .npy array ({error})") from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({error})") from error
