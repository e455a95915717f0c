"""What a machine allows: the rate of its products, the bandwidth of its memory, what a work needs of both."""

import time
from collections.abc import Callable
from math import prod

import torch
from timing import seconds
from torch.utils.flop_counter import FlopCounterMode

Clock = Callable[[], float]


def device_clock(device: torch.device) -> Clock:
    """Return wall-clock seconds, counted when a GPU has done what it was given."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    return now


def product_rate(device: torch.device, *, dtype: torch.dtype, clock: Clock) -> float:
    """Return the operations a second of one large matrix product."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = torch.randn(2, size, size, device=device, dtype=dtype)
    return 2 * size**3 / min(seconds(lambda: left @ right, clock) for _ in range(8))


def read_rate(device: torch.device, *, clock: Clock) -> float:
    """Return the bytes a second read by a matrix too large for the caches times a vector."""
    matrix, vector = torch.ones(2**16, 2**11, device=device), torch.ones(2**11, device=device)
    return matrix.nbytes / min(seconds(lambda: matrix @ vector, clock) for _ in range(4))


def count_operations(work: Callable[[], object]) -> int:
    """Return the operations of a work's matrix products, those of oneDNN's packed weights among them."""

    def linear(hidden: torch.Size, weight: torch.Size, *_: object, out_shape: torch.Size) -> int:
        return 2 * prod(hidden) * out_shape[-1]

    counted = {torch.ops.mkldnn._linear_pointwise: linear}
    with FlopCounterMode(display=False, custom_mapping=counted) as counter:
        work()
    return counter.get_total_flops()


def roofline(
    operations: int,
    *,
    taken: dict[str, float],
    device: torch.device,
    clock: Clock,
    dtype: torch.dtype = torch.float32,
    weights: int = 0,
) -> dict[str, object]:
    """Return the least time that products and reading of `weights` bytes take here, and its shares.

    Products and reading may overlap: the longer of both is the limit, which no program with these products in
    this precision passes. Weights that stay in a cache between steps are read faster than said here.
    """
    rate = product_rate(device, dtype=dtype, clock=clock)
    reading = weights / read_rate(device, clock=clock) if weights else 0.0
    least = max(operations / rate, reading)
    return {
        "gflop": round(operations / 1e9, 1),
        "gflops_a_second": round(rate / 1e9, 1),
        "seconds": round(least, 4),
        "set_by": "products" if least > reading else "reading",
        "share": {name: round(least / value, 2) for name, value in taken.items()},
    }
