"""Beam search over many sources at once; a source leaves as soon as nothing can change its answer.

Shapes: A sources still searched, N beams, V vocabulary rows, T tokens so far, J = 2N candidates a step.
Scores are sums of log-probabilities until a hypothesis ends, then that sum over the penalty's divisor.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xlgen.generation.head import Head
from xlgen.generation.settings import BeamSettings
from xlgen.model.t5 import T5, Encoded

START, EOS = 0, 1  # T5's decoder starts with its pad id
NEVER = -1e9  # below any score; transformers' value, so that sums round as its sums do
BLOCK = 128  # vocabulary rows looked at together when the best are searched


def beam_search(
    model: T5,
    encoded: Encoded,
    *,
    settings: BeamSettings,
    limits: Sequence[int] | None = None,
    head: Head | None = None,
    on_finished: Callable[[int], None] | None = None,
) -> list[list[int]]:
    """Return the best output of each source, without </s>.

    `limits` are the sources' own longest outputs (with </s>), by default `settings.max_length` for all.
    `head` stands in for the model's own (`packed_head`).
    `on_finished` is called with the number of sources that left in a step. Call in inference mode.
    """
    count, device = len(encoded.lengths), encoded.hidden_ND.device
    limits = [settings.max_length] * count if limits is None else limits
    hypotheses = Hypotheses(settings, torch.tensor(limits, device=device))
    state, head = model.start(encoded, beams=settings.beams), head or model.head
    last_AN = torch.full((count, settings.beams), START, device=device)
    sources = list(range(count))
    outputs: list[list[int]] = [[] for _ in sources]
    while sources:
        logits_ANV = head(model.step(last_AN, state))
        score_ANJ, token_ANJ = best_tokens(logits_ANV, settings, length=state.steps)
        parents_AN = hypotheses.extend(score_ANJ, token_ANJ)
        leaving = hypotheses.final().tolist()
        if any(leaving):
            for place, source in enumerate(sources):
                if leaving[place]:
                    outputs[source] = hypotheses.best(place)
            kept = [place for place in range(len(sources)) if not leaving[place]]
            if on_finished is not None:
                on_finished(len(sources) - len(kept))
            order = state.keep(kept)
            hypotheses.keep(order)
            sources, parents_AN = [sources[place] for place in order], parents_AN[order]
        state.follow(parents_AN)
        last_AN = hypotheses.live_ANT[:, :, -1]
    return outputs


def best_tokens(
    logits_ANV: Tensor, settings: BeamSettings, *, length: int
) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities and ids of each beam's J best tokens for output place `length`.

    Forbidden tokens keep their share of the probability, as in transformers: nothing is renormalised.
    """
    log_ANV = torch.log_softmax(logits_ANV, dim=-1, dtype=torch.float32)
    if settings.forbidden:
        log_ANV[..., list(settings.forbidden)] = -torch.inf
    if length <= settings.min_length:
        log_ANV[..., EOS] = -torch.inf
    return top(log_ANV, min(2 * settings.beams, log_ANV.shape[-1]))


