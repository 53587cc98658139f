"""Checks: what they measure, and that they see what is wrong."""

import copy
import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.explaining.checks import (
    BatchChecks,
    ComparedOutputs,
    _agreement,
    check_batch,
    compared_outputs,
    join_checks,
)
from interpret_inn.explaining.evidence import Checks


def test_a_sound_fit_passes(toy: Any) -> None:
    checks = toy.interpreter.check(toy.fresh)
    assert checks.passed
    assert checks.samples == 150
    assert checks.agreement == 1
    assert checks.unedited_identical
    assert checks.finite
    assert 0 < checks.round_trip_data < 1e-5
    assert 0 < checks.round_trip_edited < 1e-4
    assert checks.output_change < 1e-3


def changes(before: torch.Tensor, after: torch.Tensor) -> tuple[int, float]:
    """How many outputs are kept, and the largest change."""
    return _agreement([compared_outputs(before, after)])


def test_batches_join_to_the_worst_and_the_share() -> None:
    kept = ComparedOutputs(torch.ones(10, dtype=torch.bool), torch.full((10,), 2.0), 10, 0.0, 4.0)
    some = ComparedOutputs(torch.arange(30) < 20, torch.full((30,), 6.0), 30, 0.0, 4.0)
    good = BatchChecks(1e-6, 2e-6, kept, True, True, 10)
    bad = BatchChecks(1e-3, 1e-6, some, False, True, 30)
    joined = join_checks([good, bad])
    assert joined.output_change == 3
    assert joined.round_trip_data == 1e-3
    assert joined.round_trip_edited == 2e-6
    assert joined.agreement == 30 / 40
    assert joined.samples == 40
    assert not joined.unedited_identical
    assert not joined.passed
    assert join_checks([good]).passed


def test_a_flow_that_is_not_inverted_fails(toy: Any, monkeypatch: Any) -> None:
    network = toy.interpreter.fitted.network
    real = network.inverse
    monkeypatch.setattr(network, "inverse", lambda codes: (real(codes)[0] + 0.05, real(codes)[1]))
    checks = toy.interpreter.check(toy.fresh[:10])
    assert not checks.passed
    data = toy.interpreter._data
    scale = data.rows(data.pool.indices("train")).flatten(0, 1).var(0).mean().sqrt()
    assert checks.round_trip_data == pytest.approx(0.05 / float(scale), rel=0.01)
    explanation = toy.interpreter.explain(toy.fresh[:10], examples=1, resamples=1, localizer=None)
    assert any(
        line.startswith("The translation is not exact on data: its error is") for line in explanation.warnings
    )


