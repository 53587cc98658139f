"""Scores of the fitted toy on its test split: leakage, verdicts, maps and drifts."""

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.explaining import evaluation as evaluation_module
from interpret_inn.explaining.drift import drifts
from interpret_inn.explaining.evaluation import Evaluation, _encode, _erasure_rows, evaluate
from interpret_inn.fitting.joint_fit import unfitted_network
from interpret_inn.metrics import predictors
from interpret_inn.testing import toy_images
from interpret_inn.types import Concept


@pytest.fixture(scope="module")
def evaluation(toy: Any) -> Evaluation:
    return toy.interpreter.evaluation


@pytest.mark.slow
def test_it_is_computed_once_and_the_same_each_time(toy: Any, evaluation: Evaluation) -> None:
    assert toy.interpreter.evaluation is evaluation
    again = evaluate(toy.interpreter.translator, toy.interpreter._data)
    assert again.leakage.scores == evaluation.leakage.scores
    assert again.drifts == evaluation.drifts


def test_factors_of_the_toy_hold_their_concepts(evaluation: Evaluation) -> None:
    leakage = evaluation.leakage
    assert leakage.concepts == ("shape", "hue")
    assert leakage.factors == ("shape", "hue", "residual")
    assert leakage.kind == {"shape": "accuracy", "hue": "r2"}
    own = leakage.scores["shape"]["shape"].linear
    assert own.low <= own.value <= own.high
    assert own.value > leakage.scores["shape"]["hue"].linear.value + 0.2
    assert leakage.representation["shape"].linear.value > 0.8
    hue = leakage.scores["hue"]
    assert hue["hue"].linear.value > hue["shape"].linear.value
    assert 0.3 < leakage.chance["shape"] < 0.6
    assert leakage.chance["hue"] == 0


def test_every_factor_has_a_line(evaluation: Evaluation, toy: Any) -> None:
    lines = {line.name: line for line in evaluation.summaries}
    assert set(lines) == {"shape", "hue", "residual"}
    assert sum(line.size for line in lines.values()) == 32
    np.testing.assert_equal(lines["shape"].raw_score, toy.interpreter.fitted.raw_scores["shape"])
    assert set(evaluation.verdicts) == {"shape", "hue"}
    assert all(part.sentence for found in evaluation.verdicts.values() for part in vars(found).values())


def test_maps_show_the_test_split(evaluation: Evaluation, toy: Any) -> None:
    assert set(evaluation.maps) == {"shape", "hue", "residual"}
    for name, found in evaluation.maps.items():
        assert found.points.shape[1] == 2
        assert len(found.points) == len(found.colour) <= toy.interpreter.fitted.split[2], name
        assert np.isfinite(found.points).all()
    assert {name: found.kind for name, found in evaluation.maps.items()} == {
        "shape": "categorical", "hue": "cyclic", "residual": "unlabelled"
    }  # fmt: skip


def test_the_representation_that_probes_read_is_z(toy: Any) -> None:
    data, fitted = toy.interpreter._data, toy.interpreter.fitted
    indices = data.pool.indices("test")
    read = torch.as_tensor(_encode(data, fitted.network, unfitted_network(fitted), indices).representation)
    z = data.rows(indices)
    torch.testing.assert_close(read, z.to(read))


