"""Devices without double precision: tensors there come to the CPU before they are converted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import interpret_inn
import interpret_inn_timm
from interpret_inn.backbones import Backbone, drop_wrong_tail
from interpret_inn.errors import InnWarning
from interpret_inn.explaining.checks import compared_outputs

CORE = Path(interpret_inn.__file__).parent
PLUGINS = Path(interpret_inn_timm.__file__).parents[1].glob("interpret_inn_*")


class Single(Tensor):
    """A tensor on a device without float64, as MPS is; `cpu` brings it from there."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is Tensor.cpu:
            return found.as_subclass(Tensor)
        if isinstance(found, Single) and found.dtype == torch.float64:
            raise TypeError("Cannot convert a tensor to float64, which this device does not have.")
        return found


def elsewhere(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).as_subclass(Single)


def test_the_device_of_this_test_has_none() -> None:
    with pytest.raises(TypeError, match="float64"):
        elsewhere(2).double()
    assert type(elsewhere(2).cpu()) is Tensor


@pytest.mark.parametrize("shape", [(6, 3), (6, 1, 4, 4)])
def test_changes_of_outputs_are_measured(shape: tuple[int, ...]) -> None:
    before = elsewhere(*shape)
    found = compared_outputs(before, before + 0.5)
    plain = compared_outputs(before.cpu(), before.cpu() + 0.5)
    assert type(found.kept) is type(found.change) is Tensor
    assert torch.equal(found.kept, plain.kept)
    assert torch.equal(found.change, plain.change)
    assert (found.mean, found.variance) == (plain.mean, plain.variance)


def test_a_tail_is_compared() -> None:
    backbone = Backbone(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), "1:in", preprocess="identity")
    z, outputs = backbone.run_through(elsewhere(6, 3).cpu())
    assert not drop_wrong_tail(backbone, z, outputs.as_subclass(Single))
    with pytest.warns(InnWarning):
        assert drop_wrong_tail(backbone, z, (outputs + 1).as_subclass(Single))


@pytest.mark.slow
def test_nothing_is_brought_to_the_cpu_after_it_was_made_double() -> None:
    assert list(_converted_there("x = y.double().flatten(1).cpu()"))
    assert list(_converted_there("x = y.to(device, torch.float64)"))
    assert not list(_converted_there("x = y.cpu().double()"))
    found = {
        f"{path.name}:{line}"
        for root in (CORE, *PLUGINS)
        for path in root.rglob("*.py")
        for line in _converted_there(path.read_text(encoding="utf-8"))
    }
    assert not found


def _converted_there(text: str) -> Iterator[int]:
    """Lines in which a tensor is converted before it is moved, or while."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            before = ast.unparse(node.func.value)
            moved = node.func.attr == "to" and any("float64" in ast.unparse(one) for one in node.args[1:])
            if moved or (node.func.attr == "cpu" and ".double()" in before):
                yield node.lineno
