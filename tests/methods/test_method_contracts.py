"""What must hold for every entry of METHODS: a new one is tested before its author writes a test."""

from itertools import cycle

import pytest
import torch

from xlgen.config import from_json, to_json
from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.methods import METHODS
from xlgen.methods.base import Method
from xlgen.model.load import tiny_model
from xlgen.model.t5 import shift_right


def make_batch():
    """Return a row of every language, so that what a method has for one of them is used."""
    rows = cycle([((5, 6, 7, 1), (9, 1)), ((8, 1), (10, 11, 12, 1))])
    return collate(
        [TokenizedExample(code, code, "prefix_lm", *row) for code, row in zip(LANGUAGES, rows)]
    )


def attach(name, tokenizer, *, seed=0):
    return METHODS[name]().attach(tiny_model(1), tokenizer, seed=seed)


def one_step(adapted):
    """Take a plain gradient step on what the method trains; return the loss before it."""
    batch = make_batch()
    encoded = adapted.encode(batch)
    mask_BT = batch.target_mask_BT
    hidden_ND = adapted.model.decode(shift_right(batch.target_BT), encoded, mask_BT)
    logits_NV = adapted.model.head(hidden_ND)
    loss = torch.nn.functional.cross_entropy(logits_NV, batch.target_BT[mask_BT])
    loss.backward()
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter -= 0.1 * parameter.grad
    return loss.detach()


@pytest.mark.parametrize("name", METHODS)
def test_configuration_survives_json(name):
    method = METHODS[name]()
    assert from_json(Method, to_json(method)) == method
    assert method.name == name


@pytest.mark.parametrize("name", METHODS)
def test_only_the_methods_own_parameters_change(name, small_tokenizer):
    adapted = attach(name, small_tokenizer)
    before = {key: tensor.clone() for key, tensor in adapted.state_dict().items()}
    one_step(adapted)
    trained = set(adapted.trainable())
    assert trained
    for key, tensor in adapted.state_dict().items():
        assert torch.equal(tensor, before[key]) is (key not in trained), key


@pytest.mark.parametrize("name", METHODS)
def test_frozen_weights_get_no_gradient_memory(name, small_tokenizer):
    adapted = attach(name, small_tokenizer)
    one_step(adapted)
    trained = adapted.trainable()
    for key, parameter in adapted.named_parameters():
        assert (parameter.grad is not None) is (key in trained), key


@pytest.mark.parametrize("name", METHODS)
def test_state_restores_the_very_outputs(name, small_tokenizer):
    adapted = attach(name, small_tokenizer)
    one_step(adapted)
    state = {key: tensor.clone() for key, tensor in adapted.state().items()}
    again = attach(name, small_tokenizer, seed=99)
    again.load_state(state)
    with torch.no_grad():
        batch = make_batch()
        assert torch.equal(adapted.encode(batch).hidden_ND, again.encode(batch).hidden_ND)


@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_start(name, small_tokenizer):
    first, second = (attach(name, small_tokenizer, seed=3).state() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", METHODS)
def test_state_of_another_model_is_refused(name, small_tokenizer):
    adapted = attach(name, small_tokenizer)
    state = METHODS[name]().attach(tiny_model(1, width=16), small_tokenizer, seed=0).state()
    with pytest.raises(InputError, match="has shape"):
        adapted.load_state(state)
    with pytest.raises(InputError, match="one side only"):
        adapted.load_state({"other": torch.ones(1)})
