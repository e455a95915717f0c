"""The T5-family forward: tokens (and a prompt) to hidden states. Knows nothing about text or losses.

Follows mT5 (Xue et al. 2021): gated GELU, RMS norm before each sub-layer, relative position bias shared
by the layers of a stack (in umT5 one for each layer), no scaling of the attention scores, an output head
that is not tied to the embedding. Shapes: B batch, L input, P prompt, S = P + L encoder positions, T target,
D width, H heads, K per head, F feed-forward, V vocabulary rows. Masks are True where there is content.
"""

from dataclasses import dataclass
from itertools import cycle
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xlgen.model.attention import AttentionBias, attend, attention_bias, attention_dtype, blocked
from xlgen.model.cache import DecoderState, LayerCache
from xlgen.model.dropout import Dropout
from xlgen.model.norm import rms_norm
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
    """What the decoder attends to: hidden states of prompt and input, and where they hold content."""

    hidden_BSD: Tensor
    mask_BS: Tensor


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

        Shorter prompts of a mixed batch are padded on the left, so that every prompt touches its input:
        relative positions are then those of the prompt alone.
        """
        hidden_BSD, mask_BS = self.shared(input_BL), mask_BL
        if prompt_BPD is not None:
            hidden_BSD = torch.cat([prompt_BPD.to(hidden_BSD.dtype), hidden_BSD], dim=1)
            if prompt_mask_BP is None:
                prompt_mask_BP = torch.ones_like(prompt_BPD[..., 0], dtype=torch.bool)
            mask_BS = torch.cat([prompt_mask_BP, mask_BL], dim=1)
        length = hidden_BSD.shape[1]
        mask, dtype = mask_BS[:, None, None, :], attention_dtype(hidden_BSD)
        learned = self.encoder.position_biases(length, length)
        biases = [attention_bias(mask, bias_HSS, dtype=dtype) for bias_HSS in learned]
        return Encoded(self.encoder(hidden_BSD, biases), mask_BS)

    def decode(self, shifted_BT: Tensor, encoded: Encoded) -> Tensor:
        """Return hidden_BTD for the whole target at once; `shifted_BT` is the target after a leading 0."""
        hidden_BTD = self.shared(shifted_BT)
        length = shifted_BT.shape[1]
        causal_TT = torch.ones(length, length, dtype=torch.bool, device=shifted_BT.device).tril()
        mask, dtype = causal_TT[None, None], attention_dtype(hidden_BTD)
        learned = self.decoder.position_biases(length, length)
        biases = [attention_bias(mask, bias_HTT, dtype=dtype) for bias_HTT in learned]
        cross = attention_bias(encoded.mask_BS[:, None, None, :], dtype=dtype)
        return self.decoder(hidden_BTD, biases, encoded.hidden_BSD, cross)

    def start(self, encoded: Encoded, *, beams: int) -> DecoderState:
        """Begin to generate: project the encoder's keys and values, once for a source and its beams."""
        layers = [layer.start(encoded, beams=beams) for layer in self.decoder.typed_layers()]
        cross_bias_BS = blocked(encoded.mask_BS, encoded.hidden_BSD.dtype)
        return DecoderState(layers, cross_bias_BS[:, None, None, :], beams=beams)

    def step(self, tokens_AN: Tensor, state: DecoderState) -> Tensor:
        """Feed every beam its last token (0 at the start); return logits_ANV for its next one.

        `decode` a token at a time, without dropout; A may be fewer than the sources at the start.
        """
        learned = self.decoder.position_biases(1, state.steps + 1, first_query=state.steps)
        state.see_themselves()
        dtype = state.cross_bias_A11S.dtype
        biases = [AttentionBias(dtype, mask=state.self_bias(bias_H1T)) for bias_H1T in learned]
        cross = AttentionBias(dtype, mask=state.cross_bias_A11S)
        hidden_AND = self.shared(tokens_AN)
        layers = zip(self.decoder.typed_layers(), state.layers, strict=True)
        for (layer, cache), bias in zip(layers, cycle(biases)):
            hidden_AND = layer.step(hidden_AND, bias, cache, cross, filled=state.filled)
        state.steps += 1
        return self.head(self.decoder.norm(hidden_AND))


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

    def forward(
        self,
        hidden_BTD: Tensor,
        biases: list[AttentionBias],
        encoded_BSD: Tensor | None = None,
        cross: AttentionBias | None = None,
    ) -> Tensor:
        hidden_BTD = self.dropout(hidden_BTD)
        for layer, bias in zip(self.layers, cycle(biases)):
            hidden_BTD = layer(hidden_BTD, bias, encoded_BSD, cross)
        return self.dropout(self.norm(hidden_BTD))


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
        hidden_BTD: Tensor,
        bias: AttentionBias,
        encoded_BSD: Tensor | None,
        cross: AttentionBias | None,
    ) -> Tensor:
        normed_BTD = self.attention_norm(hidden_BTD)
        hidden_BTD = hidden_BTD + self.dropout(self.attention(normed_BTD, normed_BTD, bias))
        if self.cross_attention is not None and self.cross_norm is not None:
            normed_BTD = self.cross_norm(hidden_BTD)
            attended_BTD = self.cross_attention(normed_BTD, encoded_BSD, cross)
            hidden_BTD = hidden_BTD + self.dropout(attended_BTD)
        normed_BTD = self.feed_forward_norm(hidden_BTD)
        return hidden_BTD + self.dropout(self.feed_forward(normed_BTD))

    def start(self, encoded: Encoded, *, beams: int) -> LayerCache:
        """Project what the layer will attend to in every step."""
        assert self.cross_attention is not None
        return LayerCache(*self.cross_attention.keys_values(encoded.hidden_BSD), beams=beams)

    def step(
        self,
        hidden_AND: Tensor,
        bias: AttentionBias,
        cache: LayerCache,
        cross: AttentionBias,
        *,
        filled: int,
    ) -> Tensor:
        """Do `forward` for one position of N beams: they stand where positions stand in training."""
        assert self.cross_attention is not None
        assert self.cross_norm is not None
        normed_AND = self.attention_norm(hidden_AND)
        key_AHCK, value_AHCK = cache.append(*self.attention.keys_values(normed_AND), filled=filled)
        hidden_AND = hidden_AND + self.attention.attend(normed_AND, key_AHCK, value_AHCK, bias)
        hidden_AND = hidden_AND + self.cross_attention.attend(
            self.cross_norm(hidden_AND), cache.cross_key_AHSK, cache.cross_value_AHSK, cross
        )
        return hidden_AND + self.feed_forward(self.feed_forward_norm(hidden_AND))


