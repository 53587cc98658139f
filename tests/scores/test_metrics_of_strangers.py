"""Metrics of other plugins are given what they take, and cost nothing else where they fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import interpret_inn as inn
from interpret_inn.plugin import PluginWarning
from interpret_inn.types import MetricSpec, Score

from .known_codes import SLICES, coded, concepts_of, registered, table


def test_a_metric_is_given_what_it_takes() -> None:
    seen: dict[str, Any] = {}

    def plain(codes: Any, factors: Any) -> Score:
        seen["plain"] = codes.shape, factors.shape, codes.dtype, factors.dtype
        codes[:] = 0  # its own copy
        return Score(0.25, 0.2, 0.3)

    def knowing(codes: Any, factors: Any, *, groups: Any, seed: int, power: int = 1) -> Score:
        seen["knowing"] = groups, seed, power, float(np.abs(codes).max())
        return Score(0.5)

    codes, shape, size = coded()
    with registered(MetricSpec("plain", "A.", plain), MetricSpec("knowing", "B.", knowing, quick=False)):
        found = table(
            codes, concepts_of(shape, size), names=("plain", "knowing"), seed=7,
            options={"knowing": {"power": 2}},
        )  # fmt: skip
        quick = table(codes, concepts_of(shape, size))
    assert seen["plain"] == ((400, 5), (400, 2), np.float64, np.float64)
    assert seen["knowing"][:3] == (SLICES, 7, 2) and seen["knowing"][3] > 0
    assert (float(found["plain"]), float(found["knowing"])) == (0.25, 0.5)
    assert "plain" in quick and "knowing" not in quick and "knowing" in quick.on_request


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        (lambda codes, factors: 1 / 0, "failed. ZeroDivisionError: division by zero"),
        (lambda codes, factors: 0.5, "to give a Score, found an object of type float"),
        (lambda codes, factors: Score("high"), "Expected numbers in a Score, found {'value': 'high'}"),
        (lambda codes, factors: Score("0.5"), "Expected numbers in a Score, found {'value': '0.5'}"),
        (lambda codes, factors: Score(float("nan")), "Expected a number, found NaN"),
        (lambda codes, factors: Score(0.5, 0.6, 0.7), "holds the value, found 0.6 to 0.7 for 0.5"),
        (lambda codes: Score(1.0), "cannot be called so: too many positional arguments"),
    ],
)
def test_a_metric_that_fails_is_named_and_costs_nothing_else(evaluate: Any, said: str) -> None:
    codes, shape, size = coded()
    with (
        registered(MetricSpec("bad", "A.", evaluate)),
        pytest.warns(PluginWarning, match="left out") as warned,
    ):
        found = table(codes, concepts_of(shape, size))
    assert "bad" not in found and "sap" in found
    assert said in found.left_out["bad"] and said in str(warned[0].message)
    assert "the plugin 'strange' (registered by a call of register)" in found.left_out["bad"]


def test_data_that_do_not_suit_are_a_reason_and_no_failure() -> None:
    def refusing(codes: Any, factors: Any) -> Score:
        raise inn.InputError("Expected more.")

    codes, shape, size = coded()
    with registered(MetricSpec("refusing", "A.", refusing)):
        assert table(codes, concepts_of(shape, size), names="refusing").left_out == {
            "refusing": "Expected more."
        }


def test_names_and_options_that_do_not_exist_are_refused() -> None:
    codes, shape, size = coded()
    concepts = concepts_of(shape, size)
    with pytest.raises(inn.PluginError, match=r"no metric 'mik'\. Did you mean 'mig'"):
        table(codes, concepts, names="mik")
    with pytest.raises(inn.PluginError, match=r"'mig' of the plugin 'scores'.*takes no option 'bin'"):
        table(codes, concepts, names="mig", options={"mig": {"bin": 3}})
    with pytest.raises(inn.PluginError, match="the metric 'dci', which is not asked for"):
        table(codes, concepts, names="mig", options={"dci": {}})


def test_a_record_with_another_kind_of_values_is_refused() -> None:
    with (
        pytest.raises(inn.PluginError, match="'suits' of the metric 'a' to be one of any, classes"),
        registered(MetricSpec("a", "A.", lambda codes, factors: Score(1.0), suits="class")),  # type: ignore[arg-type]
    ):
        pass


@pytest.mark.parametrize("fewest", [0, True, "2"])
def test_the_fewest_concepts_are_a_number(fewest: Any):
    spec = MetricSpec("odd", "Odd.", lambda codes, factors: Score(1.0), fewest_concepts=fewest)
    with (
        pytest.raises(inn.PluginError, match="'fewest_concepts' of the metric 'odd' to be a whole number"),
        registered(spec),
    ):
        pass
