"""A generator draws its own inputs, has them labelled by anything callable, and is fitted without data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone

pytestmark = pytest.mark.usefixtures("hasty_probes")


class Maker(nn.Module):
    """Latents (B, 6) to images (B, 3, 8, 8), with dropout that must not show."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Sequential(
            nn.Linear(6, 24), nn.Tanh(), nn.Dropout(0.5), nn.Linear(24, 192), nn.Sigmoid()
        )

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.make(latents).reshape(-1, 3, 8, 8)
        return images


@pytest.fixture
def maker() -> inn.Interpreter:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Maker().train()
    return inn.wrap(
        Backbone(
            model, ".:in", preprocess="identity", kind="generator", value_range=(0, 1),
            sample_inputs=lambda n, generator: torch.randn(n, 6, generator=generator),
        )
    )  # fmt: skip


# --- sample_inputs ----------------------------------------------------------------------------------


def test_the_seed_draws_the_inputs_and_nothing_else_does(maker: inn.Interpreter) -> None:
    before = torch.get_rng_state()
    first = maker.sample_inputs(5, seed=3)
    assert torch.equal(first, maker.sample_inputs(5, seed=3))
    assert not torch.equal(first, maker.sample_inputs(5))
    assert first.shape == (5, 6)
    assert first.dtype == torch.float32
    assert torch.equal(before, torch.get_rng_state())


def test_drawn_inputs_have_no_past(maker: inn.Interpreter) -> None:
    weight = nn.Parameter(torch.ones(6))
    maker.backbone.sample_inputs = lambda n, generator: weight * torch.randn(n, 6, generator=generator)
    assert not maker.sample_inputs(2).requires_grad


def test_who_cannot_draw_says_so(toy: Any, maker: inn.Interpreter) -> None:
    with pytest.raises(
        inn.BackboneError,
        match=r"ToyClassifier has no inputs of its own to draw\. Give data, or, if it is a generator, type "
        r'wrap\(model, backbone="generator", latents="normal"\)\.',
    ):
        toy.interpreter.sample_inputs(3)
    with pytest.raises(inn.InputError, match=r"Expected at least 1 input to draw, found 0\."):
        maker.sample_inputs(0)


# --- label ------------------------------------------------------------------------------------------


def test_labels_are_of_the_outputs_in_order(maker: inn.Interpreter) -> None:
    latents = maker.sample_inputs(150)  # more than a batch
    images = maker.run(latents)
    found = maker.label(latents, lambda outputs: outputs.mean((1, 2, 3)))
    np.testing.assert_allclose(found, images.mean((1, 2, 3)).numpy(), rtol=1e-5)
    assert found.shape == (150,)
    several = maker.label(
        latents, {"mean": lambda x: x.mean((1, 2, 3)), "red": lambda x: x[:, 0].mean((1, 2))}
    )
    assert list(several) == ["mean", "red"]
    np.testing.assert_array_equal(several["mean"], found)


def test_of_two_logits_the_larger_is_the_label(maker: inn.Interpreter) -> None:
    latents = maker.sample_inputs(20)
    logits = maker.run(latents).mean((2, 3))[:, :2]
    found = maker.label(latents, lambda outputs: outputs.mean((2, 3))[:, :2])
    assert found.tolist() == logits.argmax(1).tolist()
    assert set(found.tolist()) == {0, 1}


def test_the_largest_logit_is_the_label(maker: inn.Interpreter) -> None:
    latents = maker.sample_inputs(20)
    logits = maker.run(latents).mean((2, 3))
    found = maker.label(latents, lambda outputs: outputs.mean((2, 3)))
    assert found.tolist() == logits.argmax(1).tolist()
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("labeller", "expected"),
    [
        (lambda x: torch.arange(len(x)), [0, 1, 2]),
        (lambda x: np.arange(len(x))[:, None], [0, 1, 2]),
        (lambda x: [0.5, float("nan"), 2], [0.5, float("nan"), 2]),
        (lambda x: ["cat", "dog", "cat"], ["cat", "dog", "cat"]),
        (lambda x: torch.tensor([1.5, 0, 0]).bfloat16(), [1.5, 0, 0]),
        (lambda x: torch.tensor([True, False, True]), [True, False, True]),
        (lambda x: (x.mean((1, 2, 3)) > 2).requires_grad_(False), [False] * 3),
    ],
)
def test_labels_of_many_forms(maker: inn.Interpreter, labeller: Any, expected: list[Any]) -> None:
    found = maker.label(maker.sample_inputs(3), labeller)
    assert found.shape == (3,)
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_classifier_may_be_a_module_and_cannot_change_the_outputs(maker: inn.Interpreter, toy: Any) -> None:
    latents = maker.sample_inputs(4)
    before = maker.run(latents)
    grey = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval()
    both = maker.label(latents, {"spoilt": lambda x: x.zero_().mean((1, 2, 3)), "class": grey})
    assert both["class"].tolist() == grey(before).argmax(1).tolist()
    assert not both["spoilt"].any()
    assert maker.backbone.model.training  # as it was found


