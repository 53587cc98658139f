"""Swap grids are many swaps at once."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn import edits, explore
from interpret_inn.explore.grids import crossed


def one_by_one(it: inn.Interpreter, factor: str, rows: Any, columns: Any, **options: Any) -> torch.Tensor:
    return torch.stack([it.run(columns, edits.swap(factor, row[None], **options)) for row in rows])


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """The same but for rounding: batches of another size may add up in another order."""
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_grid_is_a_swap_for_each_row(faces: Any) -> None:
    it, latents = faces
    grid = explore.swap_grid(it, "side", rows=latents[:3], columns=latents[3:8])
    assert grid.shape == (3, 5, 3, 10, 10)
    assert_same(grid, one_by_one(it, "side", latents[:3], latents[3:8]))


def test_the_same_inputs_on_both_axes_leave_the_diagonal_alone(maps: Any) -> None:
    it, images = maps
    grid = explore.swap_grid(it, "bright", rows=images[:3], columns=images[:3])
    assert grid.shape == (3, 3, 1, 12, 12)
    assert_same(grid[[0, 1, 2], [0, 1, 2]], it.run(images[:3]))
    assert_same(grid, one_by_one(it, "bright", images[:3], images[:3]))


def test_logits_of_a_classifier(toy: Any) -> None:
    grid = explore.swap_grid(toy.interpreter, "shape", rows=toy.fresh[:2], columns=toy.fresh[2:6])
    assert grid.shape == (2, 4, 3)
    expected = one_by_one(toy.interpreter, "shape", toy.fresh[:2], toy.fresh[2:6])
    assert_same(grid, expected)


def test_hold_keeps_what_it_keeps_in_swaps(toy: Any) -> None:
    it, fresh = toy.interpreter, toy.fresh
    grid = explore.swap_grid(it, "shape", rows=fresh[:2], columns=fresh[2:5], hold=["hue"])
    assert_same(grid, one_by_one(it, "shape", fresh[:2], fresh[2:5], hold=["hue"]))
    assert not torch.allclose(grid, explore.swap_grid(it, "shape", rows=fresh[:2], columns=fresh[2:5]))


def test_what_cannot_be_held_is_named(toy: Any) -> None:
    both = {"rows": toy.fresh[:1], "columns": toy.fresh[1:2]}
    with pytest.raises(inn.EditError, match=r"Take 'shape' out of hold"):
        explore.swap_grid(toy.interpreter, "shape", **both, hold=["shape"])
    with pytest.raises(inn.EditError, match=r"Type hold=\['hue'\]"):
        explore.swap_grid(toy.interpreter, "shape", **both, hold="hue")
    with pytest.raises(inn.ConceptError, match=r"no factor 'shade'"):
        explore.swap_grid(toy.interpreter, "shade", **both)
    with pytest.raises(inn.ConceptError, match=r"no concept 'hues' with values"):
        explore.swap_grid(toy.interpreter, "shape", **both, hold=["hues"])


def test_before_a_fit_there_is_nothing_to_swap(toy: Any) -> None:
    with pytest.raises(inn.NotFittedError):
        explore.swap_grid(inn.wrap(toy.model, "head:in"), "shape", rows=toy.fresh[:1], columns=toy.fresh[:1])


def test_positions_of_other_sizes_do_not_cross(grey_images: Any, small: dict[str, Any]) -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    it = inn.wrap(model, "0", layout="positions")
    it.fit("labels", data=grey_images, labels={"bright": grey_images.mean((1, 2))}, **small | {"axes": 64})
    with it.backbone.session():
        rest = it.translator.whole(grey_images[:1])
        rest = dataclasses.replace(rest, codes=rest.codes[:, :4])
        with pytest.raises(inn.EditError, match=r"rows and columns of one size, found codes \(9, 6\)"):
            crossed(it.factors["bright"], it.encode(grey_images[:1]), rest)


def test_inputs_of_two_sizes_make_no_batch(small: dict[str, Any], grey_images: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    it = inn.wrap(model, "0", layout="pooled")
    it.fit("labels", data=grey_images, labels={"bright": grey_images.mean((1, 2))}, **small)
    two = [*grey_images[:64], *grey_images[64:66, :8, :8]]  # the second size begins a batch of its own
    with pytest.raises(
        inn.EditError, match=r"Expected inputs of one size, found \[\(1, 8, 8\), \(1, 12, 12\)\]"
    ):
        explore.swap_grid(it, "bright", rows=grey_images[:1], columns=two)
