"""Known truth: what pairs have in common is found again, and nothing is found in pairs drawn at random."""

import numpy as np
import pytest
import torch
from torch import Generator, nn

import interpret_inn as inn

WIDTH, PAIRS = 6, 900
NAMES = ("left", "right")


def turn(generator, width):
    return torch.linalg.qr(torch.randn(width, width, generator=generator)).Q


def mixed(truth):
    """A rotation and a bent shear, and a last rotation: invertible, and not linear."""
    generator = Generator().manual_seed(0)
    kept, moved = (truth @ turn(generator, WIDTH)).chunk(2, 1)
    bent = 0.7 * torch.tanh(1.5 * kept) @ turn(generator, WIDTH // 2)
    return torch.cat((kept, moved + bent), 1) @ turn(generator, WIDTH)


def sharing(number, *, differs=False):
    """Pairs of truths, independent normal numbers, that share the number-th alone, or all but it."""
    generator = Generator().manual_seed(number + 1)
    first, second = torch.randn(2, PAIRS, WIDTH, generator=generator)
    shared = (torch.arange(WIDTH) == number) != differs
    return first, torch.where(shared, first, second)


def explained(pairs, **options):
    """Share of each truth that each factor tells linearly, (concepts, factors), on truths drawn anew."""
    interpreter = inn.wrap(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
    interpreter.fit(
        "pairs", data={name: tuple(map(mixed, both)) for name, both in pairs.items()},
        steps=300, hidden=64, noise=0.1, sizes=dict.fromkeys(NAMES, 1), cache=None, checkpoint=None, **options,
    )  # fmt: skip
    truth = torch.randn(1000, WIDTH, generator=Generator().manual_seed(9))
    codes = interpreter.encode(mixed(truth)).numpy()
    return np.array(
        [[_told(codes[:, factor.slice], truth[:, k]) for factor in interpreter.factors] for k in range(2)]
    )


def _told(code, values):
    design, values = np.c_[code, np.ones(len(code))], values.numpy()
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return 1 - rest.var() / values.var()


@pytest.mark.slow
def test_what_pairs_share_is_found_and_nothing_else():
    found = explained({name: sharing(k) for k, name in enumerate(NAMES)})
    assert found[[0, 1], [0, 1]].min() > 0.93
    assert found[[0, 0, 1, 1], [1, 2, 0, 2]].max() < 0.06


@pytest.mark.slow
def test_pairs_that_share_all_but_something_do_as_well():
    pairs = {name: sharing(k, differs=name == "left") for k, name in enumerate(NAMES)}
    found = explained(pairs, differs=["left"])
    assert found[[0, 1], [0, 1]].min() > 0.93
    assert found[[0, 0, 1, 1], [1, 2, 0, 2]].max() < 0.06


@pytest.mark.slow
def test_of_pairs_drawn_at_random_nothing_is_found():
    order = torch.randperm(PAIRS, generator=Generator().manual_seed(5))
    pairs = {name: (sharing(k)[0], sharing(k)[1][order]) for k, name in enumerate(NAMES)}
    # a direction drawn at random in six dimensions tells a sixth of each truth
    assert explained(pairs)[[0, 1], [0, 1]].max() < 0.6
