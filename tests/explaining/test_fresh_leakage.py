"""Concepts are read from factors that are not their own by probes of samples that the flow never saw."""

from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.explaining.evaluation import _fresh
from interpret_inn.explaining.leakage import read_factors
from interpret_inn.explaining.probed_splits import EncodedSplit, ProbedSplits
from interpret_inn.fitting.joint_fit import unfitted_network
from interpret_inn.types import Concept, Factors

FACTORS = Factors.from_sizes({"one": 1}, total=3)


def split(seed: int, *, own: bool, rest: bool) -> EncodedSplit:
    """A number that the factor or the residual tells, or both, or neither."""
    random = np.random.default_rng(seed)
    value, codes = random.normal(size=120), random.normal(size=(120, 3))
    if own:
        codes[:, 0] = value
    if rest:
        codes[:, 1] = value
    return EncodedSplit(codes, codes, codes, [Concept("one", "numeric", value)])


def read(fresh: Any) -> dict[str, float]:
    train, test = (split(seed, own=True, rest=False) for seed in (0, 1))
    fresh = [ProbedSplits(*pair) for pair in fresh]
    found = read_factors(ProbedSplits(train, test), FACTORS, fresh=fresh).leakage.scores["one"]
    return {factor: found[factor].linear.value for factor in ("one", "residual")}


@pytest.mark.usefixtures("hasty_probes")
def test_the_rest_is_read_by_fresh_samples_and_the_own_factor_is_not() -> None:
    leaking = [(split(2, own=False, rest=True), split(3, own=False, rest=True))]
    assert read(())["residual"] < 0.2
    found = read(leaking)
    assert found["residual"] > 0.95
    assert found["one"] > 0.95


@pytest.mark.usefixtures("hasty_probes")
def test_scores_are_means_over_the_pairs() -> None:
    leaking = (split(2, own=False, rest=True), split(3, own=False, rest=True))
    tight = (split(4, own=False, rest=False), split(5, own=False, rest=False))
    alone = [read([pair])["residual"] for pair in (leaking, tight)]
    assert read([leaking, tight])["residual"] == pytest.approx(np.mean(alone))


def test_no_sample_that_trains_a_probe_scores_it_or_was_fitted_to(toy: Any) -> None:
    it = toy.interpreter
    data, network = it._data, it.fitted.network
    test = data.pool.indices("test")
    pairs = _fresh(it.translator, data, unfitted_network(it.fitted), test)

    def places(one: EncodedSplit) -> set[int]:
        everything = network(data.rows(torch.arange(data.pool.rows)).flatten(0, 1))[0]
        return {int((everything - code).abs().sum(1).argmin()) for code in torch.as_tensor(one.codes)[:, 0]}

    scored = [places(pair[1]) for pair in pairs]
    assert scored[0] | scored[1] == set(test.tolist())
    assert not scored[0] & scored[1]
    for learnt, tried in ((places(a), places(b)) for a, b in pairs):
        assert not learnt & tried
        assert not learnt & set(data.pool.indices("train").tolist())
