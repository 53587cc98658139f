"""Soft rectangles, against literal versions, and what they are fitted to."""

import itertools
from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from interpret_inn.localizing import soft_intervals
from interpret_inn_masks.rectangles import best_rectangle, fit_rectangles, joined

FIT: dict[str, Any] = {"rectangles": 4, "combine": "union", "area_weight": 0.75, "steps": 60}


def box(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = (16, 20)) -> Tensor:
    """1 inside, all four edges included."""
    found = torch.zeros(size)
    found[top : bottom + 1, left : right + 1] = 1
    return found


def literal_interval(starts: Tensor, ends: Tensor) -> list[float]:
    """g of place i: how likely it is that the start lies at i or before, times that the end lies at i or after."""
    begin, end = starts.softmax(0).tolist(), ends.softmax(0).tolist()
    return [sum(begin[: place + 1]) * sum(end[place:]) for place in range(len(begin))]


def test_intervals_agree_with_the_literal_formula() -> None:
    starts, ends = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(0))
    found = soft_intervals(starts, ends)
    for row in range(3):
        assert found[row].tolist() == pytest.approx(literal_interval(starts[row], ends[row]), abs=1e-6)


def test_the_last_place_can_be_inside() -> None:
    places = torch.arange(8)
    first, last = 40.0 * (places == 0), 40.0 * (places == 7)
    assert torch.allclose(soft_intervals(first, last), torch.ones(8), atol=1e-6)
    published = first.softmax(0).cumsum(0) * (1 - last.softmax(0).cumsum(0))
    assert published[-1] < 1e-6, "as published, it never is"


def test_rounding_takes_no_interval_out_of_its_range() -> None:
    logits = torch.randn(500, 40, generator=torch.Generator().manual_seed(0))
    first, last = (200.0 * (torch.arange(40) == place).expand(500, -1) for place in (0, 39))
    assert logits.softmax(1).cumsum(1).max() > 1, "sums of shares are over 1, but for the bounds"
    for found in (soft_intervals(logits, last), soft_intervals(first, logits - last)):
        assert found.min() >= 0 and found.max() <= 1


def test_only_the_union_reaches_one_for_rectangles_apart() -> None:
    apart = torch.stack([box(1, 4, 1, 4), box(8, 12, 9, 15)])
    assert torch.equal(joined(apart, "union"), apart.sum(0))
    assert joined(apart, "mean").max() == 0.5


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(-4, 4)
    )
)
def test_the_best_rectangle_is_the_best_of_all(gain: np.ndarray[Any, Any]) -> None:
    where, worth = best_rectangle(torch.from_numpy(gain)[None])
    height, width = gain.shape
    sums = [
        gain[top:bottom, left:right].sum()
        for top, bottom in itertools.combinations(range(height + 1), 2)
        for left, right in itertools.combinations(range(width + 1), 2)
    ]
    assert worth.item() == max(sums)
    top, bottom, left, right = where[0].tolist()
    assert gain[top : bottom + 1, left : right + 1].sum() == max(sums)


@pytest.mark.parametrize("edges", [(3, 6, 10, 15), (0, 15, 0, 3), (12, 15, 16, 19), (0, 15, 0, 19)])
def test_a_rectangle_is_found_also_at_the_borders(edges: tuple[int, int, int, int]) -> None:
    truth = box(*edges)
    (mask,) = fit_rectangles(truth[None], **FIT)
    assert (mask - truth).abs().mean() < 0.02
    assert mask[truth > 0].mean() > 0.95


def test_several_places_at_once() -> None:
    truth = box(0, 3, 0, 4) + box(10, 14, 2, 6) + box(4, 9, 14, 18)
    (mask,) = fit_rectangles(truth[None], **FIT)
    assert mask[truth > 0].mean() > 0.95 and mask[truth == 0].mean() < 0.02
    (single,) = fit_rectangles(truth[None], **(FIT | {"rectangles": 1}))
    assert single[truth > 0].mean() < 0.9, "one rectangle cannot hold three without what is between them"


def test_the_mean_of_rectangles_cannot_hold_places_apart() -> None:
    truth = box(0, 3, 0, 4) + box(10, 14, 12, 17)
    (mean,) = fit_rectangles(truth[None], **(FIT | {"combine": "mean", "rectangles": 2}))
    (union,) = fit_rectangles(truth[None], **(FIT | {"rectangles": 2}))
    assert union[truth > 0].mean() > 0.95
    assert mean[truth > 0].mean() < 0.75


@pytest.mark.slow
def test_fitting_improves_on_the_rectangles_it_starts_from() -> None:
    generator = torch.Generator().manual_seed(3)
    rough = torch.rand(6, 1, 4, 5, generator=generator).square()
    change = torch.nn.functional.interpolate(rough, (24, 24), mode="bilinear")[:, 0]
    share = change / change.sum((1, 2), keepdim=True)

    def value(steps: int) -> Tensor:
        masks = fit_rectangles(change, **(FIT | {"steps": steps}))
        return (masks * share).sum((1, 2)) - 0.75 * masks.mean((1, 2))

    assert bool((value(100) >= value(0)).all())
    assert float((value(100) - value(0)).mean()) > 0.005


@pytest.mark.slow
def test_more_expensive_area_makes_smaller_masks() -> None:
    places = torch.linspace(-2, 2, 24)
    hill = torch.exp(-places[:, None].square() - places[None].square())[None]
    areas = [float(fit_rectangles(hill, **(FIT | {"area_weight": w})).mean()) for w in (0.3, 0.75, 1.5, 3.0)]
    assert areas == sorted(areas, reverse=True) and areas[-1] < areas[0] / 3


def test_change_everywhere_is_held_everywhere_and_none_nowhere() -> None:
    even = torch.rand(12, 12, generator=torch.Generator().manual_seed(1)) * 0.2 + 0.9
    masks = fit_rectangles(torch.stack([even, torch.zeros(12, 12)]), **FIT)
    assert masks[0].mean() > 0.98
    assert masks[1].abs().max() == 0


def test_each_map_is_fitted_by_itself_and_the_same_each_time() -> None:
    maps = torch.stack([box(1, 5, 1, 5), box(9, 14, 9, 18) * 1e-5])
    both = fit_rectangles(maps, **FIT)
    assert torch.allclose(fit_rectangles(maps[1:], **FIT), both[1:], atol=1e-5), (
        "neither strength nor others count"
    )
    state = torch.get_rng_state()
    with torch.inference_mode():
        assert torch.equal(fit_rectangles(maps, **FIT), both)
    assert torch.equal(torch.get_rng_state(), state)