def test_of_a_very_wide_representation_probes_read_the_leading_axes(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, fitted = toy.interpreter._data, toy.interpreter.fitted
    indices = data.pool.indices("test")
    monkeypatch.setattr(evaluation_module, "WIDEST_REFERENCE", 8)
    read = torch.as_tensor(_encode(data, fitted.network, unfitted_network(fitted), indices).representation)[
        :, 0
    ]
    z = data.rows(indices)[:, 0]
    assert read.shape == (len(z), fitted.network.shape.leading)
    ours, theirs = torch.cdist(read, read), torch.cdist(z, z).to(read)
    assert (ours <= 1.01 * theirs + 0.01).all(), "in units of its own"
    assert ours.sum() > 0.9 * theirs.sum()


def test_drifts_of_the_test_split_have_intervals(evaluation: Evaluation) -> None:
    assert {(drift.edited, drift.held) for drift in evaluation.drifts} == {("shape", "hue"), ("hue", "shape")}
    for drift in evaluation.drifts:
        assert drift.with_hold.low <= drift.with_hold.value <= drift.with_hold.high


def test_drifts_are_smaller_with_hold(toy: Any) -> None:
    """On 1,200 images that no fit has seen, by a rotation alone: a trained flow may leave nothing to hold."""
    images, labels = toy_images(1200, seed=9)
    concepts = [
        Concept("shape", "categorical", labels["shape"].astype(np.int64), ("a", "b", "c")),
        Concept("hue", "cyclic", labels["hue"].astype(np.float64)),
    ]
    turned = inn.wrap(toy.model, "head:in").fit(
        "labels", data=toy.images, labels=toy.labels, kinds={"shape": "categorical", "hue": "cyclic"},
        blocks=0, samples_per_axis=3, cache=None, checkpoint=None,
    )  # fmt: skip
    found = drifts(turned.translator, turned.encode(images), concepts, np.arange(1200))
    assert len(found) == 2
    for drift in found:
        assert drift.without_hold.value > 0.02
        assert drift.with_hold.value < 0.7 * drift.without_hold.value


@pytest.fixture
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts go by linear probes; the networks may be worth nothing."""
    monkeypatch.setattr(predictors, "EPOCHS", 1)


def test_shuffled_labels_are_not_called_carried(small: Any, few_epochs: None) -> None:
    images, _ = toy_images(300, seed=21)
    random = np.random.default_rng(0)
    it = inn.wrap(inn.testing.toy_classifier(), "head:in")
    labels = {"noise": random.integers(0, 4, 300), "number": random.normal(size=300)}
    kinds = {"noise": "categorical", "number": "numeric"}
    it.fit("labels", data=images, labels=labels, kinds=kinds, **small)
    explanation = it.explain(images[:20], examples=2, resamples=1, localizer=None)
    for verdict in explanation.verdicts.values():
        assert verdict.carried.holds is not True
        assert verdict.carried.sentence in explanation.warnings


@pytest.mark.slow
def test_gaps_in_labels_are_left_out_of_the_scores(small: Any, few_epochs: None) -> None:
    images, labels = toy_images(300, seed=22)
    hue = labels["hue"].astype(np.float64)
    hue[::2] = np.nan
    shape = labels["shape"].astype(object)
    shape[::3] = None
    it = inn.wrap(inn.testing.toy_classifier(), "head:in")
    it.fit("labels", data=images, labels={"hue": hue, "shape": shape}, kinds={"hue": "cyclic"}, **small)
    leakage = it.evaluation.leakage
    assert np.isfinite(leakage.scores["hue"]["hue"].linear.value)
    assert np.isfinite(leakage.scores["shape"]["shape"].linear.value)
    assert len(it.evaluation.drifts) == 2


def test_linear_erasure_stands_beside_the_flow(evaluation: Evaluation, toy: Any) -> None:
    assert set(evaluation.erasure or {}) == {"shape", "hue"}
    for name, found in (evaluation.erasure or {}).items():
        own = evaluation.leakage.scores[name][name]
        assert found.own == own
        assert found.directions == 2
        assert toy.interpreter.factors[name].size >= 2  # directions of spread may come on top
        assert all(math.isfinite(end) for end in (found.rest_gain.low, found.rest_gain.high))
        assert found.flow in ("better", "unclear"), "80 test inputs are few"
        assert name in found.verdict


@torch.no_grad()
def test_erasure_is_fitted_to_training_samples_alone(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data, fitted = toy.interpreter._data, toy.interpreter.fitted
    before = unfitted_network(fitted)
    everything = before(data.rows(data.pool.indices("train"))[:, 0])[0].double().numpy()
    few = _encode(data, fitted.network, before, data.pool.indices("train")[:50])
    found = _erasure_rows(data, before, few)
    np.testing.assert_allclose(found.rows, everything)
    assert found.concepts[0].values is not None
    assert len(found.concepts[0].values) == len(everything) == fitted.split[0]
    assert found.leading == 32
    monkeypatch.setattr(evaluation_module, "ERASURE_NUMBERS", 40 * 32)
    assert len(_erasure_rows(data, before, few).rows) == 50, "those that are encoded already"


def test_rows_of_erasure_take_little_memory_at_wide_sites() -> None:
    """In double precision, numbers of 2,048 axes take 128 MiB at most, and narrow sites use all rows."""
    assert evaluation_module.ERASURE_NUMBERS * 8 <= 128 * 2**20
    assert evaluation_module.ERASURE_NUMBERS // 1024 >= evaluation_module.ERASURE_SAMPLES


@pytest.mark.slow
def test_probes_learn_nothing_from_the_test_split(toy: Any) -> None:
    """The values of all other samples are shuffled: what is true of test samples alone cannot be known."""
    data = toy.interpreter._data
    others = np.setdiff1d(np.arange(data.pool.rows), data.pool.indices("test").numpy())
    pool = copy.copy(data.pool)
    pool.parts = [
        dataclasses.replace(part, concepts=tuple(shuffled(concept, others) for concept in part.concepts))
        for part in pool.parts
    ]
    leakage = evaluate(toy.interpreter.translator, data._replace(pool=pool)).leakage
    for probes in (leakage.representation["shape"], leakage.scores["shape"]["shape"]):
        assert max(probes.linear.value, probes.network.value) < 0.6
    assert max(s.linear.value for s in leakage.scores["hue"].values()) < 0.3


def shuffled(concept: Concept, rows: np.ndarray) -> Concept:
    """The concept with the values of these rows in another order."""
    assert concept.values is not None
    values = concept.values.copy()
    values[rows] = values[np.random.default_rng(0).permutation(rows)]
    return dataclasses.replace(concept, values=values)
