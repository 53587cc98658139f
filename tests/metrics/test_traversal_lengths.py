"""Lengths of traversals, and of traversals of turned axes."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from interpret_inn.errors import InputError
from interpret_inn.metrics.traversals import pixel_distance, rotation_curve, tpl


def linear(codes: Tensor) -> Tensor:
    """Three axes: one paints all of it, one a quarter, one nothing."""
    images = torch.zeros(len(codes), 1, 8, 8, dtype=codes.dtype)
    images += codes[:, 0, None, None, None]
    quarter = torch.zeros(8, 8, dtype=codes.dtype)
    quarter[:4, :4] = 1
    return images + 3 * codes[:, 1, None, None, None] * quarter


def bumps(codes: Tensor) -> Tensor:
    """A spot whose place across is the first axis, its place down the second: mixtures move it along both."""
    places = torch.linspace(-2, 2, 16, dtype=codes.dtype)
    across, down = (torch.tanh(codes[:, axis, None] / 2) * 1.5 for axis in (0, 1))
    right = torch.exp(-8 * (places - across) ** 2)
    below = torch.exp(-8 * (places - down) ** 2)
    return (below[:, :, None] * right[:, None, :])[:, None]


def test_lengths_of_a_linear_generator_are_known() -> None:
    found = tpl(linear, 3, distance=pixel_distance, starts=4, steps=9, span=2.0)
    # four units of 1 over all pixels; four units of 3 over a quarter of them, whose root mean square is one half
    assert found.axes == pytest.approx([4, 6, 0], abs=1e-4)
    assert found.active.tolist() == [True, True, False] and found.score.value == pytest.approx(10, abs=1e-4)
    assert found.each.shape == (4, 3) and found.threshold == pytest.approx(0.4, abs=1e-4)
    assert found.score.low == pytest.approx(10, abs=1e-3)


def test_short_axes_do_not_count() -> None:
    found = tpl(
        linear, 3, distance=pixel_distance, starts=2, steps=5, span=2.0, threshold=5.0, relative=False
    )
    assert found.active.tolist() == [False, True, False] and found.score.value == pytest.approx(6, abs=1e-4)
    assert found.threshold == 5


def test_dead_axes_do_not_count_where_they_are_most() -> None:
    found = tpl(lambda codes: linear(codes) + 1e-5 * codes[:, 2:].sum(1)[:, None, None, None], 7, starts=2)
    assert found.active.tolist() == [True, True] + 5 * [False]


def test_it_is_the_literal_sum() -> None:
    starts = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = tpl(
        bumps, torch.eye(2, dtype=torch.float64), starts=starts, distance=pixel_distance, steps=7, span=3.0
    )
    for row, start in enumerate(starts):
        for axis in (0, 1):
            traversal = start.repeat(7, 1)
            traversal[:, axis] = torch.linspace(-3, 3, 7)
            images = bumps(traversal)[:, 0].numpy()
            literal = sum(np.sqrt(((b - a) ** 2).mean()) for a, b in pairwise(images))
            assert found.each[row, axis] == pytest.approx(literal, abs=1e-4)
    assert found.score.value == pytest.approx(found.each.mean(0)[found.active].sum())


@settings(max_examples=15, deadline=None)
@given(at_once=st.integers(1, 60), seed=st.integers(0, 5))
def test_how_many_are_made_together_does_not_matter(at_once: int, seed: int) -> None:
    first = tpl(bumps, 2, starts=5, steps=6, at_once=at_once, seed=seed)
    assert np.allclose(first.each, tpl(bumps, 2, starts=5, steps=6, seed=seed).each, atol=1e-6)


def test_codes_have_the_precision_of_the_starts() -> None:
    seen = set()

    def watched(codes: Tensor) -> Tensor:
        seen.add(codes.dtype)
        return bumps(codes)

    starts = torch.zeros(2, 2, dtype=torch.float64)
    tpl(watched, 2, starts=starts, steps=3)
    rotation_curve(watched, (0, 1), 2, starts=starts, angles=2, steps=3)
    assert seen == {torch.float64}


def test_directions_of_any_length_are_walked_alike_and_axes_may_change_places() -> None:
    turned = torch.tensor([[0.0, 5.0, 0.0], [-2.0, 0.0, 0.0]])
    found = tpl(linear, turned, distance=pixel_distance, starts=2, steps=5, span=2.0)
    assert found.axes == pytest.approx([6, 4], abs=1e-4)


def test_simple_axes_are_shorter_than_their_mixtures() -> None:
    plain = tpl(bumps, 2, starts=12, seed=1).score.value
    mixed = tpl(bumps, torch.tensor([[1.0, 1.0], [1.0, -1.0]]), starts=12, seed=1).score.value
    assert plain < mixed


def test_good_axes_have_their_minima_at_right_angles() -> None:
    curve = rotation_curve(bumps, (0, 1), 2, angles=9, starts=12)
    lengths = np.array([score.value for score in curve.lengths])
    assert curve.degrees.tolist() == pytest.approx(np.linspace(0, 180, 9))
    assert lengths[[0, 4, 8]] == pytest.approx(lengths[0], rel=1e-3)
    assert lengths.argmax() in (1, 2, 3, 5, 6, 7) and lengths[[2, 6]].min() > lengths[[0, 4, 8]].max()
    assert curve.gain.low > 0 and curve.each.shape == (12, 9)


def test_where_no_rotation_is_better_nothing_is_gained() -> None:
    def round_about(codes: Tensor) -> Tensor:  # the images of all directions are alike
        return codes[:, :, None, None].expand(-1, -1, 4, 4)

    curve = rotation_curve(round_about, (0, 1), 2, angles=5, starts=6, distance=pixel_distance)
    assert abs(curve.gain.value) < 1e-4
    lengths = [score.value for score in curve.lengths]
    assert lengths == pytest.approx([lengths[0]] * 5, rel=1e-4)


def test_the_same_seed_gives_the_same_and_no_gradients_are_kept() -> None:
    weight = torch.ones(1, requires_grad=True)
    state = torch.get_rng_state()
    first, again, other = (
        tpl(lambda codes: bumps(codes) * weight, 2, starts=4, steps=5, seed=seed).each for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert torch.equal(state, torch.get_rng_state()) and weight.grad is None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: tpl(linear, 0), "number of axes, at least 1, or directions .* found 0"),
        (lambda: tpl(linear, True), "number of axes"),
        (lambda: tpl(linear, torch.zeros(2, 3)), r"directions \(K, D\) that are not 0, found \(2, 3\)"),
        (lambda: tpl(linear, 3, starts=0), "starts to be a whole number, at least 1, or codes, found 0"),
        (lambda: tpl(linear, 3, starts=torch.zeros(4, 2)), r"codes to start from, \(S, 3\), found \(4, 2\)"),
        (lambda: tpl(linear, 3, steps=1), "steps to be a whole number, at least 2, found 1"),
        (lambda: tpl(linear, 3, at_once=0), "at_once to be a whole number, at least 1"),
        (lambda: tpl(linear, 3, span=0), "span to be a number above 0, found 0"),
        (lambda: tpl(linear, 3, threshold=-1), "threshold to be a number from 0, found -1"),
        (lambda: tpl(lambda codes: codes, 3), r"generator to make images \(120, C, H, W\), found \(120, 3\)"),
        (lambda: tpl(linear, 3, distance=lambda a, b: a), r"distance to give \(115,\), one for each pair"),
        (
            lambda: tpl(lambda codes: linear(codes) / 0, 3, distance=pixel_distance),
            "distances that are finite, found NaN",
        ),
        (lambda: rotation_curve(linear, (0, 0), 3), "two different axes from 0 to 2, found 0 and 0"),
        (lambda: rotation_curve(linear, (0, 3), 3), "two different axes from 0 to 2, found 0 and 3"),
        (lambda: rotation_curve(linear, (0, 1), 3, angles=1), "angles to be a whole number, at least 2"),
    ],
)
def test_what_cannot_be_walked_is_named(call: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        call()


def test_a_generator_that_ignores_its_code_has_no_length() -> None:
    found = tpl(lambda codes: torch.ones(len(codes), 1, 8, 8), 3, starts=2)
    assert found.score.value == 0 and not found.active.any()
