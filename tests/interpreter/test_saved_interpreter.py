"""`save` and `load` as a user meets them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.testing import toy_images

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.fixture(scope="module")
def path(toy: Any, tmp_path_factory: Any) -> Path:
    saved: Path = tmp_path_factory.mktemp("artefacts") / "some" / "where"
    toy.interpreter.save(saved)
    return saved


@pytest.fixture
def loaded(toy: Any, path: Path) -> inn.Interpreter:
    return inn.load(path, toy.model)


def test_a_loaded_interpreter_does_all_that_the_fitted_one_did(toy: Any, loaded: Any) -> None:
    images, was = toy.fresh[:20], toy.interpreter
    assert loaded.factors.names == was.factors.names
    assert loaded.factors.sizes == was.factors.sizes
    codes = loaded.encode(images)
    torch.testing.assert_close(codes, was.encode(images))
    torch.testing.assert_close(loaded.invert(codes), was.invert(codes))
    torch.testing.assert_close(loaded.traverse(images, "hue", 3), was.traverse(images, "hue", 3))
    for edit in (
        inn.edits.swap("shape", images[::-1].copy(), hold=["hue"]),
        inn.edits.set_to("shape", "1"),
        inn.edits.resample("hue", seed=4),
    ):
        torch.testing.assert_close(loaded.run(images, edit), was.run(images, edit))
    assert loaded.check(images).passed


def test_a_loaded_interpreter_explains_as_the_fitted_one_did(toy: Any, loaded: Any) -> None:
    options = {"examples": 3, "resamples": 2}
    ours, theirs = (
        it.report(toy.fresh[:20], **options, localizer=None).to_dict() for it in (loaded, toy.interpreter)
    )
    for key in ("leakage", "factors", "drifts", "maps", "warnings", "split", "axes", "versions"):
        assert json.dumps(ours[key]) == json.dumps(theirs[key]), key
    for name, redraw in theirs["redraw"].items():
        assert ours["redraw"][name]["kl"] == pytest.approx(redraw["kl"], rel=1e-4)
        assert ours["redraw"][name]["flip_rate"] == redraw["flip_rate"]


def test_without_inputs_it_says_what_to_type(loaded: Any) -> None:
    for call in ("explain", "report", "check"):
        said = rf"the data of the fit are not saved with it\. Type {call}\(images\)"
        with pytest.raises(inn.FitError, match=said):
            getattr(loaded, call)()


def test_a_loaded_interpreter_can_be_saved_and_fitted_again(
    toy: Any, loaded: Any, tmp_path: Path, small: Any
) -> None:
    loaded.save(tmp_path / "again")
    again = inn.load(tmp_path / "again", toy.model)
    assert torch.equal(again.encode(toy.fresh[:3]), loaded.encode(toy.fresh[:3]))
    loaded.fit("labels", data=toy.images, labels=toy.labels["shape"], **small)
    assert loaded.factors.names == ("label", "residual")
    assert len(loaded.explain(examples=1, resamples=1, localizer=None).examples) == 1


def test_images_of_another_size_are_refused_after_loading_too(small: Any, tmp_path: Path) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.AvgPool2d(6)
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.head(self.body(inputs))
            return logits

    images, labels = toy_images(160, seed=2)
    it = inn.wrap(Flat(), "body", layout="flat").fit(
        "labels", data=images, labels=labels["hue"], kinds={"label": "cyclic"}, **small
    )
    it.save(tmp_path / "it")
    again = inn.load(tmp_path / "it", Flat())
    with pytest.raises(
        inn.InputError, match=r"Expected representations of 48 axes, as in the fit, found 192"
    ):
        again.encode(np.zeros((2, 48, 48, 3), np.uint8))
