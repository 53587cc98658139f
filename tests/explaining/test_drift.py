"""Drift: what an edit of one factor does to the prediction of another concept, by an independent probe."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpret_inn.explaining import drift
from interpret_inn.testing import toy_images
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Concept, Factor

COUNT, COPIES = 120, 3
GROUPS = np.repeat(np.arange(COUNT // COPIES), COPIES)


class Recorder(Translator):
    """Remembers which codes were edited."""

    def __init__(self, translator: Translator) -> None:
        super().__init__(translator.backbone, translator.fitted)
        self.edited_codes: list[Tensor] = []

    def hold(self, before: Tensor, after: Tensor, edited: Factor, concepts: Sequence[str]) -> Tensor:
        self.edited_codes.append(before)
        return super().hold(before, after, edited, concepts)


@pytest.fixture(scope="module")
def probed(toy: Any) -> tuple[list[set[int]], list[set[int]]]:
    """Groups that each probe was trained on, and groups that each drift was measured on."""
    images, labels = toy_images(COUNT, seed=31)
    codes = toy.interpreter.encode(images)
    concepts = [
        Concept("shape", "categorical", values=labels["shape"], classes=("0", "1", "2")),
        Concept("hue", "cyclic", values=labels["hue"]),
    ]
    translator, trained = Recorder(toy.interpreter.translator), []

    def fit_linear_probe(codes: Any, values: Any, **options: Any) -> Any:
        trained.append(set(options["groups"].tolist()))
        return train(codes, values, **options)

    train = drift.fit_linear_probe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift, "fit_linear_probe", fit_linear_probe)
        found = drift.drifts(translator, codes, concepts, GROUPS)
    assert [(one.held, one.edited) for one in found] == [("shape", "hue"), ("hue", "shape")]
    measured = [set(GROUPS[torch.cdist(rows, codes).argmin(1).numpy()]) for rows in translator.edited_codes]
    return trained, measured


def test_a_probe_never_reads_groups_that_it_was_trained_on(probed: Any) -> None:
    for trained, measured in zip(*probed, strict=True):
        assert not trained & measured
        assert trained | measured == set(GROUPS.tolist())


def test_a_probe_is_trained_on_half_of_the_groups(probed: Any) -> None:
    for trained, measured in zip(*probed, strict=True):
        assert len(trained) == len(measured) == COUNT // COPIES // 2


@pytest.mark.parametrize(
    ("known", "probed"), [([0, 1, 0, 1, 0], True), ([0, 1, 0, 1], False), ([1] * 12, False)]
)
def test_a_concept_whose_values_are_few_or_equal_is_passed_over(
    toy: Any, known: list[int], probed: bool
) -> None:
    shape = np.full(24, -1)
    shape[: 2 * len(known) : 2] = known  # every other group trains
    concepts = [
        Concept("shape", "categorical", values=shape, classes=("a", "b")),
        Concept("hue", "cyclic", values=np.linspace(-3, 3, 24)),
    ]
    codes = toy.interpreter.encode(toy.fresh[:24])
    found = drift.drifts(toy.interpreter.translator, codes, concepts, np.arange(24))
    assert [one.held for one in found] == ["shape"] * probed + ["hue"]


@pytest.mark.parametrize(("places", "samples"), [(400, 40), (512, 32), (1000, 32)])
def test_at_positions_no_more_samples_are_edited_than_have_16384_places(places: int, samples: int) -> None:
    half = np.arange(200) % 2 == 0
    chosen = drift._edited_samples(half, torch.zeros(200, places, 1), seed=0)
    assert len(chosen) == samples
    assert half[chosen].all()
    assert (np.diff(chosen) > 0).all()
