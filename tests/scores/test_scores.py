"""Scores by the built-in plugin are those of the functions, and say what they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import interpret_inn as inn
import interpret_inn_scores
from interpret_inn import metrics
from interpret_inn.metrics.disentanglement import information
from interpret_inn.testing import check_metric

from .known_codes import SLICES, coded, concepts_of, table

SPECS = {spec.name: spec for spec in interpret_inn_scores.inn_metrics()}


@pytest.fixture
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mig` and `modularity` fit 50 trees for each group and factor, for figures that nothing here looks at."""
    monkeypatch.setattr(information, "_TREES", 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_plugin_keeps_the_contract_of_metrics(name: str, small_forests: None) -> None:
    spec = SPECS[name]
    if name == "dci":  # boosting takes seconds a factor
        spec = dataclasses.replace(spec, evaluate=partial(spec.evaluate, estimator="linear"))
    assert check_metric(spec)


def test_it_is_installed_as_a_plugin_of_its_own() -> None:
    row = next(row for row in inn.plugins() if row.name == "scores")
    assert row.contributions == {"metric": tuple(SPECS)}
    assert {spec.name for spec in SPECS.values() if spec.quick} == {
        "sap", "sap_continuous", "factor_vae_score", "irs"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("mig", metrics.mig),
        ("modularity", metrics.modularity),
        ("sap", metrics.sap),
        ("explicitness", metrics.explicitness),
        ("factor_vae_score", metrics.factor_vae_score),
        ("beta_vae_score", metrics.beta_vae_score),
        ("irs", metrics.irs),
    ],
)
def test_scores_are_those_of_the_functions(
    name: str, by_hand: Callable[..., metrics.CodeScore], small_forests: None
) -> None:
    codes, shape, size = coded()
    bins = metrics.discretise(size[:, None], 10, method="quantile")[:, 0]
    found = table(codes, concepts_of(shape, size), names=name, seed=3)
    expected = by_hand(codes, np.column_stack([shape, bins]), groups=SLICES, seed=3).score.value
    assert float(found[name]) == pytest.approx(expected, abs=1e-12)
    assert found.factors == ("shape", "size") and found.samples == 400 and not found.notes


def test_options_of_a_metric_go_by_its_name() -> None:
    codes, shape, size = coded()
    found = table(
        codes, concepts_of(shape, size), names=("dci", "sap"), options={"dci": {"estimator": "linear"}}
    )
    factors = np.column_stack([shape, metrics.discretise(size[:, None], 10, method="quantile")[:, 0]])
    by_hand = metrics.dci(codes, factors, groups=SLICES, estimator="linear")
    assert float(found["dci"]) == pytest.approx(by_hand.score.value, abs=1e-12)
    assert dict(found["dci"].parts) == pytest.approx(
        {name: float(score) for name, score in by_hand.further.items()}
    )
    assert np.isfinite(found["sap"].low)


def test_numbers_are_scored_as_numbers_and_categories_are_no_numbers() -> None:
    codes, shape, size = coded()
    found = table(codes, concepts_of(shape, size), names="sap_continuous")
    by_hand = metrics.sap(codes, size[:, None], kind="continuous", groups=SLICES)
    assert float(found["sap_continuous"]) == pytest.approx(by_hand.score.value, abs=1e-12)
    without = table(codes, concepts_of(shape, size)[:1], names=("sap_continuous", "sap"))
    assert "sap" in without
    assert without.left_out["sap_continuous"] == "It needs concepts whose values are numbers, found shape."


def test_total_correlation_needs_no_values() -> None:
    codes, _, _ = coded()
    found = table(codes, [], names=("total_correlation", "mig"))
    by_hand = metrics.total_correlation(codes, groups=SLICES).score.value
    assert float(found["total_correlation"]) == pytest.approx(by_hand)
    assert found.left_out == {"mig": "It needs concepts with known values, found none."}


@pytest.mark.slow
def test_shuffled_labels_score_at_chance() -> None:
    codes, shape, size = coded(1000)
    order = np.random.default_rng(1).permutation(1000)
    names = ("mig", "sap", "explicitness", "factor_vae_score", "sap_continuous")
    true = table(codes, concepts_of(shape, size), names=names)
    found = table(codes, concepts_of(shape[order], size[order]), names=names)
    assert float(true["mig"]) > 0.5 > 0.05 > float(found["mig"])
    assert float(found["sap"]) < 0.08 < float(true["sap"])
    assert float(found["explicitness"]) == pytest.approx(0.5, abs=0.06)
    assert float(found["factor_vae_score"]) < 0.65 < float(true["factor_vae_score"])
    assert float(found["sap_continuous"]) < 0.02 < float(true["sap_continuous"])


@pytest.mark.slow
def test_scores_that_say_nothing_of_one_concept_are_left_out():
    codes, shape, _ = coded()
    found = table(codes, concepts_of(shape, shape)[:1], names="all")
    alone = {"factor_vae_score", "beta_vae_score", "modularity", "dci"}
    assert alone <= set(found.left_out) and not alone & set(found)
    reason = found.left_out["factor_vae_score"]
    assert reason == "It needs at least 2 concepts with known values, found shape: of fewer it says nothing."
    assert {"mig", "sap", "irs", "explicitness"} <= set(found)


@pytest.mark.slow
def test_chance_is_measured_beside_scores_of_votes() -> None:
    codes, shape, size = coded(200)
    found = table(codes, concepts_of(shape, size), names=("factor_vae_score", "beta_vae_score"))
    for name in found:
        assert 0.4 < found[name].parts["chance"] < 0.8 < float(found[name])
        assert "chance" in found.summaries[name]
    assert "  chance" in str(found)
