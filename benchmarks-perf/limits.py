"""What a machine allows: the rate of its products, the bandwidth of its memory, what a work needs of both."""

import time
from collections.abc import Callable
from math import prod

import torch
from torch.utils.flop_counter import FlopCounterMode

Clock = Callable[[], float]


def device_clock(device: torch.device) -> Clock:
    """Return wall-clock seconds, counted when a GPU has done what it was given."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    return now


def best_of(work: Callable[[], object], clock: Clock, *, tries: int = 8) -> float:
    """Return the seconds of the fastest try."""
    taken = []
    for _ in range(tries):
        start = clock()
        work()
        taken.append(clock() - start)
    return min(taken)


def product_rate(device: torch.device, *, dtype: torch.dtype, clock: Clock) -> float:
    """Return the operations a second of one large matrix product."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = torch.randn(2, size, size, device=device, dtype=dtype)
    return 2 * size**3 / best_of(lambda: left @ right, clock)


def read_rate(device: torch.device, *, clock: Clock) -> float:
    """Return the bytes a second read by a matrix too large for the caches times a vector."""
    matrix, vector = (
        torch.ones(2**16, 2**11, device=device),
        torch.ones(2**11, device=device),
    )
    return matrix.nbytes / best_of(lambda: matrix @ vector, clock, tries=4)


def count_operations(work: Callable[[], object]) -> int:
    """Return the operations of a work's matrix products, those of oneDNN's packed weights among them."""

    def linear(hidden: torch.Size, weight: torch.Size, *_: object, out_shape: torch.Size) -> int:
        return 2 * prod(hidden) * out_shape[-1]

    counted = {torch.ops.mkldnn._linear_pointwise.default: linear}
    with FlopCounterMode(display=False, custom_mapping=counted) as counter:
        work()
    return counter.get_total_flops()


def roofline(
    operations: int,
    *,
    seconds: dict[str, float],
    device: torch.device,
    clock: Clock,
    dtype: torch.dtype = torch.float32,
    weights: int = 0,
) -> dict[str, object]:
    """Return the least time that products and reading of `weights` bytes take here, and each side's share.

    Products and reading may overlap: the longer of both is the limit. No program with these products in
    this precision is faster.
    """
    rate = product_rate(device, dtype=dtype, clock=clock)
    reading = weights / read_rate(device, clock=clock) if weights else 0.0
    least = max(operations / rate, reading)
    return {
        "gflop": round(operations / 1e9, 1),
        "gflops_a_second": round(rate / 1e9, 1),
        "seconds": round(least, 4),
        "share": {name: round(least / taken, 2) for name, taken in seconds.items()},
    }
