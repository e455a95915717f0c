"""oneDNN makes float32 products only where they stay float32."""

import pytest
import torch

from xlgen.training import precision
from xlgen.training.precision import use_onednn_products


@pytest.fixture(autouse=True)
def restored():
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def test_products_are_float32_whoever_makes_them():
    torch.set_float32_matmul_precision("highest")
    used = use_onednn_products.__wrapped__()
    assert torch.get_float32_matmul_precision() == ("medium" if used else "highest")
    left, right = torch.randn(2, 300, 300, generator=torch.Generator().manual_seed(0))
    exact = left.double() @ right.double()
    assert float((left @ right - exact).norm() / exact.norm()) < 1e-6


@pytest.fixture
def suited(monkeypatch):
    """A processor on which oneDNN is the faster one."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(precision, "_is_intel", lambda: False)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (torch.backends.cpu, "get_cpu_capability", "AVX2"),
        (torch.cpu, "_is_amx_tile_supported", True),
        (precision, "_is_intel", True),
    ],
)
def test_nothing_changes_where_onednn_is_no_faster_or_inexact(
    suited, monkeypatch, module, name, value
):
    torch.set_float32_matmul_precision("highest")
    monkeypatch.setattr(module, name, lambda: value)
    assert not use_onednn_products.__wrapped__()
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_suited_processor_gets_them(suited, monkeypatch):
    monkeypatch.setattr(precision, "_error_of_a_product", lambda: 5e-7)
    torch.set_float32_matmul_precision("highest")
    assert use_onednn_products.__wrapped__()
    assert torch.get_float32_matmul_precision() == "medium"


def test_a_program_that_has_chosen_otherwise_is_left_alone(suited, monkeypatch):
    def mixed():
        raise RuntimeError("you have used mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_float32_matmul_precision", mixed)
    assert not use_onednn_products.__wrapped__()


def test_an_inexact_product_is_given_up(suited, monkeypatch):
    """A processor whose oneDNN rounds to bfloat16, simulated by the input it would see."""
    torch.set_float32_matmul_precision("highest")
    monkeypatch.setattr(precision, "_error_of_a_product", lambda: 4e-3)
    assert not use_onednn_products.__wrapped__()
    assert torch.get_float32_matmul_precision() == "highest"
