"""EXAMPLES -> BATCHES: padding, and batches of like lengths whose order is a pure function of the step.

The first place that knows torch. Task and language stay fields of the batch; nothing here knows text.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from xlgen.data.examples import TokenizedExample
from xlgen.errors import InputError


@dataclass(frozen=True)
class Batch:
    """B examples, padded with 0 on the right. Masks are True where there is content."""

    input_BL: Tensor
    input_mask_BL: Tensor
    target_BT: Tensor
    target_mask_BT: Tensor
    languages: list[str]
    tasks: list[str]
    ids: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def target_tokens(self) -> int:
        """Return how many target positions hold content, which is what a loss is divided by."""
        return int(self.target_mask_BT.sum())

    def rows(self, chosen: slice) -> "Batch":
        """Return some of the examples, padded as they were."""
        return Batch(
            self.input_BL[chosen],
            self.input_mask_BL[chosen],
            self.target_BT[chosen],
            self.target_mask_BT[chosen],
            self.languages[chosen],
            self.tasks[chosen],
            self.ids[chosen],
        )

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch with its tensors on `device`."""
        return Batch(
            self.input_BL.to(device, non_blocking=True),
            self.input_mask_BL.to(device, non_blocking=True),
            self.target_BT.to(device, non_blocking=True),
            self.target_mask_BT.to(device, non_blocking=True),
            self.languages,
            self.tasks,
            self.ids,
        )


def collate(examples: Sequence[TokenizedExample]) -> Batch:
    """Pad examples to the longest input and the longest target among them.

    >>> batch = collate([TokenizedExample("a", "th", "t", (5, 6, 1), (7, 1)),
    ...                  TokenizedExample("b", "en", "t", (8, 1), (9, 9, 1))])
    >>> batch.input_BL.tolist(), batch.target_mask_BT.tolist()
    ([[5, 6, 1], [8, 1, 0]], [[True, True, False], [True, True, True]])
    """
    if not examples:
        raise ValueError("expected at least one example to make a batch of")
    for example in examples:
        if not example.input or not example.target:
            side = "target" if example.input else "input"
            raise InputError(
                f"example {example.id!r} has no {side} tokens; each side needs at least </s>"
            )
    input_BL, input_mask_BL = _pad([example.input for example in examples])
    target_BT, target_mask_BT = _pad([example.target for example in examples])
    return Batch(
        input_BL,
        input_mask_BL,
        target_BT,
        target_mask_BT,
        languages=[example.language for example in examples],
        tasks=[example.task for example in examples],
        ids=[example.id for example in examples],
    )


def _pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    lengths_B1 = torch.tensor([len(row) for row in rows])[:, None]
    longest = int(lengths_B1.max())
    tokens_BL = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    return tokens_BL, torch.arange(longest)[None, :] < lengths_B1


def by_length(examples: Iterable[TokenizedExample]) -> list[TokenizedExample]:
    """Sort by input length, then target length; equal lengths keep their order."""
    return sorted(examples, key=lambda example: (len(example.input), len(example.target)))


def batches_by_length(examples: Iterable[TokenizedExample], *, batch_size: int) -> Iterator[Batch]:
    """Cut a finite set, such as a validation set, into batches of like lengths, longest first.

    The longest comes first so that a batch too large for memory fails at once. Order differs from
    that of `examples`: match results by `batch.ids`.
    """
    ordered = by_length(examples)[::-1]
    for start in range(0, len(ordered), batch_size):
        yield collate(ordered[start : start + batch_size])


class Stream(Protocol):
    """Batches as a pure function of the step, such as `BucketedStream`."""

    def batch(self, step: int) -> list[Batch]:
        """Return the micro-batches of update number `step`, counted from 0."""
        ...


class Order(Protocol):
    """Where each example of an endless sequence lies, such as `xlgen.data.mixture.Mixture`."""

    def locate(self, number: int, /) -> tuple[int, ...]:
        """Return the location of global example `number`."""
        ...


class Batching(Protocol):
    """The settings a stream reads, such as `xlgen.training.loop.TrainingConfig`."""

    @property
    def batch_size(self) -> int: ...
    @property
    def micro_batch(self) -> int | None: ...
    @property
    def window(self) -> int: ...
    @property
    def seed(self) -> int: ...


class BucketedStream:
    """Endless batches of like lengths: `batch(step)` depends on its arguments and nothing else.

    Windows of `window` * `batch_size` consecutive examples are sorted by length and cut into batches,
    whose order within the window is shuffled by (seed, window number). Every window holds just the
    examples that `order` puts there, so each example is seen as often as without bucketing.

    `example_at(*order.locate(number))` reads the global example `number`. A step's batch is cut further
    into micro-batches of at most `micro_batch` examples.
    """

    def __init__(
        self, order: Order, example_at: Callable[..., TokenizedExample], batching: Batching
    ) -> None:
        self.order, self.example_at = order, example_at
        self.batch_size, self.window, self.seed = (
            batching.batch_size,
            batching.window,
            batching.seed,
        )
        self.micro_batch = batching.micro_batch or batching.batch_size
        if min(self.batch_size, self.window, self.micro_batch) < 1:
            raise InputError("batch_size, micro_batch and window must be at least 1")
        self._kept: tuple[int, list[list[TokenizedExample]]] | None = None

    def batch(self, step: int) -> list[Batch]:
        """Return the micro-batches of update number `step`, counted from 0."""
        examples = self.examples(step)
        cuts = range(0, len(examples), self.micro_batch)
        return [collate(examples[start : start + self.micro_batch]) for start in cuts]

    def examples(self, step: int) -> list[TokenizedExample]:
        """Return the examples of update number `step`, shortest first."""
        window, place = divmod(step, self.window)
        if self._kept is None or self._kept[0] != window:
            # only a memory of the last window: the result is the same without it
            self._kept = window, self._make_window(window)
        return self._kept[1][place]

    def _make_window(self, window: int) -> list[list[TokenizedExample]]:
        size = self.window * self.batch_size
        numbers = range(window * size, (window + 1) * size)
        ordered = by_length(self.example_at(*self.order.locate(number)) for number in numbers)
        batches = [ordered[i : i + self.batch_size] for i in range(0, size, self.batch_size)]
        random.Random(f"{self.seed}/{window}").shuffle(batches)
        return batches


class SideBySide:
    """At each step the micro-batches of all streams, one stream after the other, each as it is alone."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = streams

    def batch(self, step: int) -> list[Batch]:
        """Return the micro-batches of update number `step`, counted from 0."""
        return [batch for stream in self.streams for batch in stream.batch(step)]


class Prefetch:
    """Make the next step's batch in a second thread while the model is busy with this one's.

    The stream is only ever called in that thread. Because a batch is a pure function of its step,
    guessing the next step wrong costs time and changes nothing.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[int, Future[list[Batch]]] = {}

    def batch(self, step: int) -> list[Batch]:
        """Return the stream's batch and begin the one after it."""
        wanted = self._ahead.pop(step, None) or self._thread.submit(self.stream.batch, step)
        self._ahead = {step + 1: self._thread.submit(self.stream.batch, step + 1)}
        return wanted.result()

    def close(self) -> None:
        """Give up what was begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)
