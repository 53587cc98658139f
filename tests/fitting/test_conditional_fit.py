"""A conditional flow of made-up data whose truth is known: what it finds, and that nothing else is told by the rest."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import SVC
from torch import Generator, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.errors import ConceptError
from interpret_inn.fitting.fit import fit
from interpret_inn.flows import Conditional
from interpret_inn.translating.settings import FitSettings

WIDTH, N, CLASSES = 8, 1200, 3


def seeded(seed):
    return Generator().manual_seed(seed)


def turn(width=WIDTH):
    return torch.linalg.qr(torch.randn(width, width, generator=seeded(9))).Q


def gaussians(samples=N, *, seed=0, apart=4.0):
    """Rows (N, 8) and classes: two axes tell the class, and it sets mean and covariance of the six others."""
    generator = seeded(7)
    means = 0.8 * torch.randn(CLASSES, WIDTH - 2, generator=generator)
    spread = 0.5 + torch.rand(CLASSES, WIDTH - 2, generator=generator)
    mixing = 0.2 * torch.randn(CLASSES, WIDTH - 2, WIDTH - 2, generator=generator)
    factors = torch.diag_embed(spread) + mixing
    generator = seeded(seed)
    labels = torch.arange(samples) % CLASSES
    truth = torch.randn(samples, WIDTH, generator=generator)
    truth[:, :2] += apart * torch.tensor([[0, 0], [1, 0], [0, 1]])[labels]
    truth[:, 2:] = (factors[labels] @ truth[:, 2:, None])[:, :, 0] + means[labels]
    return truth @ turn(), labels.numpy()


def fitted(rows, labels, *, layout="auto", seed=0, sizes=None, kinds=None, balance=True, **settings):
    source = inn.concept_source("labels", data=rows, labels=labels, kinds=kinds or {}, balance=balance)
    options = {} if layout == "auto" else {"layout": layout}
    backbone = Backbone(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity", **options)
    settings = FitSettings(**settings)
    return fit(backbone, [source], seed=seed, settings=settings, sizes=sizes, cache=None, checkpoint=None)[0]


def parts(found, rows):
    """Codes of rows by factor."""
    codes = found.network(rows)[0].numpy()
    return {factor.name: codes[:, factor.start : factor.start + factor.size] for factor in found.factors}


def read(codes, labels, model):
    """Balanced accuracy of a model on the second half, which learnt from the first, above chance and of 1."""
    half, chance = len(codes) // 2, 1 / len(np.unique(labels))
    predicted = model.fit(codes[:half], labels[:half]).predict(codes[half:])
    return (balanced_accuracy_score(labels[half:], predicted) - chance) / (1 - chance)


def by_line(codes, labels):
    return read(codes, labels, LinearDiscriminantAnalysis())


def by_kernel(codes, labels):
    return read(codes, labels, SVC())


@pytest.fixture(scope="module")
def of_classes():
    rows, labels = gaussians()
    return fitted(rows, {"class": labels})


def test_nothing_is_trained(of_classes):
    assert isinstance(of_classes.network.blocks._transforms[-1], Conditional)
    record = of_classes.record
    assert (record.steps, record.best_step, record.stopped_early, record.history) == (0, 0, False, ())
    assert not list(of_classes.network.parameters())
    assert not of_classes.network.training


def test_the_raw_score_is_what_the_class_explains_of_its_axes(of_classes):
    """As far as samples left out bear it out, about the share of 8/N less that 8 axes bring by chance."""
    codes, values = of_classes.reference_codes[:, :2].double().numpy(), of_classes.concepts[0].values
    means = np.stack([codes[values == label].mean(0) for label in range(CLASSES)])
    explained = means[values].var(0) / codes.var(0)
    most, least = (((explained - chance) / (1 - chance)).sum() for chance in (0, WIDTH / len(codes)))
    assert least - 0.01 <= of_classes.raw_scores["class"] <= most
    assert most - least < 0.01
    assert 1.3 < of_classes.raw_scores["class"] < 2
    assert math.isnan(of_classes.raw_scores["residual"])


def test_the_rest_tells_nothing_where_it_is_gaussian_given_the_class(of_classes):
    rows, labels = gaussians(2000, seed=1)
    found = parts(of_classes, rows)
    assert of_classes.factors["class"].size == 2
    assert by_line(found["class"], labels) > 0.9
    own = of_classes.network.blocks._transforms[1](
        of_classes.network.blocks._transforms[0](of_classes.network.whitening(rows)[0])[0]
    )[0][:, 2:].numpy()
    assert by_kernel(own, labels) > 0.4  # with the class's directions gone, and no more
    assert abs(by_line(found["residual"], labels)) < 0.06
    assert by_kernel(found["residual"], labels) < 0.15


def test_codes_of_the_rest_are_alike_in_all_classes(of_classes):
    rows, labels = gaussians(6000, seed=2)
    rest = parts(of_classes, rows)["residual"]
    for label in range(CLASSES):
        own = rest[labels == label]
        np.testing.assert_allclose(own.mean(0), 0, atol=0.25)
        np.testing.assert_allclose(np.cov(own.T), np.eye(WIDTH - 2), atol=0.4)


def test_editing_the_class_moves_the_rest_along(of_classes):
    """The rest of an image that was given another class is that of the class it was given."""
    rows, labels = gaussians(3000, seed=3)
    codes, _ = of_classes.network(rows)
    edited = codes.clone()
    edited[:, :2] = codes[labels == 1][:, :2][torch.arange(3000) % 1000]
    moved, _ = of_classes.network.inverse(edited)
    torch.testing.assert_close(of_classes.network(moved)[0], edited, atol=1e-3, rtol=0)
    truth = (rows @ turn().T)[labels == 1]
    made = moved @ turn().T
    np.testing.assert_allclose(made.mean(0), truth.mean(0), atol=0.25)
    np.testing.assert_allclose(np.cov(made.T.numpy()), np.cov(truth.T.numpy()), atol=0.8)


def test_shuffled_labels_are_told_by_nothing():
    rows, labels = gaussians()
    shuffled = np.random.default_rng(0).permutation(labels)
    found = fitted(rows, {"class": shuffled})
    test = found.network(rows)[0]
    own = found.factors["class"].size
    assert own <= 2
    assert found.raw_scores["class"] < 0.05
    fresh, _ = gaussians(1000, seed=5)
    codes = found.network(fresh)[0][:, :own].numpy()
    assert abs(by_line(codes, np.random.default_rng(1).permutation(labels[:1000]))) < 0.1
    assert bool(torch.isfinite(test).all())


def test_the_seed_alone_tells_what_is_drawn():
    rows, labels = gaussians(300)
    before = torch.get_rng_state()
    one, same = (fitted(rows, {"class": labels}).network.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert torch.equal(before, torch.get_rng_state())
    other = fitted(rows, {"class": labels}, seed=1).network.state_dict()
    assert not torch.equal(one["whitening.mean"], other["whitening.mean"])


@pytest.mark.slow
@pytest.mark.parametrize("balance", [True, False])
def test_concepts_that_go_together_keep_their_own_axes(balance):
    generator = seeded(11)
    truth = torch.randn(N, WIDTH, generator=generator)
    size = truth[:, 0].double().numpy()
    side = (0.8 * truth[:, 0] + 0.6 * truth[:, 1] > 0).long().numpy()
    found = fitted(truth @ turn(), {"size": size, "side": side}, balance=balance)
    assert found.factors["size"].size == found.factors["side"].size == 1
    codes = parts(found, truth @ turn())
    assert abs(np.corrcoef(codes["size"][:, 0], size)[0, 1]) > 0.9
    assert by_line(codes["side"], side) > 0.4
    for concept in (side, (size > 0).astype(int)):
        assert abs(by_line(codes["residual"], concept)) < 0.12


def test_missing_labels_are_left_out():
    rows, labels = gaussians()
    hidden = np.arange(N) % 2 == 0
    partial = np.where(hidden, -1, labels)
    found = fitted(rows, {"class": partial}, kinds={"class": "categorical"})
    fresh, truth = gaussians(1500, seed=1)
    codes = parts(found, fresh)
    assert by_line(codes["class"], truth) > 0.9
    assert abs(by_line(codes["residual"], truth)) < 0.1


def test_two_axes_are_enough_for_one_concept():
    generator = seeded(12)
    truth = torch.randn(600, 2, generator=generator)
    number = truth[:, 0].double().numpy()
    truth[:, 1] = torch.sin(2 * truth[:, 0]) + 0.3 * truth[:, 1]
    found = fitted(truth @ turn(2), {"number": number})
    assert found.factors.sizes == (1, 1)
    codes = parts(found, truth @ turn(2))
    assert abs(np.corrcoef(codes["number"][:, 0], number)[0, 1]) > 0.9


def test_sizes_may_be_given():
    rows, labels = gaussians(300)
    found = fitted(rows, {"class": labels}, sizes={"class": 4})
    assert found.factors.sizes == (4, 4)
    assert math.isnan(found.raw_scores["class"])
    for sizes, text in (
        ({"clas": 1}, "no concept. Did you mean 'class'"),
        ({"class": True}, "Expected a whole number of axes"),
        ({"class": 8}, "leave at least 1 of 8 axes to the residual"),
    ):
        with pytest.raises(ConceptError, match=text):
            fitted(rows, {"class": labels}, sizes=sizes)


def test_as_many_concepts_as_axes_are_refused():
    rows, _ = gaussians(300)
    labels = {f"number {k}": rows[:, k].double().numpy() for k in range(WIDTH)}
    with pytest.raises(ConceptError, match="Expected fewer concepts than axes, found 8 concepts and 8 axes"):
        fitted(rows, labels)


def test_positions_are_rows_of_their_own():
    generator = seeded(13)
    labels = torch.arange(300) % 2
    maps = torch.randn(300, 5, 3, 2, generator=generator)
    maps[:, 0] += 3.0 * labels[:, None, None]
    maps[:, 1] += labels[:, None, None] + maps[:, 2] * labels[:, None, None]
    found = fitted(maps, {"side": labels.numpy()}, layout="positions")
    assert found.factors.names == ("side", "residual")
    assert found.factors.total == 5
    assert found.position_means is not None
    rows = maps.movedim(1, 3).flatten(0, 2)
    codes, every = parts(found, rows), labels.repeat_interleave(6).numpy()
    order = torch.randperm(len(rows), generator=generator).numpy()
    assert by_line(codes["side"][order], every[order]) > 0.75
    assert abs(by_line(codes["residual"][order], every[order])) < 0.15
    torch.testing.assert_close(found.network.inverse(found.network(rows)[0])[0], rows, atol=1e-3, rtol=0)


@pytest.mark.slow
def test_outer_axes_follow_the_concept_before_and_not_after():
    """Outer axes that follow a number in curves: no line sees that, so that whitening leaves it."""
    generator = seeded(14)
    truth = torch.randn(N, 16, generator=generator) * torch.logspace(0.5, -0.3, 16)
    number = truth[:, 0].double().numpy()
    truth[:, 8:] += 0.6 * torch.cos(truth[:, :1] + torch.arange(8) / 2)
    found = fitted(truth, {"number": number}, axes=6)
    assert found.network.shape.leading == 6
    assert found.network.shape.outer > 0
    white, codes = found.network.whitening(truth)[0], found.network(truth)[0]

    def followed(outer):
        """The share of outer axes' variance that curves of the number explain in the second half."""
        curves = np.stack([np.cos(number), np.sin(number), np.ones(N)], 1)
        half = N // 2
        weights = np.linalg.lstsq(curves[:half], outer[:half].numpy(), rcond=None)[0]
        left = outer[half:].numpy() - curves[half:] @ weights
        return 1 - np.square(left).sum() / np.square(outer[half:].numpy()).sum()

    assert followed(white[:, 6:]) > 0.1
    assert followed(codes[:, 6:]) < 0.02
    torch.testing.assert_close(found.network.inverse(codes)[0], truth, atol=1e-3, rtol=0)


