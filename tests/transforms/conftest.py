import numpy as np
import pytest


@pytest.fixture
def pictures():
    """Twenty small pictures with edges, colours and a gradient, uint8 (20, 24, 24, 3)."""
    random = np.random.default_rng(0)
    found = np.zeros((20, 24, 24, 3), np.uint8)
    for one in found:
        one[:] = (np.linspace(40, 160, 24)[:, None, None] + random.integers(-30, 30, 3)).astype(np.uint8)
        top, left = random.integers(2, 12, 2)
        one[top : top + 9, left : left + 7] = random.integers(0, 256, 3)
    return found
