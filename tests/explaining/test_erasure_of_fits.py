"""Linear erasure beside flows that were fitted to vectors whose truth is known."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.explaining.evidence import BesideErasure

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty_probes")]
WIDTH, COUNT = 8, 1000


def fit(**options: object) -> Mapping[str, BesideErasure]:
    """`wide` moves one axis and widens two others, a curved trace; `plain` moves one axis and nothing else."""
    random = np.random.default_rng(0)
    wide, plain = random.integers(0, 2, COUNT), random.normal(size=COUNT)
    rows = random.normal(size=(COUNT, WIDTH))
    rows[:, 0] = 3 * (2 * wide - 1) + rows[:, 0]
    rows[:, 1:3] *= 0.3 + 1.4 * wide[:, None]
    rows[:, 3] = 3 * plain + 0.3 * rows[:, 3]
    rows = rows @ np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Identity(), nn.Linear(WIDTH, 2)).eval()
    interpreter = inn.wrap(model, "0", preprocess="identity")
    interpreter.fit(
        "labels", data=torch.tensor(rows, dtype=torch.float32), labels={"wide": wide, "plain": plain},
        kinds={"wide": "categorical", "plain": "numeric"}, cache=None, checkpoint=None, **options,
    )  # fmt: skip
    erasure = interpreter.evaluation.erasure
    assert erasure is not None
    return erasure


@pytest.fixture(scope="module")
def fitted(cache_of_tests: None) -> Mapping[str, BesideErasure]:
    """By the default, a conditional flow."""
    return fit()


def test_the_flow_takes_out_the_curved_trace_that_erasure_leaves(fitted: Mapping[str, BesideErasure]) -> None:
    found = fitted["wide"]
    assert found.flow == "better"
    assert found.verdict.startswith("The flow leaves less of wide elsewhere than linear erasure does")
    assert found.erasure_rest.kernel.value > 0.7
    assert found.rest.kernel.value < 0.65
    assert found.rest_gain.low > 0.05


def test_where_erasure_suffices_the_flow_is_said_to_add_nothing(fitted: Mapping[str, BesideErasure]) -> None:
    found = fitted["plain"]
    assert found.flow == "no better"
    assert found.verdict.startswith("For plain the flow adds nothing to linear erasure.")
    assert max(found.erasure_rest.kernel.value, found.rest.kernel.value) < 0.05


def test_a_joint_flow_is_compared_too(small: dict[str, Any]) -> None:
    """It is hardly trained, and so it takes out no more of a line's concept than a line does."""
    found = fit(
        flow="joint", **{name: small[name] for name in ("steps", "pairs", "blocks", "hidden", "every")}
    )
    assert found["plain"].flow != "better"
    assert all(math.isfinite(one.rest_gain.value) for one in found.values())
