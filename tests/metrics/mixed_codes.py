"""Codes that are mixtures of known factors, drawn for a few seeds."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 10_000)
FEW = settings(deadline=None, max_examples=15)


def mixed(seed, *, count=160, width=4):
    """Codes that are noisy mixtures of two factors, and the factors."""
    generator = np.random.default_rng(seed)
    factors = np.stack([generator.integers(0, 3, count), generator.integers(0, 4, count)], 1)
    return factors @ generator.normal(size=(2, width)) + generator.normal(size=(count, width)), factors
