"""Prompts on disk: PEFT's folder (both ways), Google's `.npy` and our own state (read).

PEFT's folder holds adapter_config.json and adapter_model.safetensors with one tensor
`prompt_embeddings` [P, D]; `num_transformer_submodules` is 1, since a prompt stands in the encoder only.
"""

import hashlib
import json
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xlgen.errors import InputError
from xlgen.files import read_object, reason, replacing
from xlgen.model.t5 import T5Config

# numpy parses the header as Python, and allocates whatever shape stands there
_NPY_DAMAGE = (OSError, ValueError, TypeError, EOFError, SyntaxError, TokenError, MemoryError)
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def save_prompt(prompt_PD: Tensor, folder: Path, *, config: T5Config, base: str) -> None:
    """Write a prompt as a folder that `peft.PeftModel.from_pretrained` opens. `base` names the model.

    The weights' SHA-256 stands in the file's metadata, which PEFT passes over: it warns of a key of ours
    in its configuration, and leaves it out of what it saves.
    """
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
    metadata = {"format": "pt", "sha256": tensors_sha256(weights)}
    # both are on the disk before either takes its place
    with (
        replacing(folder / ADAPTER_CONFIG) as config_path,
        replacing(folder / ADAPTER_WEIGHTS) as weights_path,
    ):
        save_file(weights, weights_path, metadata=metadata)
        config_path.write_text(json.dumps(adapter, indent=2) + "\n", "utf-8")


def read_prompt(path: Path) -> Tensor:
    """Read a prompt [P, D] in float32; raises `InputError` for anything else than finite vectors."""
    if path.is_dir():
        prompt_PD = _read_peft(path)
    elif path.suffix == ".npy":
        prompt_PD = _read_npy(path)
    else:
        prompt_PD = read_tensors(path).get("prompt", torch.empty(0))
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
    config = read_object(path, remedy="name a PEFT prompt folder")
    if config.get("peft_type") != "PROMPT_TUNING":
        raise InputError(
            f"{path}: expected a PROMPT_TUNING adapter, got {config.get('peft_type')!r}"
        )
    tensors = read_tensors(folder / ADAPTER_WEIGHTS)
    if set(tensors) != {"prompt_embeddings"}:
        raise InputError(
            f"{folder / ADAPTER_WEIGHTS}: expected the one tensor 'prompt_embeddings', "
            f"got {sorted(tensors)[:4]}"
        )
    prompt_PD = tensors["prompt_embeddings"]
    length = config.get("num_virtual_tokens")
    # PEFT's default of two sub-modules saves a second half that never meets the model
    if type(length) is int and prompt_PD.ndim == 2 and len(prompt_PD) == 2 * length:
        return prompt_PD[:length]
    return prompt_PD


def _read_npy(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except _NPY_DAMAGE as error:
        raise InputError(
            f"{path}: not a plain .npy array ({' '.join(str(error).split())[:200]})"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; where its metadata name a SHA-256, it must be that of the tensors."""
    return read_tensors_and_metadata(path)[0]


def read_tensors_and_metadata(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the same, and the metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({reason(error)})") from error
    if metadata.get("sha256", expected := tensors_sha256(tensors)) != expected:
        raise InputError(f"{path}: damaged: its SHA-256 is not the one it names; export it again")
    return tensors, metadata


def tensors_sha256(tensors: dict[str, Tensor]) -> str:
    """Return a hash of names, shapes and bits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {list(tensors[name].shape)} {tensors[name].dtype}\n".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
