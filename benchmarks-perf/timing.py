"""Time works side by side: one after the other in each round, so that neighbours in time are compared."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Times = dict[str, list[float]]


def clock_of(threads: int) -> Callable[[], float]:
    """Return CPU seconds of this process for one thread, which a busy machine disturbs little, else wall."""
    return time.process_time if threads == 1 else time.perf_counter


def interleaved(
    works: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> Times:
    """Return the seconds of each work in each round."""
    times: Times = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work, clock))
    return times


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return how long `work` takes."""
    start = clock()
    work()
    return clock() - start


def medians(times: Times) -> dict[str, float]:
    """Return each work's median."""
    return {name: statistics.median(values) for name, values in times.items()}


def ratio(times: Times, slow: str, fast: str) -> dict[str, float]:
    """Return how many times longer `slow` took than `fast`, by round: median, lowest and highest."""
    ratios = [theirs / ours for theirs, ours in zip(times[slow], times[fast], strict=True)]
    found = {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return {name: round(value, 2) for name, value in found.items()}


def show(work: str, times: Times, *, ours: str = "xlgen", **more: Any) -> dict[str, Any]:
    """Print one line of JSON: the work in words, each side's seconds, how many times as fast as each peer.

    Return what the line holds.
    """
    told = {
        "work": work,
        "rounds": len(times[ours]),
        "seconds": {name: round(value, 4) for name, value in medians(times).items()},
        "times_as_fast": {name: ratio(times, name, ours) for name in times if name != ours},
        **more,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    return told
