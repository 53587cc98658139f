"""Probes: known truths, missing values, classes never seen, and labels that mean nothing."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from interpret_inn import errors
from interpret_inn.metrics import probe_linear, probes
from interpret_inn.metrics.probe_folds import split_off, validation_masks
from interpret_inn.metrics.probes import chance, fit_linear_probe, linear_probe_score, probe_scores


def blobs(count, seed, classes=3, width=4):
    """Codes around one centre per class, in units far from 1."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    centres = 3 * np.eye(width)[:classes]
    return 50 + 10 * (centres[labels] + generator.normal(size=(count, width))), labels


def test_classes_are_read_and_scored_by_accuracy():
    x, y = blobs(900, 0)
    result = probe_scores(x[:600], y[:600], x[600:], y[600:], kind="categorical")
    assert result.linear.value == pytest.approx(0.95, abs=0.03)
    for score in (result.network, result.kernel):
        assert score.value == pytest.approx(result.linear.value, abs=0.03)
    assert result.linear.low < result.linear.value < result.linear.high
    assert result.linear == linear_probe_score(x[:600], y[:600], x[600:], y[600:], kind="categorical")
    told = fit_linear_probe(x[:600], y[:600], kind="categorical").predict(x[600:])
    assert (told == y[600:]).mean() == result.linear.value


def test_numbers_of_several_columns_are_scored_by_the_mean_r2():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(2500, 3))
    y = np.stack([x[:, 0] * 100, x[:, 1] + generator.normal(size=2500)], 1)  # R² of 1 and of 1/2
    result = probe_scores(x[:2000], y[:2000], x[2000:], y[2000:], kind="numeric")
    assert result.linear.value == pytest.approx(0.75, abs=0.05)
    assert result.network.value == pytest.approx(0.75, abs=0.05)
    assert result.kernel.value == pytest.approx(0.75, abs=0.05)


def test_angles_are_read_as_cosine_and_sine():
    generator = np.random.default_rng(2)
    angle = generator.uniform(-math.pi, math.pi, 800)
    x = np.stack([np.cos(angle), np.sin(angle)], 1) @ generator.normal(size=(2, 5))
    assert linear_probe_score(x[:600], angle[:600], x[600:], angle[600:], kind="cyclic").value > 0.999
    told = fit_linear_probe(x[:600], angle[:600], kind="cyclic").predict(x[600:])
    assert np.abs(np.angle(np.exp(1j * (told - angle[600:])))).max() < 0.01


@pytest.mark.slow
def test_missing_values_are_left_out_on_both_parts():
    x, y = blobs(600, 3)
    labels = np.where(np.arange(600) % 3 == 0, -1, y)
    present = labels >= 0
    with_gaps = probe_scores(x[:400], labels[:400], x[400:], labels[400:], kind="categorical")
    train, test = present[:400], present[400:]
    without = probe_scores(x[:400][train], y[:400][train], x[400:][test], y[400:][test], kind="categorical")
    assert with_gaps == without
    numbers = np.where(present, x[:, 0], np.nan)
    assert linear_probe_score(x[:400], numbers[:400], x[400:], numbers[400:], kind="numeric").value > 0.999


def test_classes_never_seen_count_as_wrong():
    x, y = blobs(600, 4)
    fit = np.flatnonzero(y[:400] != 2)
    result = probe_scores(x[fit], y[fit], x[400:], y[400:], kind="categorical")
    assert result.linear.value <= (y[400:] != 2).mean()
    assert fit_linear_probe(x[fit], y[fit], kind="categorical").classes.tolist() == [0, 1]


def test_a_class_of_one_sample_does_not_stop_it():
    x, y = blobs(300, 5)
    y[7] = 5
    assert probe_scores(x[:200], y[:200], x[200:], y[200:], kind="categorical").linear.value > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["categorical", "numeric"])
def test_labels_that_mean_nothing_are_not_learnt(kind):
    generator = np.random.default_rng(6)
    surer = dict.fromkeys(("linear", "network", "kernel"), 0)
    for seed in range(20):
        x = generator.normal(size=(450, 8))
        y = (
            generator.choice(4, 450, p=[0.4, 0.3, 0.2, 0.1])
            if kind == "categorical"
            else generator.normal(size=450)
        )
        result = probe_scores(x[:300], y[:300], x[300:], y[300:], kind=kind, seed=seed)
        guess = chance(y[300:], kind=kind)
        for probe in surer:
            surer[probe] += getattr(result, probe).low > guess
    assert max(surer.values()) <= 1


