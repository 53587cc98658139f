"""Pixels of a mask in the order in which they matter."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from interpret_inn_masks.area_ranking import added_by, ranked, with_area


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_pixels_add_sums_to_what_the_mask_does() -> None:
    # of a value that is quadratic in the mask, the slopes in the middle of four equal parts give the whole exactly
    weight = torch.randn(6, 6, generator=generator(), dtype=torch.float64)
    masks = torch.rand(3, 1, 2, 3, generator=generator(1), dtype=torch.float64)

    def value(shown: Tensor) -> Tensor:
        flat = shown.flatten(1)
        return torch.einsum("bi,ij,bj->b", flat, weight, flat) + flat.sum(1)

    added = added_by(value, masks)
    assert torch.allclose(added.sum((1, 2, 3)), value(masks) - value(torch.zeros_like(masks)))


def test_a_pixel_that_is_not_read_adds_nothing_and_none_outside_counts() -> None:
    masks = torch.ones(1, 1, 4, 4)
    masks[..., 3] = 0
    added = added_by(lambda shown: shown[..., 1:].sum((1, 2, 3)), masks)
    assert torch.equal(added[0, 0], torch.tensor([[0.0, 1, 1, 0]]).expand(4, 4))


def test_what_matters_is_highest_though_it_stands_at_the_edge() -> None:
    masks = torch.zeros(1, 1, 24, 24)
    masks[..., 4:20, 4:20] = 1
    found = ranked(lambda shown: shown[..., 5:8, 16:19].sum((1, 2, 3)), masks, cell=3.0)
    row, column = divmod(int(found.argmax()), 24)
    assert (row, column) == (6, 17)


def test_a_mask_whose_pixels_add_nothing_keeps_its_middle_highest() -> None:
    masks = torch.zeros(1, 1, 24, 24)
    masks[..., 5:14, 5:14] = 1
    found = ranked(lambda shown: -shown.sum((1, 2, 3)), masks, cell=4.0)
    assert divmod(int(found.argmax()), 24) == (9, 9)


@settings(max_examples=30, deadline=None)
@given(area=st.floats(0.06, 0.6), seed=st.integers(0, 50))
def test_areas_are_as_asked_and_the_order_stays(area: float, seed: int) -> None:
    heat = torch.rand(2, 1, 8, 9, generator=generator(seed), dtype=torch.float64) + 1e-3
    masks = with_area(heat, area)
    assert masks.mean((1, 2, 3)).tolist() == pytest.approx([area, area], abs=0.01)
    assert 0.99 < float(masks.max()) <= 1 and float(masks.min()) >= 0
    assert torch.equal(masks.flatten(1).argsort(1), heat.flatten(1).argsort(1))


def test_inside_is_whole_and_outside_is_nothing() -> None:
    masks = with_area(torch.rand(1, 1, 40, 40, generator=generator()), 0.25)
    assert float((masks > 0.9).float().mean()) > 0.15 and float((masks < 0.1).float().mean()) > 0.65


def test_no_heat_is_no_mask() -> None:
    assert not with_area(torch.zeros(1, 1, 5, 5), 0.2).any()
