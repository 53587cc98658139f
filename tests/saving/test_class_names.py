"""Names of classes after `load`: those that are given now, else those of the fit, else an adapter's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
from torch import nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone

pytestmark = pytest.mark.usefixtures("hasty_probes")
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
OWN = ["square", "disc", "cross"]


def fine_tuned() -> nn.Module:
    """A timm model with another classifier, which still says that it has ImageNet's classes."""
    model: nn.Module = timm.create_model("test_resnet")
    assert model.num_classes == 1000
    model.fc = nn.Linear(model.num_features, 3)  # type: ignore[arg-type]
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize("names", [None, OWN])
def test_a_fine_tuned_timm_model_is_used_after_load(names: Any, small: Any, tmp_path: Path) -> None:
    model = fine_tuned()
    it = inn.wrap(model, preprocess={"size": (32, 32)}, class_names=names)
    it.fit("labels", data=IMAGES, labels=np.arange(60) % 2, **small)
    assert it.backbone.class_names == names
    it.save(tmp_path / "it")
    again = inn.load(tmp_path / "it", model)
    assert again.run(IMAGES[:2]).shape == (2, 3)
    again.check(IMAGES[:4])
    assert again.backbone.class_names == names


@pytest.fixture(scope="module")
def path(toy: Any, tmp_path_factory: Any) -> Path:
    saved: Path = tmp_path_factory.mktemp("named") / "it"
    toy.interpreter.save(saved)
    return saved


def test_names_can_be_given_to_load(toy: Any, path: Path) -> None:
    assert inn.load(path, toy.model, class_names=OWN).backbone.class_names == OWN
    wrong = inn.load(path, toy.model, class_names=OWN[:2])
    with pytest.raises(inn.BackboneError, match=r"each of 3 outputs of ToyClassifier, found 2\."):
        wrong.encode(toy.fresh[:2])


@pytest.mark.slow
def test_names_of_the_callers_own_backbone_stay(toy: Any, small: Any, tmp_path: Path) -> None:
    it = inn.wrap(toy.model, "head:in", class_names=OWN)
    it.fit("labels", data=toy.images, labels=toy.labels["shape"], **small)
    it.save(tmp_path / "it")
    others = ["a", "b", "c"]
    for given, found in ((None, OWN), (others, others)):
        backbone = Backbone(toy.model, "head:in", layout="vector", class_names=given)
        assert inn.load(tmp_path / "it", backbone).backbone.class_names == found


def test_a_misspelt_option_of_load_is_named_with_the_nearest_of_load(toy: Any, path: Path) -> None:
    with pytest.raises(inn.BackboneError, match=r"no option 'class_name'\. Did you mean 'class_names'"):
        inn.load(path, toy.model, class_name=OWN)
    with pytest.raises(inn.BackboneError, match=r"found \['layout'\], which the saved interpreter has"):
        inn.load(path, toy.model, layout="vector")