def test_outer_axes_that_tell_nothing_stay():
    rows = torch.randn(400, 12, generator=seeded(15)) * torch.logspace(0.5, -0.3, 12)
    number = rows[:, 0].double().numpy()
    found = fitted(rows, {"number": number}, axes=4)
    white = found.network.whitening(rows)[0][:, 4:]
    assert float((found.network(rows)[0][:, 4:] - white).square().mean() / white.square().mean()) < 0.02


def test_an_interpreter_fits_it_by_default():
    rows, labels = gaussians(300)
    interpreter = inn.wrap(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
    interpreter.fit("labels", data=rows, labels={"class": labels}, cache=None, checkpoint=None)
    assert interpreter.fitted.network.shape.conditional is not None
    assert interpreter.fitted.settings == dataclasses.replace(FitSettings(), flow="auto")
    torch.testing.assert_close(interpreter.invert(interpreter.encode(rows)), rows, atol=1e-3, rtol=0)


def test_factors_of_independent_concepts_are_all_made_independent():
    rows, labels = gaussians()
    numbers = np.random.default_rng(3).normal(size=len(rows))
    rows = torch.cat([rows, torch.from_numpy(numbers)[:, None].float()], 1)
    found = fitted(rows, {"class": labels, "number": numbers}, kinds={"number": "numeric"})
    assert [step.moved for step in found.network.shape.conditional.steps] == [0, 2]