def test_chance_is_the_best_constant_answer():
    assert chance(np.array([2, 2, 0, -1, -1, -1]), kind="categorical") == pytest.approx(2 / 3)
    assert chance(np.array([0.1, 0.2]), kind="cyclic") == 0.0
    assert math.isnan(chance(np.array([-1, -1]), kind="categorical"))


def test_kinds_of_scores():
    assert probes.score_kind("categorical") == "accuracy"
    assert probes.score_kind("numeric") == probes.score_kind("cyclic") == "r2"


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_in_code_units_equals_sklearns(classes, monkeypatch):
    monkeypatch.setattr(probe_linear, "_INVERSE_PENALTIES", (0.3,))
    monkeypatch.setattr(probe_linear, "_TOLERANCE", 1e-8)
    x, y = blobs(300, 7, classes)
    read = fit_linear_probe(x, y, kind="categorical", systems=("standard",))
    standard = (x - x.mean(0)) / x.std(0)
    model = LogisticRegression(C=0.3, tol=1e-8).fit(standard, y)
    scores = read.scores(x)
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, model.predict_proba(standard), atol=1e-6)
    assert read.weight.shape == (classes, 4)


def test_ridge_regression_in_code_units_equals_sklearns(monkeypatch):
    monkeypatch.setattr(probe_linear, "_PENALTIES", np.array([0.1]))
    generator = np.random.default_rng(8)
    x = 5 + generator.normal(size=(200, 6)) @ generator.normal(size=(6, 6))
    y = x @ generator.normal(size=(6, 2)) + generator.normal(size=(200, 2))
    read = fit_linear_probe(x, y, kind="numeric", systems=("standard",))
    standard = (x - x.mean(0)) / x.std(0)
    model = Ridge(alpha=0.1 * 200).fit(standard, y)  # ours is per row
    np.testing.assert_allclose(read.predict(x), model.predict(standard), rtol=1e-8)


def test_penalties_are_chosen_to_do_well_on_rows_not_trained_on():
    generator = np.random.default_rng(9)
    x = generator.normal(size=(120, 80))  # few rows, many columns: a small penalty overfits
    y = x[:, 0] + generator.normal(size=120)
    fresh = generator.normal(size=(2000, 80))
    free = fresh @ np.linalg.lstsq(x, y, rcond=None)[0]
    ours = fit_linear_probe(x, y, kind="numeric").predict(fresh)
    assert ((ours - fresh[:, 0]) ** 2).mean() < 0.5 * ((free - fresh[:, 0]) ** 2).mean()


def test_dead_columns_carry_no_weight_and_more_columns_than_rows_work():
    x, y = blobs(40, 10)
    wide = np.concatenate([x, np.full((40, 60), 7.0)], 1)
    read = fit_linear_probe(wide, y, kind="categorical")
    assert np.abs(read.weight[:, 4:]).max() < 1e-9
    assert np.isfinite(probe_scores(wide, y, wide, y, kind="categorical").network.value)
    assert np.isfinite(probe_scores(wide, x[:, 0], wide, x[:, 0], kind="numeric").network.value)


