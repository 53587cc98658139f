"""The toys are what they say."""

from __future__ import annotations

import numpy as np
import torch

from interpret_inn.testing import toy_classifier, toy_images
from interpret_inn.testing.contract import random_states


def test_toys_are_what_they_say() -> None:
    images, labels = toy_images(300, seed=9)
    assert images.shape == (300, 24, 24, 3) and images.dtype == np.uint8
    assert set(labels["shape"]) == {0, 1, 2} and 0 <= labels["hue"].min() <= labels["hue"].max() <= 2 * np.pi
    assert np.array_equal(images, toy_images(300, seed=9)[0]) and not np.array_equal(
        images, toy_images(300)[0]
    )
    before = random_states()
    model = toy_classifier()
    assert random_states() == before
    assert not model.training
    inputs = torch.from_numpy(images).movedim(-1, 1).float() / 255
    with torch.no_grad():
        assert (model(inputs).argmax(1).numpy() == labels["shape"]).mean() > 0.95
        again = toy_classifier()
        again.head.weight.zero_()
        assert torch.equal(model(inputs), toy_classifier()(inputs))
