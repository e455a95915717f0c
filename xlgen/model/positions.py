"""T5's relative positions: which bucket a distance falls into. Shapes: whatever the distances have."""

from functools import cache

import torch
from torch import Tensor


@cache
def bucket_table(
    *, bidirectional: bool, buckets: int, furthest: int, device: torch.device
) -> Tensor:
    """Return the buckets of distances -furthest..furthest; farther ones share those of the ends.

    Computed on the CPU, so that borders fall alike on every device.
    """
    distance = torch.arange(-furthest, furthest + 1, device="cpu")
    return position_bucket(
        distance, bidirectional=bidirectional, buckets=buckets, furthest=furthest
    ).to(device)


def position_bucket(
    distance: Tensor, *, bidirectional: bool, buckets: int, furthest: int
) -> Tensor:
    """Map key-minus-query distances to buckets: exact when near, logarithmic up to `furthest` (T5)."""
    bucket = torch.zeros_like(distance)
    if bidirectional:
        buckets //= 2
        bucket = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = -distance.clamp(max=0)
    exact = buckets // 2
    scale = torch.log(torch.tensor(furthest / exact))
    # float32 as in the reference implementations: bucket borders depend on the rounding
    far = exact + (
        torch.log(distance.float() / exact) / scale.to(distance.device) * (buckets - exact)
    )
    far = far.clamp(max=buckets - 1).long()
    return bucket + torch.where(distance < exact, distance, far)
