"""The T5-family forward: tokens (and a prompt) to hidden states. Knows nothing about text or losses.

Follows mT5 (Xue et al. 2021): gated GELU, RMS norm before each sub-layer, relative position bias shared
by the layers of a stack (in umT5 one for each layer), no scaling of the attention scores, an output head
that is not tied to the embedding. Shapes: B batch, L input, P prompt, S = P + L encoder positions, T target,
D width, H heads, K per head, F feed-forward, V vocabulary rows. Masks are True where there is content.
Between embedding and head there is no padding: N positions stand one example after the other (`packing.py`).
"""

from dataclasses import dataclass
from itertools import cycle
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlgen.model.attention import Pattern, attend, attend_cached, attention_dtype, blocked
from xlgen.model.cache import DecoderState, LayerCache
from xlgen.model.dropout import Dropout
from xlgen.model.norm import rms_norm
from xlgen.model.packing import content, lengths_of, pad, put_before
from xlgen.model.positions import bucket_table


@dataclass(frozen=True)
class T5Config:
    """The shape of a model. `vocabulary` counts embedding rows, which may exceed the tokenizer's size."""

    vocabulary: int
    width: int
    heads: int
    head_width: int
    feed_forward: int
    encoder_layers: int
    decoder_layers: int
    position_buckets: int = 32
    position_distance: int = 128
    dropout: float = 0.1
    epsilon: float = 1e-6
    positions_per_layer: bool = False  # umT5 (Chung et al. 2023)


@dataclass(frozen=True)
class Encoded:
    """What the decoder attends to: hidden states of prompt and input, and how many each example has."""

    hidden_ND: Tensor
    lengths: tuple[int, ...]


class T5(nn.Module):
    """Encoder, decoder and head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.shared = _rows(config.vocabulary, config.width)
        self.encoder = Stack(config, layers=config.encoder_layers, decoder=False)
        self.decoder = Stack(config, layers=config.decoder_layers, decoder=True)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)

    def encode(
        self,
        input_BL: Tensor,
        mask_BL: Tensor,
        prompt_BPD: Tensor | None = None,
        prompt_mask_BP: Tensor | None = None,
    ) -> Encoded:
        """Encode a batch; each example's own prompt, if any, stands before its input.

        Shorter prompts of a mixed batch are padded on the left, so that every prompt touches its input.
        """
        hidden_ND, lengths = self.shared(input_BL[mask_BL]), lengths_of(mask_BL)
        if prompt_BPD is not None:
            prompts = (prompt_BPD.shape[1],) * len(lengths)
            if prompt_mask_BP is not None:
                prompts = lengths_of(prompt_mask_BP)
            prompt_BPD = prompt_BPD.to(hidden_ND.dtype)
            hidden_ND = put_before(hidden_ND, lengths, prompt_BPD=prompt_BPD, prompts=prompts)
            lengths = tuple(map(sum, zip(prompts, lengths, strict=True)))
        patterns = self.encoder.patterns(lengths, hidden_ND)
        return Encoded(self.encoder(hidden_ND, patterns), lengths)

    def decode(self, shifted_BT: Tensor, encoded: Encoded, mask_BT: Tensor | None = None) -> Tensor:
        """Return hidden_ND of the whole targets at once, one after the other, without their padding.

        `shifted_BT` is the target after a leading 0; without a mask all of it is content.
        """
        mask_BT = torch.ones_like(shifted_BT, dtype=torch.bool) if mask_BT is None else mask_BT
        hidden_ND, lengths = self.shared(shifted_BT[mask_BT]), lengths_of(mask_BT)
        patterns = self.decoder.patterns(lengths, hidden_ND)
        cross = Pattern(lengths, encoded.lengths, attention_dtype(hidden_ND), hidden_ND.device)
        return self.decoder(hidden_ND, patterns, encoded.hidden_ND, cross)

    def start(self, encoded: Encoded, *, beams: int) -> DecoderState:
        """Begin to generate: project the encoder's keys and values, once for a source and its beams."""
        hidden_BSD = pad(encoded.hidden_ND, encoded.lengths)
        layers = [layer.start(hidden_BSD, beams=beams) for layer in self.decoder.typed_layers()]
        mask_BS = content(encoded.lengths, device=hidden_BSD.device)
        cross_bias_BS = blocked(mask_BS, hidden_BSD.dtype)
        return DecoderState(layers, cross_bias_BS[:, None, None, :], beams=beams)

    def step(self, tokens_AN: Tensor, state: DecoderState) -> Tensor:
        """Feed every beam its last token (0 at the start); return hidden_AND, which the head makes logits of.

        `decode` a token at a time, without dropout; A may be fewer than the sources at the start.
        """
        learned = self.decoder.position_biases(1, state.steps + 1, first_query=state.steps)
        state.see_themselves()
        biases = [state.self_bias(bias_H1T) for bias_H1T in learned]
        hidden_AND = self.shared(tokens_AN)
        layers = zip(self.decoder.typed_layers(), state.layers, strict=True)
        for (layer, cache), bias in zip(layers, cycle(biases)):
            hidden_AND = layer.step(
                hidden_AND, bias, cache, state.cross_bias_A11S, filled=state.filled
            )
        state.steps += 1
        return self.decoder.norm(hidden_AND)


