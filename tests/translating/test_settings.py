"""Settings of a fit: what each may be, to the edge."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import FitError
from interpret_inn.translating.settings import FitSettings, checked_seed

AT_LEAST_1 = ("steps", "pairs", "hidden", "depth", "axes", "every", "patience")
ABOVE_0 = ("learning_rate", "clip", "noise", "samples_per_axis")
AT_LEAST_0 = ("weight_decay", "warm_up", "blocks")


@pytest.mark.parametrize("name", AT_LEAST_1)
def test_counts_begin_at_one(name: str) -> None:
    assert getattr(FitSettings(**{name: 1}), name) == 1
    with pytest.raises(FitError, match=f"Expected {name} of at least 1, found 0"):
        FitSettings(**{name: 0})


@pytest.mark.parametrize("name", ABOVE_0)
def test_amounts_are_above_zero(name: str) -> None:
    assert getattr(FitSettings(**{name: 1e-9}), name) == 1e-9
    for wrong in (0, -1.0):
        with pytest.raises(FitError, match=f"Expected {name} above 0, found {wrong}"):
            FitSettings(**{name: wrong})


@pytest.mark.parametrize("name", AT_LEAST_0)
def test_what_may_be_left_out_is_at_least_zero(name: str) -> None:
    assert getattr(FitSettings(**{name: 0}), name) == 0
    with pytest.raises(FitError, match=f"Expected {name} of at least 0, found -1"):
        FitSettings(**{name: -1})


def test_a_share_of_the_variance_is_above_zero_and_up_to_all() -> None:
    assert FitSettings(explained=1).explained == 1
    for wrong in (0, 0.0, 1.01):
        with pytest.raises(FitError, match=r"Expected explained in \(0, 1\], found"):
            FitSettings(explained=wrong)


FLOATS = (*ABOVE_0, "weight_decay", "explained")


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 10**400])
def test_numbers_are_finite(name: str, wrong: float) -> None:
    with pytest.raises(FitError, match=f"Expected {name} to be a finite number, found"):
        FitSettings(**{name: wrong})


@pytest.mark.parametrize(("name", "most"), [("noise", 1000), ("refits", 100)])
def test_noise_and_refits_have_an_upper_end(name: str, most: int) -> None:
    assert getattr(FitSettings(**{name: most}), name) == most
    with pytest.raises(FitError, match=f"Expected {name} of at most {most}, found {most + 1}"):
        FitSettings(**{name: most + 1})


@pytest.mark.parametrize("count", [None, 0, 2, 20])
def test_refits_are_automatic_none_or_several(count: int | None) -> None:
    assert FitSettings(refits=count).refits == count


@pytest.mark.parametrize(
    ("given", "words"),
    [({"steps": 2.0}, "a whole number"), ({"steps": True}, "a whole number"), ({"noise": "low"}, "a number")],
)
def test_kinds_of_numbers_are_told_apart(given: dict[str, Any], words: str) -> None:
    ((name, value),) = given.items()
    with pytest.raises(FitError, match=f"Expected {name} to be {words}, found {value!r}"):
        FitSettings(**given)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "Expected steps of at least 1, found 0."),
        ({"hidden": -3}, "Expected hidden of at least 1, found -3."),
        ({"learning_rate": 0.0}, "Expected learning_rate above 0, found 0.0."),
        ({"noise": math.nan}, "Expected noise to be a finite number, found nan."),
        ({"weight_decay": -1.0}, "Expected weight_decay of at least 0, found -1.0."),
        ({"warm_up": -1}, "Expected warm_up of at least 0, found -1."),
        ({"explained": 1.5}, "Expected explained in (0, 1], found 1.5."),
        ({"explained": 0.0}, "Expected explained in (0, 1], found 0.0."),
        ({"steps": True}, "Expected steps to be a whole number, found True."),
        ({"refits": 1}, "Expected refits of 0, or at least 2 to tell how far they differ, found 1."),
        ({"refits": -5}, "Expected refits of 0, or at least 2 to tell how far they differ, found -5."),
        ({"refits": "all"}, "Expected refits to be a whole number, found 'all'."),
    ],
)
def test_settings_that_cannot_be_are_refused(options, text):
    with pytest.raises(FitError) as caught:
        FitSettings(**options)
    assert str(caught.value) == text


@pytest.mark.parametrize("seed", [0, 2**63 - 1, np.int64(3)])
def test_seeds_are_plain_whole_numbers(seed):
    assert checked_seed(seed) == seed
    assert type(checked_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, "3", None])
def test_seeds_that_could_not_be_loaded_are_refused_before_the_fit(seed):
    with pytest.raises(FitError, match=r"Expected seed to be a whole number from 0 to 2\*\*63 - 1, found"):
        inn.wrap(torch.nn.Sequential(torch.nn.Identity()), "0", preprocess="identity").fit(
            "labels", seed=seed
        )
