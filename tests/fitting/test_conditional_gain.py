"""By how much a conditional flow is likelier than the rotation that it begins with."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from interpret_inn.fitting.fit import fit
from interpret_inn.translating.settings import FitSettings


@pytest.fixture
def fitted_to_classes(world):
    """Fits classes of 900 rows, whose last axis is spread by their class if `spread`."""

    def run(spread):
        generator = np.random.default_rng(1)
        classes = generator.integers(0, 2, 900)
        rows = generator.normal(size=(900, 6))
        rows[:, 0] += 4 * classes
        if spread:
            rows[:, 5] *= np.where(classes, 3.0, 0.3)
        source = world.of(torch.from_numpy(rows).float(), {"class": classes})
        return fit(
            world.backbone(), [source], seed=0, settings=FitSettings(), cache=None, checkpoint=None
        )  # fmt: skip

    return run


def test_the_gain_is_that_of_validation_samples_in_nats(fitted_to_classes):
    fitted, data = fitted_to_classes(spread=True)
    network = fitted.network
    white = network.whitening(data.rows(data.pool.indices("validation"))[:, 0])[0]
    exact, rotation, steps = network.blocks._transforms
    before = rotation(exact(white)[0])[0]
    after, log_det = steps(before)
    normal = stats.multivariate_normal(np.zeros(6))
    expected = np.mean(normal.logpdf(after.numpy()) + log_det.numpy() - normal.logpdf(before.numpy()))
    assert fitted.record.gain == pytest.approx(expected, abs=1e-5)
    # all that can be gained: the logarithm of the last axis' spread, less its mean within classes
    most = math.log(math.sqrt((9 + 0.09) / 2)) - (math.log(3) + math.log(0.3)) / 2
    assert most / 2 < fitted.record.gain < most
    assert (fitted.record.steps, fitted.record.history) == (0, ())


def test_where_a_class_tells_nothing_else_next_to_nothing_is_gained(fitted_to_classes):
    fitted, _ = fitted_to_classes(spread=False)
    assert abs(fitted.record.gain) < 0.05