def count_parameters(config: T5Config) -> int:
    """Return how many numbers a model of this shape holds, without making it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in T5(config).parameters())


def shift_right(target_BT: Tensor) -> Tensor:
    """Put the start token (id 0, T5's pad) before the target and drop its last position."""
    return F.pad(target_BT[:, :-1], (1, 0), value=0)


class Stack(nn.Module):
    """The layers of one side, with their relative positions: shared, or a table for each layer."""

    def __init__(self, config: T5Config, *, layers: int, decoder: bool) -> None:
        super().__init__()
        self.config = config
        self.bidirectional = not decoder
        # the first layer's, or all layers'
        self.positions = _rows(config.position_buckets, config.heads)
        self.later_positions = nn.ModuleList(
            _rows(config.position_buckets, config.heads)
            for _ in range(layers - 1 if config.positions_per_layer else 0)
        )
        self.layers = nn.ModuleList(Layer(config, decoder=decoder) for _ in range(layers))
        self.norm = RMSNorm(config)
        self.dropout = Dropout(config.dropout)

    def typed_layers(self) -> list["Layer"]:
        """Return the layers as what they are; `nn.ModuleList` only promises modules."""
        return cast("list[Layer]", self.layers)

    def position_biases(self, queries: int, keys: int, *, first_query: int = 0) -> list[Tensor]:
        """Return bias_HQS for query positions from `first_query` on: one for all layers, or one for each.

        Computed once a forward. Each of the R = Q + S - 1 distances is looked up once; a query's row is
        a window of them.
        """
        device, furthest = self.positions.weight.device, self.config.position_distance
        distance_R = torch.arange(1 - first_query - queries, keys - first_query, device=device)
        table = bucket_table(
            bidirectional=self.bidirectional,
            buckets=self.config.position_buckets,
            furthest=furthest,
            device=device,
        )
        buckets_R = table[distance_R.clamp_(-furthest, furthest) + furthest]
        tables = [self.positions, *self.later_positions]
        biases_HR = [positions(buckets_R).T.contiguous() for positions in tables]
        # the last query's window comes first
        return [bias_HR.unfold(1, keys, 1).flip(1) for bias_HR in biases_HR]

    def patterns(self, lengths: tuple[int, ...], hidden_ND: Tensor) -> list[Pattern]:
        """Return how the layers attend to themselves: one pattern for all layers, or one for each."""
        longest, dtype, device = max(lengths), attention_dtype(hidden_ND), hidden_ND.device
        biases = self.position_biases(longest, longest)
        causal = not self.bidirectional
        return [Pattern(lengths, lengths, dtype, device, bias_HTT, causal) for bias_HTT in biases]

    def forward(
        self,
        hidden_ND: Tensor,
        patterns: list[Pattern],
        encoded_MD: Tensor | None = None,
        cross: Pattern | None = None,
    ) -> Tensor:
        hidden_ND = self.dropout(hidden_ND)
        for layer, pattern in zip(self.layers, cycle(patterns)):
            hidden_ND = layer(hidden_ND, pattern, encoded_MD, cross)
        return self.dropout(self.norm(hidden_ND))


class Layer(nn.Module):
    """Self-attention, in a decoder cross-attention, then the feed-forward; each added to its input."""

    def __init__(self, config: T5Config, *, decoder: bool) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config)
        self.attention = Attention(config)
        self.cross_norm = RMSNorm(config) if decoder else None
        self.cross_attention = Attention(config) if decoder else None
        self.feed_forward_norm = RMSNorm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        hidden_ND: Tensor,
        pattern: Pattern,
        encoded_MD: Tensor | None,
        cross: Pattern | None,
    ) -> Tensor:
        normed_ND = self.attention_norm(hidden_ND)
        hidden_ND = hidden_ND + self.dropout(self.attention(normed_ND, normed_ND, pattern))
        if self.cross_attention is not None and self.cross_norm is not None:
            normed_ND = self.cross_norm(hidden_ND)
            attended_ND = self.cross_attention(normed_ND, encoded_MD, cross)
            hidden_ND = hidden_ND + self.dropout(attended_ND)
        normed_ND = self.feed_forward_norm(hidden_ND)
        return hidden_ND + self.dropout(self.feed_forward(normed_ND))

    def start(self, encoded_BSD: Tensor, *, beams: int) -> LayerCache:
        """Project what the layer will attend to in every step."""
        assert self.cross_attention is not None
        keys_values = self.cross_attention.keys_values(encoded_BSD)
        return LayerCache(*(tensor.transpose(1, 2) for tensor in keys_values), beams=beams)

    def step(
        self,
        hidden_AND: Tensor,
        bias: Tensor,
        cache: LayerCache,
        cross_bias: Tensor,
        *,
        filled: int,
    ) -> Tensor:
        """Do `forward` for one position of N beams: they stand where positions stand in training."""
        assert self.cross_attention is not None
        assert self.cross_norm is not None
        normed_AND = self.attention_norm(hidden_AND)
        new = (tensor.transpose(1, 2) for tensor in self.attention.keys_values(normed_AND))
        key_AHCK, value_AHCK = cache.append(*new, filled=filled)
        hidden_AND = hidden_AND + self.attention.step(normed_AND, key_AHCK, value_AHCK, bias)
        hidden_AND = hidden_AND + self.cross_attention.step(
            self.cross_norm(hidden_AND), cache.cross_key_AHSK, cache.cross_value_AHSK, cross_bias
        )
        return hidden_AND + self.feed_forward(self.feed_forward_norm(hidden_AND))


