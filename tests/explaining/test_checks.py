"""Checks: what they measure, and that they see what is wrong."""

import math
from typing import Any

import pytest
import torch

from interpret_inn.explaining.checks import BatchChecks, _agreement, join_checks
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


def test_batches_join_to_the_worst_and_the_share() -> None:
    good = BatchChecks(1e-6, 2e-6, 10, 1e-6, True, True, 10)
    bad = BatchChecks(1e-3, 1e-6, 20, 2e-6, False, True, 30)
    joined = join_checks([good, bad])
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
    assert checks.round_trip_data > 1e-2
    explanation = toy.interpreter.explain(toy.fresh[:10], examples=1, resamples=1, localizer=None)
    assert any(line.startswith("A check failed: do not trust edits") for line in explanation.warnings)


def test_what_is_not_finite_fails(toy: Any, monkeypatch: Any) -> None:
    network = toy.interpreter.fitted.network
    real = network.inverse
    monkeypatch.setattr(network, "inverse", lambda codes: (real(codes)[0] * math.nan, real(codes)[1]))
    checks = toy.interpreter.check(toy.fresh[:10])
    assert checks.round_trip_data == math.inf
    assert not checks.finite
    assert not checks.passed


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ([[2.0, 1.0], [1.0, 2.0]], [[2.5, 1.0], [2.5, 2.0]], 1),  # the top class counts
        ([[1.0], [2.0]], [[1.0], [2.5]], 1),  # of numbers, their change
        ([[1.0, 1.0], [0.0, 0.0]], [[1.0, 1.0 + 1e-6], [0.0, 0.0]], 2),  # a tie that rounding decides
    ],
)
def test_agreement_of_outputs(before: Any, after: Any, kept: int) -> None:
    count, change = _agreement(torch.tensor(before), torch.tensor(after))
    assert count == kept
    assert change >= 0


def test_agreement_of_outputs_that_are_all_alike() -> None:
    assert _agreement(torch.zeros(3, 4), torch.zeros(3, 4)) == (3, 0.0)


@pytest.mark.parametrize(
    ("share", "enough"), [(1.0, True), (0.999, True), (0.9989, False), (math.nan, False)]
)
def test_one_output_in_a_thousand_may_change(share: float, enough: bool) -> None:
    checks = Checks(1e-6, 1e-6, share, 1e-6, True, True, 2000)
    assert checks.agrees is checks.passed is enough