class Shy(nn.Module):
    """A layer that does something else while it is watched, as layers with a fast path do."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layer(features)
        return logits * (1 + 1e-6) if self._forward_pre_hooks else logits


def test_the_bare_model_is_run_without_any_hook(toy: Any) -> None:
    model = copy.deepcopy(toy.interpreter.backbone.model)
    model.head = Shy(model.head)
    it = inn.wrap(model, "head:in").fit("labels", data=toy.images, labels=toy.labels["shape"], steps=1)
    assert not it.check(toy.fresh[:10]).unedited_identical
    model.head = model.head.layer
    assert it.check(toy.fresh[:10]).unedited_identical


def test_what_is_not_finite_fails(toy: Any, monkeypatch: Any) -> None:
    network = toy.interpreter.fitted.network
    real = network.inverse
    monkeypatch.setattr(network, "inverse", lambda codes: (real(codes)[0] * math.nan, real(codes)[1]))
    checks = toy.interpreter.check(toy.fresh[:10])
    assert checks.round_trip_data == math.inf
    assert not checks.finite
    assert not checks.passed


def test_edits_of_one_factor_that_are_not_finite_fail(toy: Any, monkeypatch: Any) -> None:
    translator = toy.interpreter.translator
    real = type(translator).draw

    def draw(self: Any, factor: Any, *rest: Any) -> torch.Tensor:
        drawn: torch.Tensor = real(self, factor, *rest)
        return drawn * math.nan if factor.name == translator.factors[0].name else drawn

    monkeypatch.setattr(type(translator), "draw", draw)
    checks = toy.interpreter.check(toy.fresh[:10])
    assert not checks.finite
    assert checks.round_trip_edited == math.inf
    assert checks.round_trip_data < 1e-5


def test_outputs_that_are_not_finite_fail(toy: Any, monkeypatch: Any) -> None:
    with toy.interpreter.backbone.session():
        batch = next(iter(toy.interpreter.translator.batches(toy.fresh[:10])))
        assert check_batch(batch, seed=0).finite
        real = type(batch).outputs_at
        monkeypatch.setattr(type(batch), "outputs_at", lambda self, z: real(self, z) * math.nan)
        assert not check_batch(batch, seed=0).finite


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ([[2.0, 1.0], [1.0, 2.0]], [[2.5, 1.0], [2.5, 2.0]], 1),  # the top class counts
        ([[1.0], [2.0]], [[1.0], [2.5]], 1),  # of numbers, their change
        ([[1.0, 1.0], [0.0, 0.0]], [[1.0, 1.0 + 1e-6], [0.0, 0.0]], 2),  # a tie that rounding decides
    ],
)
def test_agreement_of_outputs(before: Any, after: Any, kept: int) -> None:
    count, change = changes(torch.tensor(before), torch.tensor(after))
    assert count == kept
    assert change >= 0


def test_images_agree_by_their_change_and_not_by_their_brightest_pixel() -> None:
    before = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    before[:, 0, 0, 0] = 2
    after = torch.stack([before[0] + 1e-5, before[1] / 2])
    assert changes(before, after)[0] == 1
    assert changes(before[:, 0, 0, 1], after[:, 0, 0, 1])[0] == 1, "numbers without an axis of their own"


def test_agreement_of_outputs_that_are_all_alike() -> None:
    assert changes(torch.zeros(3, 4), torch.zeros(3, 4)) == (3, 0.0)
    assert changes(torch.full((1, 1), 3e5), torch.full((1, 1), 3e5 + 0.5)) == (1, pytest.approx(0.5 / 3e5))


def test_outputs_are_measured_in_one_unit_however_they_are_cut_into_batches() -> None:
    before = 3e5 + 1e5 * torch.randn(9, 1, generator=torch.Generator().manual_seed(0))
    after = before + torch.linspace(0, 1, 9)[:, None]
    whole = changes(before, after)
    cut = _agreement([compared_outputs(before[part], after[part]) for part in (slice(8), slice(8, 9))])
    assert cut == (whole[0], pytest.approx(whole[1], rel=1e-6))
    assert cut[0] == 9
    assert cut[1] == pytest.approx(1 / float(before.std(correction=0)), rel=1e-2)


@pytest.mark.parametrize(
    ("share", "enough"), [(1.0, True), (0.999, True), (0.9989, False), (math.nan, False)]
)
def test_one_output_in_a_thousand_may_change(share: float, enough: bool) -> None:
    checks = Checks(1e-6, 1e-6, share, 1e-6, True, True, 2000)
    assert checks.agrees is checks.passed is enough


@pytest.mark.parametrize(
    ("changed", "passed"),
    [
        ({}, True),
        ({"round_trip_data": 1.1e-4}, False),
        ({"round_trip_edited": 1.1e-4}, False),
        ({"agreement": 0.9}, False),
        ({"unedited_identical": False}, False),
        ({"finite": False}, False),
    ],
)
def test_one_check_that_fails_is_enough(changed: dict[str, Any], passed: bool) -> None:
    checks = Checks(1e-4, 1e-4, 1.0, 0.0, True, True, 10)  # at the tolerance
    assert dataclasses.replace(checks, **changed).passed is passed


# --- what depends on the batch ------------------------------------------------------------------------


def small(norm: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 16, 3, 2),
        norm,
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    return nn.Sequential(*layers).eval()


@pytest.mark.parametrize(
    ("norm", "told"), [(nn.BatchNorm2d(16, track_running_stats=False), True), (nn.BatchNorm2d(16), False)]
)
def test_a_code_that_depends_on_its_neighbours_is_told(toy: Any, norm: nn.Module, told: bool) -> None:
    it = inn.wrap(small(norm)).fit("labels", data=toy.images, labels=toy.labels["shape"], cache=None)
    explanation = it.explain(toy.fresh, examples=1, resamples=1, localizer=None)
    assert (explanation.checks.batch_effect > 0.1) is told
    assert (explanation.checks.batch_effect < 1e-4) is not told
    assert any("Codes depend on the batch" in line for line in explanation.warnings) is told
    assert explanation.checks.passed


def test_of_a_single_input_it_is_not_known(toy: Any) -> None:
    assert math.isnan(toy.interpreter.check(toy.fresh[:1]).batch_effect)
    assert toy.interpreter.check(toy.fresh[:9]).batch_effect < 1e-4
