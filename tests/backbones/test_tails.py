"""A tail that does not make the outputs of some inputs is dropped."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from interpret_inn.backbones import Backbone, drop_wrong_tail, rule_of_its_own
from interpret_inn.errors import InnWarning

X = torch.rand(6, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def backbone() -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = Backbone(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), "1:in", preprocess="identity")
    found.represent(X)
    assert found.has_tail
    assert not rule_of_its_own(found)
    return found


@pytest.mark.parametrize(
    "change",
    [lambda outputs: outputs, lambda outputs: outputs * (1 + 1e-7), lambda outputs: outputs + 1e-5],
)
def test_rounding_is_no_difference(backbone: Backbone, change: Callable[[Tensor], Tensor]) -> None:
    z, outputs = backbone.run_through(X)
    assert not drop_wrong_tail(backbone, z, change(outputs))
    assert backbone.has_tail


def test_nothing_is_said_of_equal_outputs_that_are_not_finite(backbone: Backbone) -> None:
    z, _ = backbone.run_through(X)
    z[0], z[1] = torch.nan, torch.inf
    assert not drop_wrong_tail(backbone, z, backbone.tail(z))


@pytest.mark.parametrize("far", [0.05, torch.nan])
def test_another_output_of_one_input_takes_the_tail_once(backbone: Backbone, far: float) -> None:
    z, outputs = backbone.run_through(X)
    outputs[2, 0] += far
    with pytest.warns(InnWarning, match="does not come from '1:in' alone"):
        assert drop_wrong_tail(backbone, z, outputs)
    assert backbone.tail(z) is None
    assert backbone.lost_tail
    assert rule_of_its_own(backbone).startswith(
        "Some inputs showed that not all outputs of Sequential come from '1:in'"
    )
    assert not drop_wrong_tail(backbone, z, outputs), "without a tail there is nothing to compare"
