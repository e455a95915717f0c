"""The fused head and loss against cross-entropy on full logits, and what it must never hold."""

import math

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from xlgen.training.loss import gradient_divisor, linear_cross_entropy, mean_nats, sequence_loss

MT5_VOCABULARY = 250_112


def full_loss(hidden_ND, head_VD, target_N, z_loss):
    """The definition: T5X's cross_entropy_with_logits, on logits held as a whole, in float64."""
    logits_NV = hidden_ND @ head_VD.T
    nats = F.cross_entropy(logits_NV, target_N, reduction="sum")
    return nats + z_loss * logits_NV.logsumexp(1).square().sum(), nats


def inputs(rows, vocabulary, width, *, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    hidden_ND = torch.randn(rows, width, generator=generator)
    head_VD = torch.randn(vocabulary, width, generator=generator) * scale
    target_N = torch.randint(0, vocabulary, (rows,), generator=generator)
    return hidden_ND, head_VD, target_N


def relative(ours, theirs):
    return float((ours.double() - theirs).norm() / theirs.norm())


class NoTensorOf(TorchDispatchMode):
    """Fails at the first operation that makes a tensor of `elements` or more."""

    def __init__(self, elements):
        super().__init__()
        self.elements, self.largest = elements, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        own = {tensor.data_ptr() for tensor in args if isinstance(tensor, torch.Tensor)}
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            # a view of an argument makes nothing
            if isinstance(tensor, torch.Tensor) and tensor.data_ptr() not in own:
                self.largest = max(self.largest, tensor.numel())
                assert tensor.numel() < self.elements, f"{function} makes {tuple(tensor.shape)}"
        return result


@pytest.mark.parametrize("z_loss", [0.0, 1e-4, 0.1])
@pytest.mark.parametrize("block_elements", [None, 300, 50])
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(("rows", "scale"), [(1, 1.0), (2, 1.0), (37, 0.05), (37, 3.0), (37, 40.0)])
def test_equals_cross_entropy_on_full_logits(rows, scale, frozen, block_elements, z_loss):
    hidden_ND, head_VD, target_N = inputs(rows, 97, 16, scale=scale)
    ours = [hidden_ND.requires_grad_(), head_VD.requires_grad_(not frozen)]
    theirs = [tensor.detach().double().requires_grad_() for tensor in ours]
    objective, nats = linear_cross_entropy(
        *ours, target_N=target_N, z_loss=z_loss, block_elements=block_elements
    )
    expected_objective, expected_nats = full_loss(*theirs, target_N, z_loss)
    objective.backward()
    expected_objective.backward()
    assert objective.item() == pytest.approx(expected_objective.item(), rel=1e-6)
    assert nats.item() == pytest.approx(expected_nats.item(), rel=1e-6)
    for own, other in zip(ours, theirs, strict=True):
        assert not own.requires_grad or relative(own.grad, other.grad) < 1e-5


def test_without_gradients_the_loss_is_the_same():
    hidden_ND, head_VD, target_N = inputs(5, 97, 16)
    with torch.no_grad():
        found = linear_cross_entropy(hidden_ND, head_VD, target_N=target_N, block_elements=50)
    expected = full_loss(hidden_ND.double(), head_VD.double(), target_N, 0.0)
    assert [float(loss) for loss in found] == pytest.approx([float(loss) for loss in expected])


@pytest.mark.parametrize("frozen", [True, False])
def test_never_holds_the_logits_of_a_batch_at_mt5_vocabulary(frozen):
    hidden_ND, head_VD, target_N = inputs(24, MT5_VOCABULARY, 16, scale=0.3)
    ours = [hidden_ND.requires_grad_(), head_VD.requires_grad_(not frozen)]
    with NoTensorOf(24 * MT5_VOCABULARY) as watch:
        objective, _ = linear_cross_entropy(*ours, target_N=target_N, z_loss=1e-4)
        objective.backward()
    assert watch.largest >= 2**18  # the watch does see the blocks
    theirs = [tensor.detach().double().requires_grad_() for tensor in ours]
    expected, _ = full_loss(*theirs, target_N, 1e-4)
    expected.backward()
    assert objective.item() == pytest.approx(expected.item(), rel=1e-6)
    for own, other in zip(ours, theirs, strict=True):
        assert not own.requires_grad or relative(own.grad, other.grad) < 1e-5


def test_a_trained_head_costs_no_more_than_a_frozen_one_where_no_gradient_is_wanted():
    hidden_ND, head_VD, target_N = inputs(40, 5000, 64)
    head_VD.requires_grad_()
    with (
        torch.no_grad(),
        NoTensorOf(len(hidden_ND) * len(head_VD)),
    ):  # neither the logits nor a gradient of the head
        found, _ = linear_cross_entropy(hidden_ND, head_VD, target_N=target_N, block_elements=1900)
    expected, _ = full_loss(hidden_ND.double(), head_VD.detach().double(), target_N, 0.0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_watch_sees_full_logits():
    hidden_ND, head_VD, target_N = inputs(4, 1000, 8)
    with pytest.raises(AssertionError), NoTensorOf(4 * 1000):
        full_loss(hidden_ND, head_VD, target_N, 0.0)


def test_a_frozen_head_gets_no_gradient_and_no_memory_for_one():
    hidden_ND, head_VD, target_N = inputs(6, 5000, 64)
    hidden_ND.requires_grad_()
    with NoTensorOf(head_VD.numel()):
        objective, _ = linear_cross_entropy(hidden_ND, head_VD, target_N=target_N)
        objective.backward()
    assert head_VD.grad is None
    assert hidden_ND.grad is not None


@pytest.mark.parametrize("frozen", [True, False])
def test_bf16_products_stay_near_float32(frozen):
    hidden_ND, head_VD, target_N = inputs(64, 500, 32, scale=0.3)
    gradients, losses = [], []
    for enabled in (False, True):
        own = [hidden_ND.clone().requires_grad_(), head_VD.clone().requires_grad_(not frozen)]
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            objective, _ = linear_cross_entropy(*own, target_N=target_N, z_loss=1e-4)
        objective.backward()
        losses.append(objective.item())
        gradients.append([tensor.grad for tensor in own if tensor.requires_grad])
    assert losses[0] != losses[1]  # autocast did something
    assert losses[1] == pytest.approx(losses[0], rel=5e-3)
    for exact, rounded in zip(*gradients, strict=True):
        assert rounded.dtype == torch.float32
        assert relative(rounded, exact.double()) < 3e-2


def test_a_batchs_loss_is_its_tokens_sum_with_the_z_loss_of_t5x():
    hidden_ND, head_VD, target_N = inputs(6, 50, 4)
    loss = sequence_loss(hidden_ND, head_VD, target_N=target_N)
    expected, nats = full_loss(hidden_ND.double(), head_VD.double(), target_N, 1e-4)
    assert loss.tokens == 6
    assert loss.objective.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.nats.item() == pytest.approx(nats.item(), rel=1e-6)


def test_a_batch_without_targets_is_a_sum_of_nothing():
    hidden_ND, nothing_N = torch.randn(0, 4, requires_grad=True), torch.zeros(0, dtype=torch.long)
    loss = sequence_loss(hidden_ND, torch.randn(9, 4), target_N=nothing_N)
    loss.objective.backward()
    assert (loss.objective.item(), loss.tokens) == (0.0, 0)
    assert math.isnan(mean_nats(loss.nats.item(), loss.tokens))


def test_a_loss_scaled_by_the_caller_scales_its_gradients_and_can_be_used_once():
    hidden_ND, head_VD, target_N = inputs(5, 20, 4)
    plain, scaled = hidden_ND.clone().requires_grad_(), hidden_ND.clone().requires_grad_()
    linear_cross_entropy(plain, head_VD, target_N=target_N)[0].backward()
    objective, _ = linear_cross_entropy(scaled, head_VD, target_N=target_N)
    (objective * 0.25).backward(retain_graph=True)
    torch.testing.assert_close(scaled.grad, plain.grad * 0.25)
    with pytest.raises(RuntimeError, match="once"):
        objective.backward()


def test_non_finite_logits_show_in_the_loss():
    hidden_ND, head_VD, target_N = inputs(5, 20, 4)
    hidden_ND[3, 1] = float("nan")
    objective, nats = linear_cross_entropy(hidden_ND, head_VD, target_N=target_N)
    assert math.isnan(objective.item())
    assert math.isnan(nats.item())


def test_what_gradients_are_divided_by():
    sizes = {"tokens": 70, "examples": 4}
    divisors = [gradient_divisor(kind, **sizes) for kind in ("none", "tokens", "batch")]
    assert divisors == [1, 70, 4]
