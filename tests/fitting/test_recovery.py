"""Known truth: independent factors, mixed by a known invertible map, are found again, and nothing else is."""

import numpy as np
import pytest
import torch
from torch import Generator, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.explaining.evaluation import evaluate
from interpret_inn.fitting.fit import fit
from interpret_inn.translating.settings import FitSettings
from interpret_inn.translating.translator import Translator

WIDTH = 8


def turn(generator, width):
    return torch.linalg.qr(torch.randn(width, width, generator=generator)).Q


def mixed(truth):
    """Two rounds of a rotation and a bent shear, and a last rotation: invertible, and far from linear."""
    generator = Generator().manual_seed(0)
    for _ in range(2):
        kept, moved = (truth @ turn(generator, WIDTH)).chunk(2, 1)
        bent = 0.7 * torch.tanh(1.5 * kept) @ turn(generator, WIDTH // 2)
        truth = torch.cat((kept, moved + bent), 1)
    return truth @ turn(generator, WIDTH)


@pytest.fixture(scope="module")
def truth():
    return torch.randn(3000, WIDTH, generator=Generator().manual_seed(1))


def evaluated(rows, labels, settings, *, seed=0):
    source = inn.concept_source("labels", data=rows, labels=labels)
    backbone = Backbone(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
    fitted, data = fit(backbone, [source], seed=seed, settings=settings, cache=None, checkpoint=None)
    return evaluate(Translator(backbone, fitted), data)


@pytest.mark.slow
def test_factors_mixed_by_a_known_map_are_found_again(truth):
    labels = {name: truth[:, k].double().numpy() for k, name in enumerate(("left", "right"))}
    found = evaluated(mixed(truth), labels, FitSettings(steps=300, hidden=64, noise=0.1))
    assert all(verdict.carried.holds for verdict in found.verdicts.values())
    scores = found.leakage.scores
    for concept in labels:
        for factor in ("left", "right", "residual"):
            score = scores[concept][factor]
            if factor == concept:
                assert score.linear.value >= 0.95
                # the flow has straightened what the representation held in bent form
                assert score.linear.value > found.leakage.representation[concept].linear.value
            else:
                assert max(score.linear.value, score.network.value) <= 0.05


def shuffled(truth, seed, concepts):
    """Whether each of some concepts with random labels is called carried."""
    generator = np.random.default_rng(seed)
    labels = {f"c{k}": generator.permutation(truth[:, k].double().numpy()) for k in range(concepts)}
    settings = FitSettings(steps=80, pairs=128, hidden=32, every=20)
    return [
        verdict.carried.holds is True
        for verdict in evaluated(mixed(truth), labels, settings, seed=seed).verdicts.values()
    ]


@pytest.mark.slow
def test_shuffled_labels_are_not_carried(truth):
    assert shuffled(truth, 0, 2) == [False, False]


@pytest.mark.slow
def test_of_twenty_shuffled_concepts_at_most_one_is_called_carried(truth):
    carried = [verdict for seed in range(1, 6) for verdict in shuffled(truth, seed, 4)]
    assert len(carried) == 20
    assert sum(carried) <= 1