def top(values_ANV: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Do `topk` along the last dimension, several times faster over a long one.

    The k best lie in the k blocks with the highest maxima, so only those blocks are sorted.
    """
    blocks = values_ANV.shape[-1] // BLOCK
    if blocks <= 4 * k:
        return values_ANV.topk(k)
    whole = blocks * BLOCK
    values_ANGE = values_ANV[..., :whole].unflatten(-1, (blocks, BLOCK))
    block_ANk1 = values_ANGE.amax(-1).topk(k, sorted=False).indices[..., None]
    index_ANkE = block_ANk1 * BLOCK + torch.arange(BLOCK, device=values_ANV.device)
    rest = torch.arange(whole, values_ANV.shape[-1], device=values_ANV.device)
    rest_ANr = rest.expand(*values_ANV.shape[:-1], -1)
    index_ANi = torch.cat([index_ANkE.flatten(-2), rest_ANr], dim=-1)
    values_ANk, place_ANk = values_ANV.gather(-1, index_ANi).topk(k)
    return values_ANk, index_ANi.gather(-1, place_ANk)


class Hypotheses:
    """The N live and the N best ended hypotheses of each source, best first, all T tokens long.

    T5X (penalty "gnmt"): all J candidates may end, with </s> only; if none did by the limit, the best
    live one is the answer. transformers ("hf"): of the J candidates only the best N may end, and at
    the limit they all do. With one beam both are greedy search.
    """

    def __init__(self, settings: BeamSettings, limit_A: Tensor) -> None:
        self.settings, self.limit_A, self.length = settings, limit_A, 0
        shape, device = (len(limit_A), settings.beams), limit_A.device
        self.live_ANT = torch.zeros(*shape, 0, dtype=torch.long, device=device)
        self.live_score_AN = torch.full(shape, NEVER, device=device)
        self.live_score_AN[:, 0] = 0.0  # the beams start equal, so only one may spread
        self.ended_ANT = self.live_ANT.clone()
        self.ended_score_AN = torch.full(shape, NEVER, device=device)
        self.has_ended_AN = torch.zeros(shape, dtype=torch.bool, device=device)
        longest = int(limit_A.max())
        divisors = [1.0, *(settings.divisor(length) for length in range(1, longest + 2))]
        self.divisor_T = torch.tensor(divisors, device=device)

    @property
    def ends_at_limit(self) -> bool:
        """Say whether an output that is cut off at its limit counts as ended."""
        return self.settings.penalty == "hf"

    def extend(self, log_ANJ: Tensor, token_ANJ: Tensor) -> Tensor:
        """Add the next token to every hypothesis; return parents_AN of the live ones."""
        beams = self.settings.beams
        self.length += 1
        score_AC = (self.live_score_AN[:, :, None] + log_ANJ).flatten(1)  # C = N * J
        score_AJ, choice_AJ = score_AC.topk(2 * beams)
        parent_AJ = choice_AJ // log_ANJ.shape[2]
        token_AJ = token_ANJ.flatten(1).gather(1, choice_AJ)
        text_AJT = torch.cat([_pick(self.live_ANT, parent_AJ), token_AJ[:, :, None]], dim=2)

        stops_AJ = token_AJ == EOS
        if self.ends_at_limit:
            stops_AJ |= (self.length >= self.limit_A)[:, None]
        live_AJ = score_AJ + stops_AJ * NEVER
        self.live_score_AN, child_AN = live_AJ.topk(beams)
        self.live_ANT = _pick(text_AJT, child_AN)
        self._end(text_AJT, score_AJ, stops_AJ)
        return parent_AJ.gather(1, child_AN)

    def _end(self, text_AJT: Tensor, score_AJ: Tensor, stops_AJ: Tensor) -> None:
        """Let the stopped candidates compete with those that ended before."""
        beams = self.settings.beams
        self.ended_ANT = torch.nn.functional.pad(self.ended_ANT, (0, 1))
        if self.ends_at_limit or beams == 1:
            stops_AJ = stops_AJ & (torch.arange(2 * beams, device=stops_AJ.device) < beams)
        if not stops_AJ.any():
            return
        final_AJ = score_AJ / self.divisor_T[self.length] + ~stops_AJ * NEVER
        both_AM = torch.cat([self.ended_score_AN, final_AJ], dim=1)  # M = N + J
        self.ended_score_AN, index_AN = both_AM.topk(beams)
        self.ended_ANT = _pick(torch.cat([self.ended_ANT, text_AJT], dim=1), index_AN)
        self.has_ended_AN = torch.cat([self.has_ended_AN, stops_AJ], dim=1).gather(1, index_AN)

    def final(self) -> Tensor:
        """Return final_A: True where no further step can change the best ended hypothesis.

        A live score only falls, so it is worth at most itself over the largest divisor to come. T5X
        compares the *worst* of N ended with that bound, and so goes on without changing the answer.
        """
        final_A = self.length >= self.limit_A
        if self.settings.beams == 1:
            return final_A | self.has_ended_AN[:, 0]
        best_live_A, best_ended_A = self.live_score_AN[:, 0], self.ended_score_AN[:, 0]
        grows = self.settings.alpha >= 0
        longest_A = self.limit_A if grows else torch.full_like(self.limit_A, self.length + 1)
        final_A = final_A | (best_ended_A > best_live_A / self.divisor_T[longest_A])
        return final_A | self._transformers_stops() if self.settings.penalty == "hf" else final_A

    def _transformers_stops(self) -> Tensor:
        """Return stops_A by transformers' rule, which may end a search that could still find better."""
        early = self.settings.early_stopping
        if early == "never" and self.settings.alpha > 0:
            divisor_A = self.divisor_T[self.limit_A]
        else:
            divisor_A = self.divisor_T[self.length].expand_as(self.limit_A)
        all_ended_A = self.has_ended_AN.all(dim=1)
        if early is True:
            return all_ended_A
        hopeless_A = self.live_score_AN[:, 0] / divisor_A <= self.ended_score_AN[:, -1]
        return all_ended_A & hopeless_A

    def best(self, place: int) -> list[int]:
        """Return the tokens of the answer so far, without </s>."""
        ended = bool(self.has_ended_AN[place, 0])
        tokens = (self.ended_ANT if ended else self.live_ANT)[place, 0].tolist()
        return tokens[: tokens.index(EOS)] if ended and EOS in tokens else tokens

    def keep(self, order: list[int]) -> None:
        """Keep these sources, in this order."""
        self.limit_A = self.limit_A[order]
        self.live_ANT, self.live_score_AN = self.live_ANT[order], self.live_score_AN[order]
        self.ended_ANT, self.ended_score_AN = self.ended_ANT[order], self.ended_score_AN[order]
        self.has_ended_AN = self.has_ended_AN[order]


def _pick(text_AMT: Tensor, index_AN: Tensor) -> Tensor:
    """Return the texts that `index_AN` names, of each source."""
    return text_AMT.gather(1, index_AN[:, :, None].expand(-1, -1, text_AMT.shape[2]))
