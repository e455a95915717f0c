"""What the decoder remembers between two steps of generation: keys, values, and who descends from whom.

Shapes as in `t5.py`, and A sources still being decoded, N beams of each, C slots of the self-attention.
The beams of a source are query rows over one set of keys. The encoder's keys are there once, not N times.
The decoder's own are there once too: every step adds N slots, one for each beam, and a mask of descent
says which slots a beam may see. So nothing is copied when beams are reordered; their masks are.
"""

import torch
from torch import Tensor

FIRST_STEPS = 32  # room at the start, in steps; doubled whenever it is full


class LayerCache:
    """Keys and values of one decoder layer."""

    def __init__(self, cross_key_AHSK: Tensor, cross_value_AHSK: Tensor, *, beams: int) -> None:
        self.cross_key_AHSK = cross_key_AHSK.contiguous()
        self.cross_value_AHSK = cross_value_AHSK.contiguous()
        sources, heads, _, head_width = cross_key_AHSK.shape
        room = (sources, heads, FIRST_STEPS * beams, head_width)
        self._key_AHCK = cross_key_AHSK.new_zeros(room)
        self._value_AHCK = cross_key_AHSK.new_zeros(room)

    def append(self, key_AHNK: Tensor, value_AHNK: Tensor, *, filled: int) -> tuple[Tensor, Tensor]:
        """Put N slots behind the `filled` ones; return all keys and values so far."""
        end = filled + key_AHNK.shape[2]
        if end > self._key_AHCK.shape[2]:
            self._key_AHCK = _doubled(self._key_AHCK)
            self._value_AHCK = _doubled(self._value_AHCK)
        self._key_AHCK[:, :, filled:end] = key_AHNK
        self._value_AHCK[:, :, filled:end] = value_AHNK
        return self._key_AHCK[:, :, :end], self._value_AHCK[:, :, :end]

    def keep(self, holes: Tensor, movers: Tensor, *, sources: int, filled: int) -> None:
        """Move the `movers` into the `holes` and keep the first `sources`."""
        for tensor in (self._key_AHCK, self._value_AHCK):
            tensor[holes, :, :filled] = tensor[movers, :, :filled]
        for tensor in (self.cross_key_AHSK, self.cross_value_AHSK):
            tensor[holes] = tensor[movers]
        self._key_AHCK, self._value_AHCK = self._key_AHCK[:sources], self._value_AHCK[:sources]
        self.cross_key_AHSK = self.cross_key_AHSK[:sources]
        self.cross_value_AHSK = self.cross_value_AHSK[:sources]


class DecoderState:
    """The state of A sources with N beams each, all at the same step."""

    def __init__(self, layers: list[LayerCache], cross_bias_A11S: Tensor, *, beams: int) -> None:
        self.layers, self.cross_bias_A11S = layers, cross_bias_A11S
        self.beams, self.steps = beams, 0
        sources = cross_bias_A11S.shape[0]
        self._sees_ANC = torch.ones(
            sources, beams, 0, dtype=torch.bool, device=cross_bias_A11S.device
        )

    @property
    def filled(self) -> int:
        """Return how many slots the steps so far have filled."""
        return self.steps * self.beams

    def see_themselves(self) -> None:
        """Let every beam see the slot that it fills in this step, besides those it saw."""
        own_NN = torch.eye(self.beams, dtype=torch.bool, device=self._sees_ANC.device)
        own_ANN = own_NN.expand(self._sees_ANC.shape[0], -1, -1)
        self._sees_ANC = torch.cat([self._sees_ANC, own_ANN], dim=2)

    def self_bias(self, position_bias_H1T: Tensor) -> Tensor:
        """Return bias_AHNC: the positions' bias where a beam sees the slot, the lowest number elsewhere."""
        bias_H1C = position_bias_H1T.repeat_interleave(self.beams, dim=2)
        lowest = torch.finfo(bias_H1C.dtype).min
        return torch.where(self._sees_ANC[:, None], bias_H1C, lowest)

    def follow(self, parents_AN: Tensor) -> None:
        """Make beam n of each source the child of beam `parents_AN[a, n]`."""
        index_ANC = parents_AN[:, :, None].expand(-1, -1, self._sees_ANC.shape[2])
        self._sees_ANC = self._sees_ANC.gather(1, index_ANC)

    def keep(self, kept: list[int]) -> list[int]:
        """Drop all sources but `kept`; return the order they stand in now.

        Only as many sources move as leave: those at the end fill the places of those that left.
        """
        holes = sorted(set(range(len(kept))) - set(kept))
        movers = [source for source in kept if source >= len(kept)]
        order = list(range(len(kept)))
        for hole, mover in zip(holes, movers, strict=True):
            order[hole] = mover
        device = self._sees_ANC.device
        to_H, from_H = torch.tensor(holes, device=device), torch.tensor(movers, device=device)
        for layer in self.layers:
            layer.keep(to_H.long(), from_H.long(), sources=len(kept), filled=self.filled)
        self.cross_bias_A11S = self.cross_bias_A11S[order]
        self._sees_ANC = self._sees_ANC[order]
        return order


def _doubled(tensor_AHCK: Tensor) -> Tensor:
    return torch.cat([tensor_AHCK, torch.zeros_like(tensor_AHCK)], dim=2)
