"""Adafactor against a transcription of the published formulas in NumPy, and against transformers'."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from transformers.optimization import Adafactor as HuggingFaceAdafactor

from xlgen.errors import InputError
from xlgen.training import OPTIMIZERS, SCHEDULES
from xlgen.training.optim import Adafactor, AdamW, global_norm, scale_gradients

SHAPES = {"wide": (130, 200), "tall": (300, 128), "square": (128, 128), "prompt": (100, 200)}
SHAPES |= {"vector": (50,), "one": (1,)}


def published_step(parameter, gradient, state, step, rate, config):
    """One update of one array, after Shazeer and Stern 2018 (algorithms 4 and 5) with T5X's options.

    `state` holds "row" (mean over columns) and "column" (mean over rows), or "all". In float64.
    """
    keep = 1 - (step - config.step_offset + 1.0) ** -config.decay
    square = gradient**2 + config.epsilon1
    if gradient.ndim == 2 and min(gradient.shape) >= config.smallest_factored:
        state["row"] = keep * state.get("row", 0) + (1 - keep) * square.mean(1)
        state["column"] = keep * state.get("column", 0) + (1 - keep) * square.mean(0)
        moment = np.outer(state["row"], state["column"]) / state["row"].mean()
    else:
        state["all"] = keep * state.get("all", 0) + (1 - keep) * square
        moment = state["all"]
    change = gradient / np.sqrt(moment)
    if config.clipping is not None:
        change = change / max(1.0, np.sqrt((change**2).mean()) / config.clipping)
    if config.parameter_scale:
        rate = rate * max(config.epsilon2, np.sqrt((parameter**2).mean()))
    return parameter * (1 - config.weight_decay) - rate * change


CONFIGS = {
    "model tuning": (Adafactor(), 1e-3),
    "prompt tuning": (Adafactor(parameter_scale=False, weight_decay=1e-5), 0.3),
    "counting on": (Adafactor(step_offset=-1_100_000), 1e-3),
    "unclipped": (Adafactor(clipping=None, decay=0.5), 1e-2),
    "nothing factored": (Adafactor(smallest_factored=10_000), 1e-3),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_adafactor_follows_the_published_formulas(name):
    config, rate = CONFIGS[name]
    random = np.random.default_rng(0)
    arrays = {key: random.normal(size=shape) * 0.1 for key, shape in SHAPES.items()}
    ours = {key: nn.Parameter(torch.tensor(array).float()) for key, array in arrays.items()}
    states = {key: {} for key in arrays}
    updater = config.make(ours)
    for step in range(6):
        for key, array in arrays.items():
            # from nothing to far above the clip; some rows nearly without gradient
            gradient = random.normal(size=array.shape) * 10.0 ** random.integers(-6, 3)
            gradient[: len(gradient) // 4] *= 1e-4
            ours[key].grad = torch.tensor(gradient).float()
            arrays[key] = published_step(array, gradient, states[key], step, rate, config)
        updater.update(step, learning_rate=rate)
    # float32 knows the weight of a new gradient, 1 - keep, to 1e-7 absolute: at step 1.1 M 0.4 %
    tolerance = 5e-3 if config.step_offset else 3e-5
    for key, array in arrays.items():
        moved = np.abs(array - ours[key].detach().double().numpy()).max()
        assert moved < tolerance * rate + 2e-7, (key, moved)


def test_at_the_first_step_of_a_count_that_goes_on_the_change_is_clipped_to_unit_size():
    # peer-checked figure: mixing weight 1.47e-5 at step 1.1 M, so change = 1/sqrt(1.47e-5) = 261
    parameter = nn.Parameter(torch.zeros(4))
    parameter.grad = torch.tensor([1.0, -1.0, 1.0, 1.0])
    config = Adafactor(step_offset=-1_100_000, parameter_scale=False, clipping=None)
    config.make({"p": parameter}).update(0, learning_rate=1.0)
    assert float(parameter.detach().abs().mean()) == pytest.approx(261, rel=3e-3)


@pytest.mark.parametrize("parameter_scale", [True, False])
def test_adafactor_equals_transformers_where_settings_coincide(parameter_scale):
    # theirs factors every matrix and takes its decay exponent at t = step + 1
    torch.manual_seed(0)
    start = torch.randn(140, 150)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    updater = Adafactor(parameter_scale=parameter_scale).make({"p": ours})
    peer = HuggingFaceAdafactor(
        [theirs],
        lr=0.01,
        scale_parameter=parameter_scale,
        relative_step=False,
        warmup_init=False,
        decay_rate=-0.8,
    )
    for step in range(8):
        gradient = torch.randn(140, 150) * 3.0**step
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        updater.update(step, learning_rate=0.01)
        peer.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_the_update_does_not_depend_on_how_the_loss_is_scaled():
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.ones(130, 140)) for _ in range(2)]
    updaters = [Adafactor().make({"p": parameter}) for parameter in parameters]
    for step in range(4):
        gradient = torch.randn(130, 140)
        for parameter, updater, scale in zip(parameters, updaters, (1.0, 3e4), strict=True):
            parameter.grad = gradient * scale
            updater.update(step, learning_rate=1e-2)
    torch.testing.assert_close(*parameters, rtol=1e-6, atol=1e-7)


def test_weight_decay_is_not_multiplied_by_the_learning_rate():
    parameter = nn.Parameter(torch.full((3,), 2.0))
    parameter.grad = torch.zeros(3)
    updater = Adafactor(weight_decay=0.1).make({"p": parameter})
    updater.update(0, learning_rate=1e-9)
    torch.testing.assert_close(parameter.detach(), torch.full((3,), 1.8))


def test_small_or_thin_matrices_are_not_factored():
    parameters = {name: nn.Parameter(torch.zeros(shape)) for name, shape in SHAPES.items()}
    shapes = {key: tuple(t.shape) for key, t in Adafactor().make(parameters).state().items()}
    assert shapes["tall/v_row"] == (128,)  # the mean over the longer side, as T5X has it
    assert shapes["tall/v_col"] == (300,)
    assert shapes["prompt/v"] == (100, 200)
    assert shapes["vector/v"] == (50,)


def test_adamw_is_torchs():
    torch.manual_seed(0)
    start = torch.randn(20, 30)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    updater = AdamW(weight_decay=0.1).make({"p": ours})
    peer = torch.optim.AdamW([theirs], lr=0.02, weight_decay=0.1)
    for step in range(5):
        gradient = torch.randn(20, 30)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        updater.update(step, learning_rate=0.02)
        peer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_continues_from_its_stored_state_to_the_same_bits(name):
    torch.manual_seed(0)
    gradients = torch.randn(6, 130, 140)

    def run(parameter, updater, steps):
        for step in steps:
            parameter.grad = gradients[step].clone()
            updater.update(step, learning_rate=0.01)

    whole = nn.Parameter(torch.ones(130, 140))
    run(whole, OPTIMIZERS[name]().make({"p": whole}), range(6))
    first = nn.Parameter(torch.ones(130, 140))
    stopped = OPTIMIZERS[name]().make({"p": first})
    run(first, stopped, range(3))
    second = nn.Parameter(first.detach().clone())
    continued = OPTIMIZERS[name]().make({"p": second})
    continued.load_state({key: tensor.clone() for key, tensor in stopped.state().items()})
    run(second, continued, range(3, 6))
    assert torch.equal(whole, second)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_that_does_not_fit_is_refused(name):
    updater = OPTIMIZERS[name]().make({"p": nn.Parameter(torch.ones(3))})
    state = {key: tensor.clone() for key, tensor in updater.state().items()}
    first = next(iter(state))
    with pytest.raises(InputError, match="one side only"):
        updater.load_state({**state, "q/v": torch.ones(3)})
    with pytest.raises(InputError, match="has shape"):
        updater.load_state({**state, first: torch.ones(3, 7)})


def test_what_adafactor_refuses():
    with pytest.raises(ValueError, match="at most 2 dimensions"):
        Adafactor().make({"p": nn.Parameter(torch.ones(2, 3, 4))})
    parameter = nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match="p has no gradient"):
        Adafactor().make({"p": parameter}).update(0, learning_rate=1.0)
    with pytest.raises(InputError, match="step_offset lies 5 steps ahead"):
        Adafactor(step_offset=5).make({"p": parameter}).update(0, learning_rate=1.0)


def test_gradients_are_measured_and_scaled_together():
    parameters = {name: nn.Parameter(torch.zeros(2)) for name in "ab"}
    parameters["a"].grad, parameters["b"].grad = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    assert float(global_norm(parameters)) == 5
    scale_gradients(parameters, 0.5)
    assert float(global_norm(parameters)) == 2.5


RATES = [
    ("constant", {"value": 0.3}, {0: 0.3, 10**6: 0.3}),
    ("warm-up", {"peak": 1.0, "warm_up": 4}, {0: 0.25, 3: 1.0, 99: 1.0}),
    ("rsqrt", {}, {0: 0.01, 10_000: 0.01, 40_000: 0.005}),
    (
        "cosine",
        {"peak": 2.0, "warm_up": 10, "steps": 110, "floor": 0.2},
        {9: 2.0, 60: 1.1, 999: 0.2},
    ),
]


@pytest.mark.parametrize(("name", "settings", "rates"), RATES)
def test_schedules(name, settings, rates):
    schedule = SCHEDULES[name](**settings)
    for step, rate in rates.items():
        assert schedule.rate(step) == pytest.approx(rate), step


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_is_positive_from_the_first_step(name):
    schedule = SCHEDULES[name]()
    assert schedule.name == name
    assert all(math.isfinite(r) and r > 0 for r in map(schedule.rate, [0, 1, 100, 9999]))
