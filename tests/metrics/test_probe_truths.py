"""A whole layer reads at least about as well as a part of it, however wide it is and however few samples there are."""

import numpy as np
import pytest

from interpret_inn.metrics.probes import chance, linear_probe_score, probe_scores

TESTED = 500
WIDE = pytest.param(512, 500, marks=pytest.mark.slow)  # some seconds each
SIZES = [(width, rows) for width in (8, 64, 512) for rows in (60, 140, 500) if (width, rows) != (512, 500)]


def layer(kind, rows, width, seed):
    """A layer of this width, the part of it that tells a value, and the value with a tenth of noise."""
    generator = np.random.default_rng(seed)
    count = rows + TESTED
    x, told = generator.normal(size=(count, width)), generator.normal(size=(count, 2))
    value = told.sum(1) / np.sqrt(2) + 0.3 * generator.normal(size=count)
    mixed = np.linalg.qr(generator.normal(size=(width, width)))[0]
    if kind == "large":  # two directions of large variance, anywhere
        x[:, :2] = 10 * told
        return x @ mixed, x[:, :2], value
    if kind == "small":  # two units of small variance
        x[:, :2] = 0.05 * told
        return x, x[:, :2], value
    x += told @ generator.normal(size=(2, width))  # all units
    return x, x[:, : width // 2], value


def read(score, codes, values, rows, *, seed, **options):
    return score(codes[:rows], values[:rows], codes[rows:], values[rows:], seed=seed, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "rows"), [*SIZES, WIDE])
@pytest.mark.parametrize("kind", ["large", "small", "all"])
def test_no_part_is_read_better_by_a_line_than_the_whole(kind, width, rows):
    wholes, parts, nothing = [], [], []
    for seed in range(4):
        x, part, value = layer(kind, rows, width, seed)
        options = {"kind": "numeric", "seed": seed}
        wholes.append(read(linear_probe_score, x, value, rows, **options).value)
        parts.append(read(linear_probe_score, part, value, rows, **options).value)
        shuffled = np.random.default_rng(seed).permutation(value)
        nothing.append(read(linear_probe_score, x, shuffled, rows, **options))
    assert np.mean(wholes) > np.mean(parts) - 0.06
    assert np.mean([score.value for score in nothing]) < 0.02
    assert sum(score.low > 0 for score in nothing) == 0


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["numeric", "categorical"])
@pytest.mark.parametrize(
    ("kind", "width", "rows"),
    [("large", 512, 140), ("small", 64, 140), pytest.param("all", 512, 500, marks=pytest.mark.slow)],
)
def test_neither_network_nor_kernel_fails_where_the_layer_is_wide(kind, width, rows, measure):
    x, part, value = layer(kind, rows, width, 0)
    values = np.digitize(value, [-0.6, 0.6]) if measure == "categorical" else value
    whole, own = (read(probe_scores, codes, values, rows, kind=measure, seed=0) for codes in (x, part))
    for probe in ("linear", "network", "kernel"):
        assert getattr(whole, probe).value > getattr(own, probe).value - 0.1, probe
    shuffled = np.random.default_rng(1).permutation(values)
    nothing = read(probe_scores, x, shuffled, rows, kind=measure, seed=0)
    guess = chance(shuffled[rows:], kind=measure)
    for probe in ("linear", "network", "kernel"):
        assert not getattr(nothing, probe).low > guess, probe