class Attention(nn.Module):
    """Multi-head attention without score scaling; the bias carries positions and masks."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.heads, self.dropout = config.heads, config.dropout
        self.query = nn.Linear(config.width, inner, bias=False)
        self.key = nn.Linear(config.width, inner, bias=False)
        self.value = nn.Linear(config.width, inner, bias=False)
        self.output = nn.Linear(inner, config.width, bias=False)

    def forward(self, query_BTD: Tensor, source_BSD: Tensor, bias: AttentionBias) -> Tensor:
        return self.attend(query_BTD, *self.keys_values(source_BSD), bias)

    def keys_values(self, source_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Project what is attended to; generation computes this once and keeps it."""
        return self._split(self.key(source_BSD)), self._split(self.value(source_BSD))

    def attend(
        self, query_BTD: Tensor, key_BHSK: Tensor, value_BHSK: Tensor, bias: AttentionBias
    ) -> Tensor:
        attended_BHTK = attend(
            self._split(self.query(query_BTD)),
            key_BHSK,
            value_BHSK=value_BHSK,
            bias=bias,
            dropout=self.dropout if self.training else 0.0,
        )
        return self.output(attended_BHTK.transpose(1, 2).flatten(2))

    def _split(self, hidden_BTI: Tensor) -> Tensor:
        return hidden_BTI.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Gated GELU: gelu(gate) * up, then down (T5 1.1)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.feed_forward, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        self.dropout = Dropout(config.dropout)

    def forward(self, hidden_BTD: Tensor) -> Tensor:
        inner_BTF = F.gelu(self.gate(hidden_BTD), approximate="tanh") * self.up(hidden_BTD)
        return self.down(self.dropout(inner_BTF))


class RMSNorm(nn.Module):
    """Scale to unit root mean square, no mean subtraction, no bias (T5's layer norm)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.width))
        self.epsilon = config.epsilon

    def forward(self, hidden_BTD: Tensor) -> Tensor:
        dtype = attention_dtype(hidden_BTD)
        return rms_norm(hidden_BTD, self.weight, epsilon=self.epsilon, dtype=dtype)


def _rows(count: int, width: int) -> nn.Embedding:
    """Return an embedding without values, for whoever makes a T5 to fill.

    torch's own initialisation, on the meta device, would first import its decompositions: a second.
    """
    return nn.Embedding.from_pretrained(torch.empty(count, width), freeze=False)
