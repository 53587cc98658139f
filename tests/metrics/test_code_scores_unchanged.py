"""Scores of codes stay the same when codes are put in another order, change their signs, or are scored again."""

import numpy as np
import pytest
from hypothesis import given

from interpret_inn.metrics import (
    beta_vae_score,
    dci,
    factor_vae_score,
    irs,
    mig,
    modularity,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement import information

from .mixed_codes import FEW, SEEDS, mixed

UNCHANGED = {
    "mig": lambda z, y: mig(z, y, bins=6),
    "modularity": lambda z, y: modularity(z, y, bins=6),
    "sap": lambda z, y: sap(z, y, kind="continuous"),
    "irs": irs,
    "total_correlation": lambda z, y: total_correlation(z),
}


@pytest.mark.parametrize("name", UNCHANGED)
@FEW
@given(seed=SEEDS)
def test_order_and_sign_change_nothing(name, seed):
    codes, factors = mixed(seed)
    generator = np.random.default_rng(seed)
    value = UNCHANGED[name](codes, factors).score.value
    rows, columns = generator.permutation(len(codes)), generator.permutation(codes.shape[1])
    signs = generator.choice([-1.0, 1.0], codes.shape[1])
    changed = UNCHANGED[name]((codes * signs)[rows][:, columns], factors[rows][:, ::-1]).score.value
    assert changed == pytest.approx(value, abs=1e-9)


@pytest.mark.slow
@FEW
@given(seed=SEEDS)
def test_order_and_sign_of_dimensions_change_no_draws(seed):
    codes, factors = mixed(seed)
    generator = np.random.default_rng(seed)
    changed = (codes * generator.choice([-1.0, 1.0], 4))[:, generator.permutation(4)]
    for score in (factor_vae_score, beta_vae_score):
        first, second = (score(z, factors, votes=60, batch=16).score.value for z in (codes, changed))
        assert first == pytest.approx(second, abs=0.051 if score is beta_vae_score else 1e-9)


@pytest.mark.slow
def test_the_same_call_gives_the_same_and_leaves_the_global_state(monkeypatch):
    monkeypatch.setattr(information, "_TREES", 5)
    codes, factors = mixed(1)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    calls = [
        lambda: dci(codes, factors, estimator="forest"),
        lambda: sap(codes, factors),
        lambda: mig(codes, factors, groups=[[0, 1], [2]]),
        lambda: factor_vae_score(codes, factors, votes=50),
        lambda: beta_vae_score(codes, factors, votes=50),
    ]
    for call in calls:
        assert call().score == call().score
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
