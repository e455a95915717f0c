"""Beam search: token for token transformers' under its penalty, and T5X's rules against a plain copy."""

import random

import pytest
import torch

from xlgen.generation.beam import EOS, Hypotheses, beam_search, top
from xlgen.generation.settings import BeamSettings
from xlgen.model.hugging_face import hugging_face_config, hugging_face_name
from xlgen.model.load import tiny_model

transformers = pytest.importorskip("transformers")


def make_model(seed, *, vocabulary=200, end=0.0):
    """A tiny model with sharper scores than a fresh one; `end` is added to the logit of </s>."""
    model = tiny_model(seed, vocabulary=vocabulary)
    with torch.no_grad():
        model.head.weight.mul_(3.0)
        model.head.bias = torch.nn.Parameter(torch.zeros(vocabulary))
        model.head.bias[EOS] = end
    return model


def as_transformers(model):
    """The same weights in transformers' class; a model built from a configuration is tied there."""
    config = transformers.MT5Config(**hugging_face_config(model.config))
    peer = transformers.MT5ForConditionalGeneration(config)
    peer.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.head.weight))
    peer.lm_head.bias = torch.nn.Parameter(torch.empty_like(model.head.bias))
    state = {
        hugging_face_name(name): value
        for name, value in model.state_dict().items()
        if name != "head.bias"
    }
    state["lm_head.bias"] = model.head.bias
    for side in ("encoder", "decoder"):
        state[f"{side}.embed_tokens.weight"] = state["shared.weight"]
    peer.load_state_dict(state)
    assert peer.lm_head.weight.data_ptr() != peer.shared.weight.data_ptr()
    return peer.eval()


def make_inputs(seed, vocabulary, *, count, longest):
    """Random inputs of varied lengths, closed with </s>; input_BL and mask_BL."""
    generator = random.Random(seed)
    rows = [
        [generator.randrange(3, vocabulary) for _ in range(generator.randrange(longest))] + [EOS]
        for _ in range(count)
    ]
    width = max(map(len, rows))
    input_BL = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask_BL = torch.arange(width)[None] < torch.tensor([len(row) for row in rows])[:, None]
    return input_BL, mask_BL


def search(model, input_BL, mask_BL, settings, **options):
    with torch.inference_mode():
        encoded = model.encode(input_BL, mask_BL)
        return beam_search(model, encoded, settings=settings, **options)


def search_with_transformers(peer, input_BL, mask_BL, settings):
    output_BT = peer.generate(
        input_ids=input_BL,
        attention_mask=mask_BL.long(),
        num_beams=settings.beams,
        length_penalty=settings.alpha,
        early_stopping=settings.early_stopping,
        max_new_tokens=settings.max_length,
        min_new_tokens=settings.min_length or None,
        suppress_tokens=list(settings.forbidden) or None,
        do_sample=False,
    )
    return [until_end(row[1 : settings.max_length + 1]) for row in output_BT.tolist()]


def until_end(tokens):
    """transformers pads what ended before the longest of the batch: compare up to the first </s>."""
    return tokens[: tokens.index(EOS)] if EOS in tokens else tokens


def settings_of(seed):
    """Settings as varied as users' are, drawn by seed; every beam width and stop rule comes up."""
    generator = random.Random(seed)
    return BeamSettings(
        penalty="hf",
        beams=1 + seed % 5,
        alpha=generator.choice([0.6, 0.6, 1.0, 0.0, 2.0, -0.5]),
        early_stopping=[False, True, "never"][seed % 3],
        max_length=1 if seed == 10 else generator.choice([7, 20, 30]),
        min_length=generator.choice([1, 4]) if seed % 6 == 5 else 0,
        forbidden=(5, 7, 11) if seed % 7 == 6 else (),
    )


@pytest.mark.parametrize("seed", range(24))
def test_tokens_equal_those_of_transformers(seed):
    vocabulary = [24, 100, 512, 1500][seed % 4]
    model = make_model(seed, vocabulary=vocabulary, end=[3.0, 5.0, 7.0][seed % 3])
    settings = settings_of(seed)
    inputs = make_inputs(seed, vocabulary, count=10, longest=[3, 12, 60][seed % 3])
    ours = search(model, *inputs, settings)
    assert len(ours) == 10
    assert ours == search_with_transformers(as_transformers(model), *inputs, settings)


def t5x_search(model, input_1L, settings):
    """T5X's beam search (t5x/decoding.py) for one source, a list at a time, without any cache."""

    def divisor(length):
        return ((5 + length) / 6) ** settings.alpha

    encoded = model.encode(input_1L, torch.ones_like(input_1L, dtype=torch.bool))
    live, ended = [(0.0, [0])], []
    for length in range(1, settings.max_length + 1):
        candidates = []
        for score, tokens in live:
            logits_V = model.head(model.decode(torch.tensor([tokens]), encoded))[-1]
            best = logits_V.log_softmax(0).topk(2 * settings.beams)
            candidates += [
                (score + log.item(), [*tokens, token.item()])
                for log, token in zip(*best, strict=True)
            ]
        candidates = sorted(candidates, reverse=True)[: 2 * settings.beams]
        ended += [(s / divisor(length), tokens) for s, tokens in candidates if tokens[-1] == EOS]
        ended = sorted(ended, reverse=True)[: settings.beams]
        live = [pair for pair in candidates if pair[1][-1] != EOS][: settings.beams]
        # the longest sequence counts the start token there, and the worst of a full set must win
        bound = live[0][0] / divisor(settings.max_length + 1)
        if len(ended) == settings.beams and ended[-1][0] > bound:
            break
    return until_end((ended or live)[0][1][1:])


