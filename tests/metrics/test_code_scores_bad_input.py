"""Scores of codes that cannot be had: clear errors, or the values that the documentation gives."""

import math
import re

import numpy as np
import pytest
import torch

from interpret_inn.errors import InputError
from interpret_inn.metrics import (
    beta_vae_score,
    beta_vae_score_of_batches,
    dci,
    discretise,
    explicitness,
    factor_vae_score,
    factor_vae_score_of_batches,
    irs,
    mig,
    modularity,
    sap,
    total_correlation,
)
from interpret_inn.metrics.disentanglement import disentanglement_of

GENERATOR = np.random.default_rng(0)
CODES = GENERATOR.normal(size=(60, 3))
FACTORS = GENERATOR.integers(0, 3, (60, 2))
BATCHES, HELD = GENERATOR.normal(size=(9, 5, 3)), np.arange(9) % 2

SUPERVISED = {
    "mig": mig,
    "modularity": modularity,
    "dci": lambda z, y, **more: dci(z, y, estimator="linear", **more),
    "sap": sap,
    "continuous sap": lambda z, y, **more: sap(z, y, kind="continuous", **more),
    "explicitness": explicitness,
    "factor_vae_score": lambda z, y, **more: factor_vae_score(z, y, votes=30, **more),
    "beta_vae_score": lambda z, y, **more: beta_vae_score(z, y, votes=30, **more),
    "irs": irs,
}


def holed(array):
    """A copy with one value missing."""
    found = array.astype(float)
    found[7, 1] = np.nan
    return found


def refused_by(names, text, *arguments, **options):
    """Every one of these scores must refuse the arguments in these words."""
    for name in names:
        with pytest.raises(InputError) as caught:
            SUPERVISED[name](*arguments, **options)
        assert re.search(text, str(caught.value)), f"{name}: {caught.value}"


