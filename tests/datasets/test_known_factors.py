"""What data sets of known factors share."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from interpret_inn.datasets import KnownFactors, Scenes, Sprites
from interpret_inn.datasets import known as module
from interpret_inn.errors import InputError

SETS = [Sprites(), Scenes()]
BOTH = pytest.mark.parametrize("data", SETS, ids=["sprites", "scenes"])


@BOTH
@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_numbers_and_factors_go_both_ways(data: KnownFactors, share: float) -> None:
    number = int(share * len(data))
    latents = data.latents([number, len(data) - 1])
    assert data.indices(latents).tolist() == [number, len(data) - 1]
    assert latents[1].tolist() == [size - 1 for size in data.sizes]


@BOTH
def test_the_last_factor_runs_fastest(data: KnownFactors) -> None:
    assert data.latents([1])[0].tolist() == [0] * (len(data.sizes) - 1) + [1]
    assert data.latents([data.sizes[-1]])[0].tolist() == [0] * (len(data.sizes) - 2) + [1, 0]


@BOTH
def test_images_do_not_depend_on_what_is_drawn_with_them(
    data: KnownFactors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 16)
    latents = data.sample(20, seed=3)  # more than are drawn at once
    images = data.drawn(latents)
    assert images.dtype == np.uint8 and images.shape[:3] == (20, 64, 64)
    assert np.array_equal(images[17:20], data.drawn(latents[17:20]))
    assert np.array_equal(images[5:6], data.images(data.indices(latents[5:6])))
    assert data.drawn(latents[:0]).shape == (0, *images.shape[1:])


@BOTH
def test_they_are_data_sets_of_torch(data: KnownFactors) -> None:
    image, factors = data[-1]
    assert image.dtype == torch.uint8 and image.shape[1:] == (64, 64)
    assert np.array_equal(image.permute(1, 2, 0).numpy(), data.images([len(data) - 1])[0])
    assert factors.tolist() == [size - 1 for size in data.sizes]
    batch, known = next(iter(DataLoader(data, batch_size=4)))
    assert batch.shape[0] == 4 and known[:, -1].tolist() == [0, 1, 2, 3]
    with pytest.raises(IndexError, match="no number"):
        data[len(data)]


@BOTH
def test_every_factor_changes_the_image(data: KnownFactors) -> None:
    middle = np.array([[size // 2 for size in data.sizes]])
    for place, name in enumerate(data.names):
        other = middle.copy()
        other[0, place] = (middle[0, place] + 1) % data.sizes[place]
        assert (data.drawn(middle) != data.drawn(other)).any(), name


@BOTH
def test_labels_are_the_values(data: KnownFactors) -> None:
    latents = data.sample(5, seed=0)
    labels = data.labels(latents)
    assert list(labels) == list(data.names)
    for name, column in zip(data.names, latents.T, strict=True):
        assert labels[name].tolist() == [data.values[name][number] for number in column]


@BOTH
def test_draws_are_those_of_their_seed_and_spread_evenly(data: KnownFactors) -> None:
    drawn = data.sample(4000, seed=1)
    assert np.array_equal(drawn, data.sample(4000, seed=1)) and (drawn != data.sample(4000, seed=2)).any()
    for column, size in zip(drawn.T, data.sizes, strict=True):
        counts = np.bincount(column, minlength=size)
        assert len(counts) == size and abs(counts / 4000 - 1 / size).max() < 0.03


@BOTH
def test_pairs_share_one_factor_and_no_other(data: KnownFactors) -> None:
    for place, name in enumerate(data.names):
        first, second = data.sharing(name, 200, seed=place)
        assert (first[:, place] == second[:, place]).all()
        same = (first == second).mean(0)
        for other, size in enumerate(data.sizes):
            assert other == place or same[other] < 1 / size + 0.15


@BOTH
def test_votes_hold_one_factor_fixed(data: KnownFactors) -> None:
    drawn, held = data.votes(50, 20, seed=4)
    assert drawn.shape == (50, 20, len(data.sizes)) and set(held) <= set(range(len(data.sizes)))
    for batch, factor in zip(drawn, held, strict=True):
        assert len(set(batch[:, factor])) == 1
        assert all(len(set(batch[:, place])) > 1 for place in range(len(data.sizes)) if place != factor)
    assert np.array_equal(drawn, data.votes(50, 20, seed=4)[0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Sprites().images([737_280]), "numbers of images from 0 to 737279, found 737280 to 737280"),
        (lambda: Sprites().images([-1]), "from 0 to 737279, found -1"),
        (lambda: Sprites().images([0.5]), r"whole numbers \(N,\), found float64 \(1,\)"),
        (lambda: Sprites().images(3), r"whole numbers \(N,\), found int64 \(\)"),
        (lambda: Sprites().drawn([[3, 0, 0, 0, 0]]), "Expected shape from 0 to 2, found 3 to 3"),
        (lambda: Sprites().drawn([[0, 0, 0, 0]]), r"factors as whole numbers \(N, 5\), found int64 \(1, 4\)"),
        (lambda: Scenes().indices(np.zeros((1, 6))), r"whole numbers \(N, 6\), found float64"),
        (
            lambda: Scenes().sharing("floor", 3, seed=0),
            "There is no factor 'floor'. Did you mean 'floor hue'",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(call: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        call()