class Attention(nn.Module):
    """Multi-head attention without score scaling; the pattern carries positions and who sees whom."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.heads, self.dropout = config.heads, config.dropout
        self.query = nn.Linear(config.width, inner, bias=False)
        self.key = nn.Linear(config.width, inner, bias=False)
        self.value = nn.Linear(config.width, inner, bias=False)
        self.output = nn.Linear(inner, config.width, bias=False)

    def forward(self, query_ND: Tensor, source_MD: Tensor, pattern: Pattern) -> Tensor:
        key_MHK, value_MHK = self.keys_values(source_MD)
        attended_NHK = attend(
            self._split(self.query(query_ND)),
            key_MHK,
            value_NHK=value_MHK,
            pattern=pattern,
            dropout=self.dropout if self.training else 0.0,
        )
        return self.output(attended_NHK.flatten(-2))

    def keys_values(self, source_SD: Tensor) -> tuple[Tensor, Tensor]:
        """Project what is attended to, [..., S, H, K]; generation computes this once and keeps it."""
        return self._split(self.key(source_SD)), self._split(self.value(source_SD))

    def step(self, query_AND: Tensor, key_AHCK: Tensor, value_AHCK: Tensor, bias: Tensor) -> Tensor:
        """Do `forward` for N beams of each source over keys and values that are there already."""
        query_AHNK = self._split(self.query(query_AND)).transpose(1, 2)
        attended_AHNK = attend_cached(query_AHNK, key_AHCK, value_AHCK=value_AHCK, bias=bias)
        return self.output(attended_AHNK.transpose(1, 2).flatten(-2))

    def _split(self, hidden: Tensor) -> Tensor:
        return hidden.unflatten(-1, (self.heads, -1))


class FeedForward(nn.Module):
    """Gated GELU: gelu(gate) * up, then down (T5 1.1)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.feed_forward, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        self.dropout = Dropout(config.dropout)

    def forward(self, hidden_ND: Tensor) -> Tensor:
        inner_NF = F.gelu(self.gate(hidden_ND), approximate="tanh") * self.up(hidden_ND)
        return self.down(self.dropout(inner_NF))


class RMSNorm(nn.Module):
    """Scale to unit root mean square, no mean subtraction, no bias (T5's layer norm)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.width))
        self.epsilon = config.epsilon

    def forward(self, hidden_ND: Tensor) -> Tensor:
        dtype = attention_dtype(hidden_ND)
        return rms_norm(hidden_ND, self.weight, epsilon=self.epsilon, dtype=dtype)


def _rows(count: int, width: int) -> nn.Embedding:
    """Return an embedding without values, for whoever makes a T5 to fill.

    torch's own initialisation, on the meta device, would first import its decompositions: a second.
    """
    return nn.Embedding.from_pretrained(torch.empty(count, width), freeze=False)
