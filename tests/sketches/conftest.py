from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw


def drawing(kind: str, side: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Outlines or filled discs, uint8 (side, side, 3), of one mean and spread."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), (220, 220, 220))
    draw = ImageDraw.Draw(image)
    for _ in range(side * side // 90):
        x, y, r = *rng.uniform(-4, side + 4, 2), rng.uniform(3, 7)
        ink = tuple(int(value) for value in rng.integers(0, 140, 3))
        box = (x - r, y - r, x + r, y + r)
        if kind == "outlines":
            draw.ellipse(box, outline=ink, width=1)
        else:
            draw.ellipse(box, fill=ink)
    values = np.asarray(image).astype(np.float64)
    values = (values - values.mean((0, 1))) / values.std((0, 1)) * 38 + 128
    return np.rint(values.clip(0, 255)).astype(np.uint8)


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray[Any, np.dtype[np.uint8]]]:
    return drawing


@pytest.fixture(scope="session")
def both() -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Two sketches."""
    return {"outlines": drawing("outlines", 160, 0), "filled": drawing("filled", 160, 1)}