@pytest.mark.parametrize("seed", range(12))
def test_gnmt_follows_t5x(seed):
    settings = BeamSettings(
        beams=2 + seed % 4, alpha=[0.6, 0.0, 1.0][seed % 3], max_length=[6, 14, 20][seed // 4]
    )
    model = make_model(seed, end=[5.0, 6.0, 8.0][seed % 3])
    input_BL, mask_BL = make_inputs(seed, 200, count=5, longest=20)
    ours = search(model, input_BL, mask_BL, settings)
    with torch.inference_mode():
        rows = [row[mask][None] for row, mask in zip(input_BL, mask_BL, strict=True)]
        assert ours == [t5x_search(model, row, settings) for row in rows]


def test_the_cases_of_t5x_differ_from_those_of_transformers():
    """The penalties do not rank alike: were one taken for the other, the tests above would fail."""
    inputs = make_inputs(0, 200, count=20, longest=20)
    model = make_model(0, end=6.0)
    answers = [
        search(model, *inputs, BeamSettings(penalty=penalty, max_length=20))
        for penalty in ("gnmt", "hf")
    ]
    assert answers[0] != answers[1]


def test_each_source_has_its_own_limit():
    model = make_model(3, end=4.0)
    inputs = make_inputs(3, 200, count=12, longest=20)
    limits = [1, 2, 3, 5, 8, 13] * 2
    together = search(model, *inputs, BeamSettings(max_length=13), limits=limits)
    assert len(set(map(len, together))) > 4
    for place, limit in enumerate(limits):
        alone = search(
            model, *(part[place : place + 1] for part in inputs), BeamSettings(max_length=limit)
        )
        assert together[place] == alone[0]


@pytest.mark.parametrize("penalty", ["gnmt", "hf"])
def test_finished_sources_leave_and_are_not_computed_further(penalty, monkeypatch):
    model = make_model(1, end=7.0)
    inputs = make_inputs(1, 200, count=16, longest=20)
    settings = BeamSettings(penalty=penalty, max_length=40)
    sizes = []
    step = type(model).step

    def counted(self, tokens_AN, state):
        sizes.append(len(tokens_AN))
        return step(self, tokens_AN, state)

    monkeypatch.setattr(type(model), "step", counted)
    left = []
    together = search(model, *inputs, settings, on_finished=left.append)
    rows_together, sizes[:] = sum(sizes), []
    alone = [search(model, *(x[i : i + 1] for x in inputs), settings)[0] for i in range(16)]
    assert together == alone
    assert rows_together == sum(sizes)
    assert sum(left) == 16
    assert len(left) > 3


def test_one_beam_is_greedy_search():
    model = make_model(2, end=5.0)
    input_BL, mask_BL = make_inputs(2, 200, count=6, longest=12)
    for penalty in ("gnmt", "hf"):
        settings = BeamSettings(beams=1, penalty=penalty, max_length=15)
        for row, answer in enumerate(search(model, input_BL, mask_BL, settings)):
            encoded = model.encode(input_BL[row : row + 1], mask_BL[row : row + 1])
            tokens = [0]
            while len(tokens) <= 15 and tokens[-1] != EOS:
                hidden_TD = model.decode(torch.tensor([tokens]), encoded)
                tokens.append(int(model.head(hidden_TD)[-1].argmax()))
            assert answer == until_end(tokens[1:])


@pytest.mark.parametrize("vocabulary", [3, 500, 1024, 8192 + 57])
def test_top_is_topk(vocabulary):
    values = torch.randn(2, 3, vocabulary, generator=torch.Generator().manual_seed(vocabulary))
    values[0, 0, -1] = 9.0
    found, wanted = top(values, 3), values.topk(3)
    assert torch.equal(found[0], wanted.values)
    assert torch.equal(found[1], wanted.indices)


@pytest.mark.parametrize(("live", "final"), [(-9.0, False), (-12.0, False), (-13.0, True)])
def test_a_source_stays_while_its_best_live_hypothesis_could_win(live, final):
    """Ended: -3 over 1. Live at best: its score over (5 + 20) / 6 = 4.17, if it reaches the limit."""
    hypotheses = Hypotheses(BeamSettings(beams=2, alpha=1.0), torch.tensor([20]))
    log_ANJ = torch.tensor([[[-3.0, live, live - 1, live - 2]] * 2])
    token_ANJ = torch.tensor([[[EOS, 7, 8, 9]] * 2])
    hypotheses.extend(log_ANJ, token_ANJ)
    assert hypotheses.final().tolist() == [final]
    assert hypotheses.best(0) == []
