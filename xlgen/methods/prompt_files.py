"""Prompts on disk: PEFT's folder (both ways), of several tasks (read), Google's `.npy`, our own state.

PEFT's folder holds adapter_config.json and adapter_model.safetensors with one tensor
`prompt_embeddings` [P, D]; `num_transformer_submodules` is 1, since a prompt stands in the encoder only.
Multitask prompt tuning has beside it [tasks, P, rank] and [tasks, rank, D], whose product scales it.
"""

import hashlib
import json
from pathlib import Path
from tokenize import TokenError
from typing import Any

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
# What a folder holds, by its peft_type
_PEFT_TENSORS = {
    "PROMPT_TUNING": ("prompt_embeddings",),
    "MULTITASK_PROMPT_TUNING": ("prompt_embeddings", "prefix_task_cols", "prefix_task_rows"),
}
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
    """Read a prompt [P, D] in float32; raises `InputError` for anything else than finite vectors.

    `FOLDER#2` is the prompt of task 2 of a multitask folder.
    """
    folder, _, task = str(path).rpartition("#")
    if path.is_dir():
        prompt_PD = _read_peft(path, None)
    elif task.isdecimal() and Path(folder).is_dir():
        prompt_PD = _read_peft(Path(folder), int(task))
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


def _read_peft(folder: Path, task: int | None) -> Tensor:
    path = folder / ADAPTER_CONFIG
    config = read_object(path, remedy="name a PEFT prompt folder")
    kind = str(config.get("peft_type"))
    if kind not in _PEFT_TENSORS:
        raise InputError(f"{path}: expected a {' or '.join(_PEFT_TENSORS)} adapter, got {kind!r}")
    weights = folder / ADAPTER_WEIGHTS
    pickle = folder / "adapter_model.bin"
    if pickle.is_file() and not weights.is_file():
        raise InputError(
            f"{pickle}: is a pickle, which can run code and is never opened; save the adapter with "
            "safe_serialization=True"
        )
    tensors = read_tensors(weights)
    if set(tensors) != set(_PEFT_TENSORS[kind]):
        raise InputError(
            f"{weights}: expected {', '.join(map(repr, _PEFT_TENSORS[kind]))}, got {sorted(tensors)[:4]}"
        )
    prompt_PD = tensors["prompt_embeddings"]
    if kind == "MULTITASK_PROMPT_TUNING":
        prompt_PD = _of_task(tensors, task, path=weights)
    elif task is not None:
        raise InputError(f"{folder}#{task}: is a prompt of one task; leave #{task} out")
    return _encoder_half(prompt_PD, config, path=weights)


def _of_task(tensors: dict[str, Tensor], task: int | None, *, path: Path) -> Tensor:
    """Return shared prompt * (columns @ rows) of one task (Wang et al. 2023, as PEFT has it)."""
    shared_PD, cols_KPR, rows_KRD = (
        tensors[name] for name in _PEFT_TENSORS["MULTITASK_PROMPT_TUNING"]
    )
    shapes = [list(tensor.shape) for tensor in (shared_PD, cols_KPR, rows_KRD)]
    if (
        [len(shape) for shape in shapes] != [2, 3, 3]
        or shapes[0] != [shapes[1][1], shapes[2][2]]
        or (shapes[1][::2] != shapes[2][:2])
    ):
        raise InputError(
            f"{path}: expected [P, D], [tasks, P, rank] and [tasks, rank, D], got {shapes}; export it again"
        )
    if task is None and len(cols_KPR) == 1:
        task = 0
    if task is None or task >= len(cols_KPR):
        raise InputError(
            f"{path}: holds {len(cols_KPR)} tasks, and {'none' if task is None else task} was named; "
            f"write FOLDER#0 to FOLDER#{len(cols_KPR) - 1}"
        )
    return shared_PD.float() * (cols_KPR[task].float() @ rows_KRD[task].float())


def _encoder_half(prompt_PD: Tensor, config: dict[str, Any], *, path: Path) -> Tensor:
    """Return the vectors that stand before the input; PEFT may save as many again, for the decoder."""
    length, found = (
        config.get("num_virtual_tokens"),
        len(prompt_PD) if prompt_PD.ndim == 2 else None,
    )
    if type(length) is not int or found is None or found == length:
        return prompt_PD
    if found == 2 * length and config.get("num_transformer_submodules") in (2, None):
        return prompt_PD[:length]
    raise InputError(
        f"{path}: expected num_virtual_tokens = {length} vectors, or {2 * length} with "
        f"num_transformer_submodules 2 (PEFT's default for seq2seq saves a second half, of which its "
        f"generate makes no use and we take none), got {found}; save it with num_transformer_submodules=1"
    )


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