@pytest.mark.parametrize(
    ("codes", "factors", "text"),
    [
        (CODES[:, 0], FACTORS, r"Expected codes of shape \(N, D\), .* found \(60,\)\. A single dimension"),
        (CODES[:0], FACTORS[:0], r"Expected codes of shape \(N, D\), at least one row"),
        (holed(CODES), FACTORS, r"Expected codes that are finite, .* in 1 of 60 rows, first in row 7\."),
        (np.array([["a"]] * 60), FACTORS, r"Expected codes that are real numbers, found an array of <U1"),
        (CODES, FACTORS[:50], r"Expected one row of factors for each of 60 codes, found 50\."),
        (CODES, np.c_[FACTORS, np.ones(60)], r"Expected factors that vary, .* in column\(s\) \[2\]\."),
    ],
)
def test_arrays_that_cannot_be_scored(codes, factors, text):
    refused_by(SUPERVISED, text, codes, factors)


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        (FACTORS[:, 0], r"Expected factors of shape \(N, K\), found \(60,\)\. A single factor is"),
        (holed(FACTORS), r"Expected factors without gaps, found NaN"),
        (np.c_[FACTORS, CODES[:, 0]], r"few values each, found 60 in 60 rows \(column\(s\) \[2\]\)"),
    ],
)
def test_factors_that_are_no_classes(factors, text):
    refused_by(SUPERVISED.keys() - {"continuous sap"}, text, CODES, factors)


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([[0, 3]], r"Expected groups of dimensions from 0 to 2, .* found \[0, 3\]"),
        ([["a"]], r"Expected groups of dimensions from 0 to 2"),
        ([0, 1], r"Expected groups of dimensions from 0 to 2"),
        ([], r"Expected at least one group, and a dimension in each"),
        ([[0], []], r"Expected at least one group, and a dimension in each"),
        ([slice(2), [1, 2]], r"Expected every dimension in one group at most, found \[1\]"),
    ],
)
def test_groups_that_are_none(groups, text):
    refused_by(SUPERVISED, text, CODES, FACTORS, groups=groups)
    with pytest.raises(InputError, match=text):
        total_correlation(CODES, groups=groups)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: mig(CODES[:19], FACTORS[:19]), r"as many samples as bins, found 19 for 20"),
        (lambda: mig(CODES, FACTORS, bins=1), r"Expected bins to be a whole number, at least 2, found 1"),
        (lambda: discretise(CODES, method="k-means"), r'Expected method="histogram" or "quantile"'),
        (lambda: mig(CODES, FACTORS, resamples=-1), r"Expected resamples to be a whole number, at least 0"),
        (lambda: factor_vae_score(CODES, FACTORS, resamples=2.5), r"Expected resamples to be a whole number"),
        (lambda: dci(CODES, FACTORS, estimator="boost"), r'Expected estimator="boosting", "forest" or'),
        (lambda: dci(CODES, FACTORS, test=1.5), r"Expected test=\(codes, factors\), or the share of 60"),
        (lambda: dci(CODES, FACTORS, test=(CODES,)), r"or a share such as 0.3, found 1 arrays"),
        (lambda: sap(CODES, FACTORS, test=(CODES[:, :2], FACTORS)), r"of 3 and 2 columns, .* found 2 and 2"),
        (lambda: sap(CODES, FACTORS, kind="numeric"), r'Expected kind="discrete" or "continuous"'),
        (lambda: irs(CODES, FACTORS, quantile=0), r"Expected a quantile above 0"),
        (lambda: total_correlation(CODES[:3]), r"Expected more samples than dimensions, found 3 for 3"),
        (lambda: factor_vae_score(CODES, FACTORS, fewest=40), r"factor 0 that at least 40 rows have"),
        (lambda: factor_vae_score(CODES, FACTORS, votes=1), r"Expected votes to be a whole number, at least 2"),
        (lambda: factor_vae_score(CODES, FACTORS, test_share=1), r"Expected a share of 2400 votes"),
        (lambda: beta_vae_score(CODES, FACTORS, batch=0), r"Expected batch to be a whole number, at least 1, found 0"),
        (lambda: factor_vae_score_of_batches(CODES, HELD), r"Expected batches of shape \(V, B, D\)"),
        (lambda: factor_vae_score_of_batches(BATCHES, HELD[:5]), r"Expected the number of the held factor"),
        (lambda: factor_vae_score_of_batches(BATCHES[:, :1], HELD), r"Expected batches of at least two"),
        (lambda: factor_vae_score_of_batches(BATCHES, HELD, variances=[1]), r"Expected a variance, 0 or above, for"),
        (lambda: factor_vae_score_of_batches(BATCHES, HELD, variances=[1, 1, np.nan]), r"a variance, 0 or above"),
        (lambda: factor_vae_score_of_batches(BATCHES, HELD, variances=[1, 1, -1]), r"a variance, 0 or above"),
        (lambda: factor_vae_score_of_batches(BATCHES, HELD, dead=np.nan), r"Expected dead to be a standard dev"),
        (lambda: factor_vae_score(CODES, FACTORS, batch=1), r"Expected batch to be a whole number, at least 2"),
        (lambda: factor_vae_score(CODES, FACTORS, seed=-1), r"Expected seed to be a whole number, at least 0"),
        (lambda: beta_vae_score(CODES, FACTORS, seed=-1), r"Expected seed to be a whole number, at least 0"),
        (lambda: explicitness(CODES, FACTORS, seed=-1), r"Expected seed to be a whole number, at least 0"),
        (lambda: discretise(CODES, "20"), r"Expected bins to be a whole number, at least 2, found '20'"),
        (lambda: mig(CODES * 1j, FACTORS), r"Expected codes that are real numbers, found an array of complex"),
        (lambda: mig([[1.0, 2.0], [3.0]], FACTORS), r"Expected codes whose rows are of one length"),
        (lambda: mig(CODES, [[0, None]] * 60), r"Expected factors without gaps, found NaN, infinity or None"),
        (lambda: beta_vae_score_of_batches(BATCHES, BATCHES[:, :2], HELD), r"Expected pairs of codes of one"),
        (lambda: beta_vae_score_of_batches(BATCHES, BATCHES, HELD * 0), r"at least two different held"),
        (lambda: disentanglement_of([[-1.0, 1.0]]), r"Expected a matrix \(codes, factors\) of numbers from 0"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(call, text):
    with pytest.raises(InputError, match=text):
        call()


NOTHING = {
    "mig": 0.0,
    "modularity": 0.0,
    "dci": 0.0,
    "continuous sap": 0.0,
    "sap": 0.0,
    "explicitness": 0.5,
    "factor_vae_score": 0.0,
    "irs": 0.0,
}


@pytest.mark.parametrize("name", NOTHING)
def test_constant_codes(name):
    assert SUPERVISED[name](np.full((60, 3), 0.1), FACTORS).score.value == NOTHING[name]


def test_constant_codes_without_truth_or_with_guesses():
    assert total_correlation(np.full((60, 3), 0.1)).score.value == 0
    guessed = beta_vae_score(np.full((60, 3), 0.1), FACTORS, votes=600).score.value
    assert guessed == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_constant_dimension_among_others(name):
    codes = np.c_[FACTORS * 1.0, np.full(60, 0.1)]
    found = SUPERVISED[name](codes, FACTORS)
    assert math.isfinite(found.score.value)
    for part in found.parts.values():
        assert np.isfinite(part).all()


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_single_code_and_a_single_factor(name):
    if name == "beta_vae_score":  # there is nothing to tell apart
        with pytest.raises(InputError, match="at least two different held"):
            SUPERVISED[name](FACTORS[:, :1] * 1.0, FACTORS[:, :1])
    else:
        assert SUPERVISED[name](FACTORS[:, :1] * 1.0, FACTORS[:, :1]).score.value > 0.6


def test_values_that_only_test_rows_have():
    """They are read wrongly, and told by chance."""
    test = CODES, FACTORS + 1  # 1, 2 and 3, where 0, 1 and 2 were learnt
    assert 0 < sap(CODES, FACTORS, test=test).parts["matrix"].max() < 0.8
    assert dci(CODES, FACTORS, estimator="linear", test=test).further["informativeness"].value < 0.8
    assert 0 < explicitness(CODES, FACTORS, test=test).score.value < 1


@pytest.mark.parametrize("name", NOTHING)
def test_what_rounding_makes_of_a_constant_is_constant(name):
    rounded = np.where(np.random.default_rng(1).random((60, 1)) < 0.3, np.nextafter(1.0, 2), 1.0)
    codes, plain = np.c_[FACTORS * 1.0, rounded], np.c_[FACTORS * 1.0, np.ones(60)]
    found, expected = (SUPERVISED[name](each, FACTORS).score.value for each in (codes, plain))
    # the linear machine of `sap` stops elsewhere, and a row or two are read otherwise
    assert found == pytest.approx(expected, abs=0.05 if name == "sap" else 1e-6)
    if name == "factor_vae_score":
        assert SUPERVISED[name](codes, FACTORS).parts["active"].tolist() == [True, True, False]


def test_tensors_of_any_precision_are_taken():
    halved = torch.tensor(BATCHES, requires_grad=True).bfloat16()
    found = factor_vae_score_of_batches(halved, HELD).score
    assert found == factor_vae_score_of_batches(halved.detach().float().numpy(), HELD).score


def test_tensors_and_words_are_taken():
    words = np.array(["red", "green", "blue"])[FACTORS]
    first = mig(torch.tensor(CODES, requires_grad=True), torch.tensor(FACTORS)).score
    assert first == mig(CODES, FACTORS).score
    assert mig(CODES, words).score.value == pytest.approx(first.value)