def test_rows_split_off_are_whole_groups_and_about_a_fifth():
    groups = np.repeat(np.arange(20), 5)
    chosen = split_off(100, groups, seed=0)
    assert chosen.sum() == 20
    assert not set(groups[chosen]) & set(groups[~chosen])
    assert not split_off(100, groups // 5, seed=0).any()  # four groups are too few


def test_too_little_to_score_gives_nan():
    x, y = blobs(20, 11)
    for train, test in (((x[:4], y[:4]), (x, y)), ((x, y), (x[:4], y[:4])), ((x, y * 0), (x, y))):
        result = probe_scores(*train, *test, kind="categorical")
        assert math.isnan(result.linear.value)
        assert math.isnan(result.network.value)
        assert math.isnan(result.kernel.value)
        assert math.isnan(linear_probe_score(*train, *test, kind="categorical").value)


def test_a_concept_with_one_class_reads_as_that_class():
    read = fit_linear_probe(np.zeros((5, 2)), np.full(5, 3), kind="categorical")
    assert read.predict(np.ones((2, 2))).tolist() == [3, 3]


@pytest.mark.slow
def test_random_states_are_left_alone_and_seeds_decide():
    x, y = blobs(300, 12)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    results = [probe_scores(x[:200], y[:200], x[200:], y[200:], kind="categorical", seed=s) for s in (1, 1)]
    assert results[0] == results[1]
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_errors_say_what_was_found():
    with pytest.raises(errors.InputError, match=r"codes \(n, d\) for 3 values, found an array \(2, 4\)"):
        fit_linear_probe(np.zeros((2, 4)), np.zeros(3), kind="numeric")
    with pytest.raises(errors.InputError, match="one group for each of 3 codes, found 2"):
        fit_linear_probe(np.zeros((3, 4)), np.zeros(3), kind="numeric", groups=np.array([0, 1]))
    with pytest.raises(errors.InputError, match="finite codes to probe, found 1 of 3 that are not"):
        fit_linear_probe(np.array([[0.0], [np.nan], [1.0]]), np.zeros(3), kind="numeric")
    with pytest.raises(errors.InputError, match="An unlabelled concept has no values to predict"):
        fit_linear_probe(np.zeros((3, 1)), np.zeros(3), kind="unlabelled")
    with pytest.raises(errors.InputError, match="to train a probe on, found none"):
        fit_linear_probe(np.zeros((3, 1)), np.full(3, np.nan), kind="numeric")


def test_five_values_in_each_split_are_enough():
    x = np.random.default_rng(13).normal(size=(5, 2))
    for values in (x[:, 0], np.stack([x[:, 0], np.full(5, 7.0)], 1)):  # a column that varies is enough, too
        result = probe_scores(x, values, x, values, kind="numeric")
        assert math.isfinite(result.linear.value)
        assert math.isfinite(result.network.value)
        assert math.isfinite(result.kernel.value)


def test_five_groups_are_enough_to_split_one_off():
    assert split_off(5, None, seed=0).sum() == 1
    groups = np.repeat([3, 5, 8, 9, 11], 2)
    chosen = split_off(10, groups, seed=1)
    assert len(set(groups[chosen])) == 1
    assert chosen.sum() == 2
    assert (split_off(100, None, seed=0) != split_off(100, None, seed=1)).any()
    assert split_off(99, None, seed=0, share=1 / 3).sum() == 33


def test_up_to_500_rows_every_fifth_chooses_and_beyond_that_one():
    masks = validation_masks(500, None, seed=3)
    assert np.sum(masks, 0).tolist() == [1] * 500
    assert [mask.sum() for mask in masks] == [100] * 5
    groups = np.repeat(np.arange(9), 3)
    for mask in validation_masks(27, groups, seed=0):
        assert not set(groups[mask]) & set(groups[~mask])
    (single,) = validation_masks(501, None, seed=3)
    assert (single == split_off(501, None, seed=3)).all()
    assert validation_masks(100, np.arange(100) // 25, seed=0) == ()  # four groups are too few


def test_the_network_that_is_reported_is_the_median_of_three(monkeypatch):
    x, y = blobs(300, 15)
    wrong = np.roll(np.eye(3), 1, 0)
    answers = {good: [1.0 if row < good else 0.0 for row in range(100)] for good in (20, 90, 60)}

    def trained(codes, targets, **options):
        right = np.eye(3)[y[200:]]
        said = [np.where(np.array(kept)[:, None] > 0, right, right @ wrong) for kept in answers.values()]
        return lambda codes: np.stack(said)

    monkeypatch.setattr(probes, "train_networks", trained)
    found = probe_scores(x[:200], y[:200], x[200:], y[200:], kind="categorical").network
    assert found.value == 0.6
    assert found.low < 0.6 < found.high


def test_predictions_have_the_form_of_the_values():
    x = np.random.default_rng(14).normal(size=(30, 3))
    assert fit_linear_probe(x, x[:, 0], kind="numeric").predict(x).shape == (30,)
    assert fit_linear_probe(x, x[:, :2], kind="numeric").predict(x).shape == (30, 2)
    assert probe_scores(x, x[:, :1], x, x[:, :1], kind="numeric").linear.value > 0.99
