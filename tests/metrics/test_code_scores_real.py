"""Scores of codes equal those of disentanglement_lib's own code."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from interpret_inn.metrics import (
    dci,
    explicitness,
    factor_vae_score,
    factor_vae_score_of_batches,
    mig,
    modularity,
    mutual_information,
    sap,
)
from interpret_inn.metrics.disentanglement import completeness_of, disentanglement_of, modularity_of

pytestmark = pytest.mark.real

MATRICES = {
    "diag5": np.eye(5),
    "[[1,0],[0,1],[0,0]]": np.array([[1.0, 0], [0, 1], [0, 0]]),
    "zeros10x10": np.zeros((10, 10)),
    "vstack(diag5,diag5)": np.vstack([np.eye(5)] * 2),
    "diag5[:2]": np.eye(5)[:2],
    "hstack(diag5,diag5)": np.hstack([np.eye(5)] * 2),
}
OF_MATRICES = {
    "dci.disentanglement": disentanglement_of,
    "dci.completeness": completeness_of,
    "modularity": modularity_of,
}


@pytest.fixture(scope="module")
def folder():
    named = os.environ.get("INTERPRET_INN_REAL")
    if not named or not (Path(named) / "metrics").is_dir():
        pytest.skip("INTERPRET_INN_REAL names no folder with the reference's scores")
    return Path(named) / "metrics"


@pytest.fixture(scope="module")
def known(folder):
    return json.loads((folder / "scores.json").read_text())


@pytest.fixture(scope="module", params=["clean", "rotated"])
def case(request, folder, known):
    """Arrays and scores of one code."""
    arrays = np.load(folder / "arrays.npz")
    own = {
        name.removeprefix(f"{request.param}_"): arrays[name] for name in arrays.files if request.param in name
    }
    return own, known["cases"][request.param]


def same(ours, reference):
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", OF_MATRICES)
def test_matrices(known, name):
    cases = known["matrix_cases_from_lib_tests"][name]
    assert set(cases) == set(MATRICES)
    for matrix, value in cases.items():
        same(OF_MATRICES[name](MATRICES[matrix])[0], value)


def test_information(case):
    arrays, known = case
    codes, factors = arrays["mus_train"], arrays["ys_train"]
    same(mutual_information(codes, factors).mutual, known["mutual_information"])
    same(mutual_information(codes, factors).entropy, known["entropy"])
    same(mig(codes, factors).score.value, known["mig"])
    same(modularity(codes, factors).score.value, known["modularity"])


def test_importance(case):
    arrays, known = case
    found = dci(arrays["mus_train"], arrays["ys_train"], test=(arrays["mus_test"], arrays["ys_test"]))
    reference = np.array(known["dci"]["importance"])
    ours = found.parts["importance"]
    # Two codes may part the samples of a node equally well; which of them a tree takes, the last bit of the
    # processor's sums decides. Such a split moves a little importance from one code to another, of one factor, and
    # loses none. One may fall otherwise; all else is the same.
    moved = np.abs(ours - reference) > 1e-6
    np.testing.assert_allclose(ours.sum(0), reference.sum(0), rtol=0, atol=1e-12)
    assert moved.sum() in (0, 2) and moved.any(0).sum() <= 1
    np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-5)
    same(found.score.value, disentanglement_of(ours)[0])
    same(found.further["completeness"].value, completeness_of(ours)[0])
    if not moved.any():
        same(found.score.value, known["dci"]["disentanglement"])
        same(found.further["completeness"].value, known["dci"]["completeness"])
    # the scores of the same importances are the same everywhere
    same(disentanglement_of(reference)[0], known["dci"]["disentanglement"])
    same(completeness_of(reference)[0], known["dci"]["completeness"])
    same(found.further["informativeness"].value, known["dci"]["informativeness_test"])
    same(found.parts["informativeness_train"], known["dci"]["informativeness_train"])


def test_separability_and_explicitness(case):
    arrays, known = case
    codes, factors = arrays["mus_train"], arrays["ys_train"]
    test = arrays["mus_test"], arrays["ys_test"]
    for kind in ("discrete", "continuous"):
        found = sap(codes, factors, kind=kind, test=test)
        same(found.parts["matrix"], known[f"sap_{kind}"]["matrix"])
        same(found.score.value, known[f"sap_{kind}"]["score"])
    explicit = explicitness(codes, factors, test=test)
    same(explicit.score.value, known["explicitness_test"])
    same(explicit.parts["train"], known["explicitness_train"])


def test_votes(case):
    arrays, known = case
    found = factor_vae_score_of_batches(
        arrays["fvae_batches"],
        arrays["fvae_factor_index"],
        variances=known["factor_vae"]["global_variances"],
    )
    np.testing.assert_array_equal(found.parts["voted"], arrays["fvae_argmin"])
    same(found.score.value, known["factor_vae"]["eval_accuracy"])
    same(found.parts["train"], known["factor_vae"]["train_accuracy"])


def test_votes_from_rows_agree_with_those_from_batches(case):
    """Other batches, of the same codes: as far apart as 200 votes are certain, twice their standard error."""
    arrays, known = case
    codes = np.concatenate([arrays["mus_train"], arrays["mus_test"]])
    factors = np.concatenate([arrays["ys_train"], arrays["ys_test"]])
    found = factor_vae_score(codes, factors, batch=32).score.value
    wanted = known["factor_vae"]["eval_accuracy"]
    assert abs(found - wanted) <= 2 * (wanted * (1 - wanted) / 200) ** 0.5 + 0.005
