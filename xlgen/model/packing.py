"""A batch without padding: the positions of its examples one after the other, [N, ...], and their lengths."""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def lengths_of(mask_BS: Tensor) -> tuple[int, ...]:
    """Return how many positions of each example hold content."""
    return tuple(mask_BS.sum(1).tolist())


def content(lengths: tuple[int, ...], *, device: torch.device | None = None) -> Tensor:
    """Return mask_BS, True at the first positions of each example, as many as it has."""
    lengths_B1 = torch.tensor(lengths, device=device)[:, None]
    return torch.arange(max(lengths, default=0), device=device) < lengths_B1


def pad(rows_N: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Return the rows as [B, S, ...] with zeros behind an example's own; undone by `pack`."""
    if len(set(lengths)) == 1:
        return rows_N.unflatten(0, (len(lengths), -1))
    return pad_sequence(rows_N.split(lengths), batch_first=True)


def pack(padded_BS: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Return the first positions of each example, as many as it has: [N, ...]."""
    if set(lengths) == {padded_BS.shape[1]}:
        return padded_BS.flatten(0, 1)
    rows = zip(padded_BS.unbind(), lengths, strict=True)
    return torch.cat([row[:length] for row, length in rows])


def put_before(
    rows_ND: Tensor, lengths: tuple[int, ...], *, prompt_BPD: Tensor, prompts: tuple[int, ...]
) -> Tensor:
    """Return each example's rows behind the last of its prompt's P, as many as `prompts` says."""
    places = prompt_BPD.shape[1]
    pairs = zip(prompt_BPD.unbind(), prompts, rows_ND.split(lengths), strict=True)
    return torch.cat(
        [part for prompt, own, rows in pairs for part in (prompt[places - own :], rows)]
    )
