"""A factor's value where there is little to go by: codes at the centre, few values, codes without their last axes."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.localizing import FactorReader, prepared_inputs, require_images
from interpret_inn.localizing.factor_reader import concept_coordinates
from interpret_inn.testing import toy_images
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept

IMAGES, _ = toy_images(3, seed=6)


def test_height_comes_before_width() -> None:
    assert require_images(torch.zeros(2, 3, 5, 7)) == (5, 7)


@pytest.mark.parametrize("known", [7, 8])
def test_eight_values_tell_a_direction(known: int) -> None:
    generator = np.random.default_rng(0)
    codes = torch.from_numpy(generator.normal(size=(20, 3)))
    values = np.where(np.arange(20) < known, generator.normal(size=20), np.nan)
    assert (concept_coordinates(codes, Concept("c", "numeric", values)) is None) == (known < 8)


def test_one_column_that_varies_is_enough() -> None:
    generator = np.random.default_rng(1)
    codes = torch.from_numpy(generator.normal(size=(50, 3)))
    values = np.stack([codes[:, 0].numpy(), np.full(50, 4.0)], 1)
    found = concept_coordinates(codes, Concept("c", "numeric", values))
    assert found is not None and found.shape == (3, 1)


def test_a_coordinate_weighs_what_the_concept_explains() -> None:
    """Along it the rest varies by λ / (1 + λ), and the concept by √λ times that; where numbers begin is no matter."""
    generator = np.random.default_rng(2)
    values = generator.normal(size=400)
    codes = np.outer(values, [2.0, 1.0, 0.0]) + generator.normal(size=(400, 3)) @ generator.normal(
        size=(3, 3)
    )
    found = concept_coordinates(torch.from_numpy(codes), Concept("c", "numeric", values + 100))
    assert found is not None and found.shape == (3, 1)
    seen = codes @ found.numpy()[:, 0]
    slope, begin = np.polyfit(values, seen, 1)
    explained = slope * values + begin
    rest, share = (seen - explained).std(ddof=1), explained.var(ddof=1) / (seen - explained).var(ddof=1)
    assert rest == pytest.approx(share / (1 + share), rel=0.02)


def test_a_coordinate_that_shows_next_to_nothing_beside_another_is_left_out() -> None:
    values = np.random.default_rng(3).normal(size=(400, 2))
    codes = values * [300, 0.02] + np.random.default_rng(4).normal(size=(400, 2))
    found = concept_coordinates(torch.from_numpy(codes), Concept("c", "numeric", values))
    assert found is not None and found.shape == (2, 1)


def test_codes_that_are_all_alike_have_no_coordinate() -> None:
    found = concept_coordinates(torch.ones(20, 3), Concept("c", "numeric", np.arange(20.0)))
    assert found is not None and found.shape == (3, 0)


def test_inputs_at_the_centre_deviate_by_nothing(toy: Any) -> None:
    translator = toy.interpreter.translator
    reader = FactorReader(translator, "hue")
    prepared = prepared_inputs(translator, IMAGES)
    like = reader.centre.expand(3, -1)
    with translator.backbone.session():
        assert reader.score(prepared, like).tolist() == [0, 0, 0]
        assert reader.projection(prepared, like).tolist() == [0, 0, 0]


def test_axes_that_reference_codes_lack_are_centred_at_0(toy: Any) -> None:
    whole = toy.interpreter.translator
    width = whole.fitted.reference_codes.shape[1] - 2
    short = dataclasses.replace(whole.fitted, reference_codes=whole.fitted.reference_codes[:, :width])
    residual = whole.factors.names[-1]
    found, wanted = FactorReader(Translator(whole.backbone, short), residual), FactorReader(whole, residual)
    for name in ("centre", "spread"):
        assert torch.equal(getattr(found, name)[:-2], getattr(wanted, name)[:-2])
        assert getattr(found, name)[-2:].tolist() == [0, 0]
