"""float32, or bfloat16 products over float32 weights; and where a model lives."""

import ctypes
import functools
import logging
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from xlgen.errors import InputError

log = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16"]


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[None]:
    """Return the context in which a batch goes forward."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def warn_of_slow_precision(device: torch.device, precision: Precision) -> None:
    """Say so where bf16 has no instructions: there it is about a hundred times slower than fp32."""
    on_x86 = platform.machine() in ("x86_64", "AMD64")
    if device.type == "cpu" and on_x86 and precision == "bf16" and not has_bf16_products():
        log.warning(
            "this CPU has no bfloat16 instructions, so that bf16 is about 100 times slower than fp32 "
            "here; set training.precision=fp32"
        )


def has_bf16_products() -> bool:
    """Return whether this x86 processor has instructions for products in bfloat16."""
    # torch 2.11 has no public question for this one
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def describe_device(device: torch.device) -> str:
    """Return "cpu", or the GPU's name with the version of CUDA."""
    if device.type != "cuda":
        return device.type
    return f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"


@contextmanager
def memory_told(remedy: str) -> Iterator[None]:
    """Turn running out of memory into one line with a remedy."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        reason = str(error).partition(". ")[0] or "out of memory"
        raise InputError(f"{reason}; {remedy}") from error
    except RuntimeError as error:  # on a CPU torch has no class of its own for it
        found = re.search(r"can't allocate memory[^.]*", str(error))
        if found is None:
            raise
        raise InputError(f"{found[0]}; {remedy}") from error


def best_device() -> torch.device:
    """Return the GPU of this process, where there are GPUs; otherwise the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))  # torchrun's


def device_of(module: nn.Module) -> torch.device:
    """Return the device of a module's first parameter."""
    return next(module.parameters()).device


def prepare_cpu() -> None:
    """Make torch faster on a CPU for the rest of the process: its memory, and float32 products."""
    keep_freed_memory()
    use_onednn_products()


@functools.cache
def use_onednn_products() -> bool:
    """Let oneDNN make float32 products where it is exact and MKL leaves AVX-512 unused; say whether.

    MKL, torch's default, takes AVX2 alone on processors that Intel has not made: 100 GFLOP/s a core where
    oneDNN has 230 (Zen 5). On Intel's own it is the faster one: by 10 to 15 % in large products, four times
    in those of a few rows. Torch hands products to oneDNN only at the precision "medium", which allows
    bfloat16; oneDNN makes use of that with AMX alone. There, or where a product is inexact, nothing changes.
    """
    has_avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    if torch.cuda.is_available() or not has_avx512 or torch.cpu._is_amx_tile_supported():
        return False  # the setting would hold for CUDA too
    if _is_intel():
        return False
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:
        return False  # the program has chosen by torch's newer settings, which do not mix with this one
    torch.set_float32_matmul_precision("medium")
    exact = _error_of_a_product() < 1e-5  # bfloat16's is 4e-3
    if not exact:
        torch.set_float32_matmul_precision(before)
    return exact


def float32_products() -> str:
    """Return who makes float32 products on the CPU, of which their last bits depend."""
    return "oneDNN" if use_onednn_products() else "torch's default"


def _is_intel() -> bool:
    told = Path("/proc/cpuinfo")
    return "GenuineIntel" in (told.read_text() if told.exists() else platform.processor())


def _error_of_a_product() -> float:
    left, right = torch.linspace(-1, 1, 2 * 256**2).view(2, 256, 256)
    exact = left.double() @ right.double()
    return float((left @ right - exact).abs().max() / exact.abs().max())


@functools.cache
def keep_freed_memory() -> None:
    """Ask glibc to keep freed tensors' memory instead of giving it back to the kernel at each step.

    Without it a step takes about half a million page faults (mT5-small, 8 x 256 tokens). Elsewhere than
    on glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, mmap_max = -1, -4  # <malloc.h>
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