@pytest.mark.parametrize(
    ("labels", "kind", "text"),
    [
        (lambda x: x, inn.ConceptError, r"from the labels 'label', found an array \(3, 3, 8, 8\)"),
        (lambda x: x[:2, 0, 0, 0], inn.ConceptError, r"Expected one label \(B,\) or logits \(B, C\) .* array \(2,\)"),
        (lambda x: x[:2, 0, 0], inn.ConceptError, r"found an array \(2, 8\)"),
        (lambda x: x[:, :0, 0, 0], inn.ConceptError, r"found an array \(3, 0\)"),
        (lambda x: x.mean(), inn.ConceptError, r"found an array \(\)"),
        (lambda x: [[1], [2, 3], []], inn.ConceptError, r"found list"),
        ({"tone": lambda x: None}, inn.ConceptError, r"from the labels 'tone', found NoneType"),
        ({"tone": lambda x: 1 / 0}, inn.PluginError, r"The labels 'tone' failed on outputs \(3, 3, 8, 8\): ZeroDivis"),
        ("digit", inn.ConceptError, r"Expected something to call with the model's outputs, .* found 'digit'"),
        ({"digit": [1, 2]}, inn.ConceptError, r"or a mapping of names to those, found \{'digit': \[1, 2\]\}"),
        ({}, inn.ConceptError, r"such as a classifier, .* found \{\}"),
        (np.arange(3), inn.ConceptError, r"such as a classifier, .* found array\(\[0, 1, 2\]\)"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_used(maker: inn.Interpreter, labels: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        maker.label(maker.sample_inputs(3), labels)


# --- fitting without data ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fit_without_data_draws_its_own(maker: inn.Interpreter, small: dict[str, Any]) -> None:
    drawn = maker.sample_inputs(4096, seed=1)
    tone = maker.label(drawn, lambda x: x.mean((1, 2, 3)))
    maker.fit("labels", labels={"tone": tone}, seed=1, sizes={"tone": 2}, **small)
    assert sum(maker.fitted.split) == 4096
    own = maker._test_inputs("explain").take([0, 1, 2])
    places = maker._data.pool.indices("test")[:3]
    assert torch.equal(own, drawn[places])  # labels belong to what was drawn with the fit's own seed
    explanation = maker.explain(examples=2, resamples=1, localizer=None)
    assert explanation.checks.passed


def test_data_that_are_given_are_used(maker: inn.Interpreter, small: dict[str, Any]) -> None:
    latents = torch.rand(60, 6)
    maker.fit("labels", data=latents, labels=np.arange(60.0), sizes={"label": 2}, **small | {"axes": 6})
    assert sum(maker.fitted.split) == 60


def test_without_data_and_without_draws_the_source_asks(toy: Any, small: dict[str, Any]) -> None:
    with pytest.raises(inn.PluginError, match=r"'labels' .* needs data= and was called without"):
        inn.wrap(toy.model, "head:in").fit("labels", labels=toy.labels, **small)


def test_two_named_sources_are_not_told_of_data_that_nobody_gave(maker: inn.Interpreter, small: Any) -> None:
    with pytest.raises(inn.PluginError, match="needs data="):
        maker.fit("labels", "labels", **small)


def test_drawn_data_go_with_a_source_that_was_built_before(maker: inn.Interpreter, small: Any) -> None:
    latents = maker.sample_inputs(60, seed=9)
    first = inn.concept_source("labels", data=latents, labels={"a": latents[:, 0].numpy()})
    maker.fit(first, "labels", labels={"b": np.arange(4096.0)}, sizes={"a": 1, "b": 1}, **small)
    assert maker.factors.names == ("a", "b", "residual")
    assert sum(maker.fitted.split) == 60 + 4096
