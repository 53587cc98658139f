"""Inputs that are named one by one: only of sure effects, and as often right as it is said."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.effects.estimate_records import effect_of_estimate
from interpret_inn.effects.estimated import Estimate, estimate
from interpret_inn.effects.single_images import named, single_images
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData
from interpret_inn.types import Score

from .test_estimated import N, problem


def found_of(weight: float) -> tuple[Any, Any, Estimate]:
    data, tail, _ = problem(weight=weight)
    found = estimate(data, tail, draws=20, permutations=2, signs=199)
    assert found is not None
    return data._replace(rows=np.arange(N)), tail, found


@pytest.fixture(scope="module")
def fit_data() -> FitData:
    source = inn.concept_source("labels", data=torch.zeros(N, 3), labels={"colour": np.arange(N) % 2})
    return FitData(Pool([source], seed=0), ())


def test_named_decisions_change_in_truth(fit_data: FitData) -> None:
    data, tail, found = found_of(2.0)
    effect = effect_of_estimate("colour", found, inputs=N, level=0.05)
    images = single_images(effect, found, data, fit_data)
    assert len(images) == 12
    assert all(one.agree >= 0.9 and one.before != one.after for one in images)
    assert [one.agree for one in images] == sorted((one.agree for one in images), reverse=True)
    colours = np.asarray(data.concept.values)
    assert all(one.before == ("red", "blue")[colours[int(one.name)]] for one in images)
    # the truth: the layer moves by 3 along one direction, which the regression of all samples knows well
    chosen = np.flatnonzero(named(found) >= 0)
    shift = data.layer[colours == 1].mean(0) - data.layer[colours == 0].mean(0)
    after = tail(data.layer + np.where(colours == 0, 1.0, -1.0)[:, None] * shift).argmax(1)
    changed = (after != tail(data.layer).argmax(1)).numpy()
    assert changed[chosen].mean() > 0.95


def test_nothing_is_named_of_a_small_effect_or_without_places(fit_data: FitData) -> None:
    data, _, found = found_of(2.0)
    effect = effect_of_estimate("colour", found, inputs=N, level=0.05)
    small = dataclasses.replace(effect, flip_rate=Score(0.06, 0.049, 0.2))
    assert single_images(small, found, data, fit_data) == ()
    at = dataclasses.replace(effect, flip_rate=Score(0.06, 0.05, 0.2))
    assert single_images(at, found, data, fit_data)
    assert single_images(effect, found, data._replace(rows=None), fit_data) == ()
    numbers = dataclasses.replace(effect, kind="scalar")
    assert single_images(numbers, found, data, fit_data) == ()


def test_refits_that_do_not_agree_name_nothing(fit_data: FitData) -> None:
    data, _, found = found_of(2.0)
    effect = effect_of_estimate("colour", found, inputs=N, level=0.05)
    unsure = found._replace(agree=np.minimum(found.agree, 0.89))
    assert single_images(effect, unsure, data, fit_data) == ()
    assert (named(unsure) == -1).all()


def test_the_page_and_the_json_have_them(toy: Any) -> None:
    explanation = toy.interpreter.explain(toy.fresh, localizer=None, examples=1)
    report = toy.interpreter.report(toy.fresh, localizer=None, examples=1)
    images = [one for effect in explanation.effects.values() for one in effect.images]
    assert images, "the toy decides by its shape"
    listed = report.to_dict()["effects"]["shape"]["images"]
    assert listed == [dataclasses.asdict(one) for one in explanation.effects["shape"].images]
    assert "Inputs that would be decided differently" in report.to_html()
