"""The contract of concept sources: good sources keep it, and what others break is said all at once."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.testing import ContractError, check_concept_source
from interpret_inn.testing.sources import CONCEPT_SOURCE_CHECKS
from interpret_inn.types import Concept, ConceptSource, Gallery, LossContext, Pairs, Plan, Preparation

from .good_source import IMAGES, Good
from .sabotage import losing, of_codes, pairs


def test_a_good_source_passes_every_check() -> None:
    assert check_concept_source(Good()) == tuple(check.__name__.strip("_") for check in CONCEPT_SOURCE_CHECKS)
    assert check_concept_source(Good(), seed=3)


class Everything(Good, ConceptSource):
    """Has all that a source may have, and has it right; chooses its concepts by what it is shown."""

    notes = ("Drawn on the spot.",)
    ordered = True
    key = "by the output"
    settings: Mapping[str, Any] = {"steps": 30}

    def __init__(self) -> None:
        super().__init__()
        self._name(1)

    def _name(self, count: int) -> None:
        self.concepts = [Concept(f"factor {k + 1}", "unlabelled") for k in range(count)]

    def prepare(self, context: Preparation) -> Plan:
        weights = context.output_gradients()
        assert weights.shape == (len(context.variances),) * 2 and weights.dtype == torch.float64
        assert context.white.shape == (84, len(context.variances))
        assert (context.variances.diff() <= 0).all()
        assert context.model.axes == len(context.variances)
        self._name(5)
        recognizer = torch.nn.utils.skip_init(torch.nn.Linear, 64, 5)
        torch.nn.init.zeros_(recognizer.weight), torch.nn.init.ones_(recognizer.bias)

        def rotation(span: torch.Tensor) -> torch.Tensor:
            free = span.double()
            return torch.linalg.eigh(free.T @ weights @ free).eigenvectors.flip(1)

        def loss(told: LossContext) -> torch.Tensor:
            codes = torch.randn(4, 64, generator=told.generator)
            assert told.axes.tolist() == list(range(10))
            white = told.network.blocks.inverse(codes)[0]
            images = told.backbone.tail(white)
            assert torch.allclose(images, context.model.outputs(white), atol=1e-6)
            return (recognizer(images.flatten(1)) - codes[:, told.axes[::2]]).square().mean()

        return Plan(
            concepts=self.concepts,
            sizes={concept.name: 2 for concept in self.concepts},
            notes=("Five of them.",),
            key="5",
            rotation=rotation,
            modules=lambda: recognizer,
            loss=loss,
        )

    def sample_pairs(self, n: int, generator: torch.Generator, among: torch.Tensor) -> Pairs:
        pairs = super().sample_pairs(n, generator, among)
        return pairs._replace(rho=torch.zeros(n, len(self.concepts) + 1))

    def illustrations(self) -> list[Gallery]:
        rows = ((IMAGES[0], "the same"), (IMAGES[1], "another"))
        return [Gallery("Pairs", "Two and two.", rows, ("a", "b"), (IMAGES[2], "as"), "shape")]


def test_what_a_source_may_have_is_checked_and_left_as_it_was() -> None:
    source = Everything()
    assert check_concept_source(source)
    assert [concept.name for concept in source.concepts] == ["factor 1"]  # the check asked a copy


def test_a_loss_as_it_should_be_keeps_the_contract() -> None:
    source = Good()
    losing(of_codes)(source)
    assert check_concept_source(source)


class Derived(Good):
    """Its concepts cannot be assigned."""

    def __init__(self) -> None:
        self.samples = samples(IMAGES)
        self._own = Good().concepts

    @property
    def concepts(self) -> Any:  # type: ignore[override]
        return list(self._own)


@dataclasses.dataclass(frozen=True)
class Frozen:
    samples: Any
    concepts: Any
    name: str = "frozen"

    sample_pairs = Good.sample_pairs


def test_concepts_that_cannot_be_assigned_break_no_contract() -> None:
    assert check_concept_source(Derived())
    assert check_concept_source(Frozen(samples(IMAGES), Good().concepts))  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [random.random, np.random.random, lambda: torch.rand(1)])
def test_a_global_generator_is_noticed(draw: Callable[[], Any]) -> None:
    source = Good()
    pairs(lambda found, _: (found, draw())[0])(source)
    with pytest.raises(ContractError, match="pairs_form: draws from a global random generator"):
        check_concept_source(source)


def test_what_a_source_raises_is_listed() -> None:
    source = Good()
    pairs(lambda found, _: 1 / 0)(source)
    with pytest.raises(ContractError) as caught:
        check_concept_source(source)
    assert "pairs_form: raised ZeroDivisionError: division by zero" in caught.value.broken
    assert len(caught.value.broken) == 4  # all at once, and nothing of what is whole
