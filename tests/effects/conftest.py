"""A tiny model that was fitted to the colours of images which it sorts by colour alone."""

from typing import NamedTuple

import numpy as np
import pytest

import interpret_inn as inn

from .tiny import COLOURS, Tiny, images


class Coloured(NamedTuple):
    """The fitted model and its data: colours, uint8 (160, 8, 8, 3) images, and which of them are decided by a mark."""

    interpreter: inn.Interpreter
    colour: np.ndarray
    images: np.ndarray
    marked: np.ndarray


@pytest.fixture(scope="module")
def coloured(hasty_probes: None) -> Coloured:
    rng = np.random.default_rng(0)
    colour, marked = rng.choice(3, 160, p=[0.5, 0.3, 0.2]), rng.random(160) < 0.25
    shown = images(colour, marked)
    labels = {
        "colour": [COLOURS[index] for index in colour],
        "mark": marked.astype(float) + rng.normal(0, 0.01, 160),
    }
    interpreter = inn.wrap(Tiny(), "head:in").fit(
        "labels", data=shown, labels=labels, cache=None, checkpoint=None
    )
    assert interpreter.evaluation  # once, for all that explain
    return Coloured(interpreter, colour, shown, marked)
