"""`save` and `load` as a user meets them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.testing import ToyClassifier, toy_classifier, toy_images


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
    torch.testing.assert_close(loaded.walk(images, "hue", 3), was.walk(images, "hue", 3))
    for edit in (
        inn.edits.swap("shape", images[::-1].copy(), hold=["hue"]),
        inn.edits.set("shape", "1"),
        inn.edits.resample("hue", seed=4),
    ):
        torch.testing.assert_close(loaded.run(images, edit), was.run(images, edit))
    assert loaded.check(images).passed


def test_a_loaded_interpreter_explains_as_the_fitted_one_did(toy: Any, loaded: Any) -> None:
    options = {"examples": 3, "resamples": 2}
    ours, theirs = (it.report(toy.fresh[:20], **options).to_dict() for it in (loaded, toy.interpreter))
    ours.pop("timings"), theirs.pop("timings")
    assert json.dumps(ours) == json.dumps(theirs)


def test_without_inputs_it_says_what_to_type(loaded: Any) -> None:
    for call in (loaded.explain, loaded.report):
        with pytest.raises(
            inn.FitError, match=r"the data of the fit are not saved with it\. Type explain\(images\)"
        ):
            call()


def test_a_loaded_interpreter_can_be_saved_and_fitted_again(
    toy: Any, loaded: Any, tmp_path: Path, small: Any
) -> None:
    loaded.save(tmp_path / "again")
    again = inn.load(tmp_path / "again", toy.model)
    assert torch.equal(again.encode(toy.fresh[:3]), loaded.encode(toy.fresh[:3]))
    loaded.fit("labels", data=toy.images, labels=toy.labels["shape"], **small)
    assert loaded.factors.names == ("label", "residual")
    assert len(loaded.explain(examples=1, resamples=1).examples) == 1


def test_images_of_another_size_are_refused_after_loading_too(small: Any, tmp_path: Path) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.AdaptiveAvgPool2d(4) if False else nn.AvgPool2d(6)
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


# --- refused --------------------------------------------------------------------------------------------


def test_another_models_weights_are_refused_and_both_sides_named(toy: Any, path: Path) -> None:
    other = toy_classifier()
    with torch.no_grad():
        other.head.weight.mul_(1.01)
    with pytest.raises(
        inn.ArtefactError, match=r"fitted for another weights: expected [0-9a-f]{16}, found [0-9a-f]{16}"
    ):
        inn.load(path, other)


class Wider(ToyClassifier):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(2, 2)


def test_another_model_is_refused_and_both_sides_named(path: Path) -> None:
    with pytest.raises(
        inn.ArtefactError, match=r"another model: expected .*ToyClassifier, .* found .*Wider, "
    ):
        inn.load(path, Wider())
    with pytest.raises(inn.ArtefactError, match=r"another model: expected .*ToyClassifier.*found Linear"):
        inn.load(path, nn.Linear(3, 3))


def test_other_preprocessing_is_refused_and_both_sides_named(toy: Any, path: Path) -> None:
    with pytest.raises(
        inn.ArtefactError, match=r"another preprocessing: expected .*pictures.*, found .*identity"
    ):
        inn.load(path, toy.model, preprocess="identity")


def test_a_plain_model_must_be_passed(path: Path) -> None:
    with pytest.raises(inn.ArtefactError, match=r"was fitted for ToyClassifier.*Type load\(path, model\)"):
        inn.load(path)


def test_nothing_there(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(
        inn.ArtefactError, match=r"Expected a saved interpreter at .*, found none\. Give the folder"
    ):
        inn.load(tmp_path, toy.model)


@pytest.mark.parametrize("name", ["interpreter.json", "judgement.json", "tensors.safetensors"])
def test_a_damaged_artefact_is_refused_and_left_alone(
    name: str, toy: Any, tmp_path: Path, folder_state: Any
) -> None:
    toy.interpreter.save(tmp_path / "it")
    file = tmp_path / "it" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    files = folder_state(tmp_path)
    with pytest.raises(
        inn.ArtefactError, match=rf"is damaged: {name} is not what was written\. Copy it again"
    ):
        inn.load(tmp_path / "it", toy.model)
    file.unlink()
    with pytest.raises(inn.ArtefactError, match="is damaged"):
        inn.load(tmp_path / "it", toy.model)
    assert folder_state(tmp_path) == [file for file in files if not file.endswith(name)]


def test_a_newer_artefact_is_refused_by_its_number(toy: Any, tmp_path: Path) -> None:
    toy.interpreter.save(tmp_path / "it")
    file = tmp_path / "it" / "interpreter.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 99, "library": "7.0"}))
    with pytest.raises(
        inn.ArtefactError,
        match=r"has format 99, written by version 7\.0; this version reads up to 1\. Type pip",
    ):
        inn.load(tmp_path / "it", toy.model)


def test_saving_over_something_else_is_refused(toy: Any, tmp_path: Path, folder_state: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(inn.ArtefactError, match=r"found something else at .*mine\. Give another path"):
        toy.interpreter.save(tmp_path / "mine")
    assert folder_state(tmp_path) == ["mine/thesis.txt"]


def test_a_full_disk_while_saving_keeps_what_was_there(
    toy: Any, tmp_path: Path, monkeypatch: Any, folder_state: Any
) -> None:
    toy.interpreter.save(tmp_path / "it")
    files = folder_state(tmp_path)

    def no_space(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("interpret_inn.saving.artefact.save_file", no_space)
        with pytest.raises(
            inn.ArtefactError, match=r"could not be saved at .*No space left.*give another path"
        ):
            toy.interpreter.save(tmp_path / "it")
    assert folder_state(tmp_path) == files
    inn.load(tmp_path / "it", toy.model)


def test_a_callers_own_preprocessing_must_be_passed_again(small: Any, tmp_path: Path) -> None:
    def halved(images: Any) -> torch.Tensor:
        return torch.as_tensor(np.asarray(images)).movedim(-1, 1).float() / 510

    images, labels = toy_images(160, seed=2)
    model = toy_classifier()
    it = inn.wrap(model, "head:in", preprocess=halved)
    it.fit("labels", data=images, labels=labels["hue"], kinds={"label": "cyclic"}, **small)
    it.save(tmp_path / "it")
    with pytest.raises(inn.InnError, match=r"(Pass it again|preprocess)"):
        inn.load(tmp_path / "it", model).encode(images[:2])
    again = inn.load(tmp_path / "it", model, preprocess=halved)
    torch.testing.assert_close(again.encode(images[:2]), it.encode(images[:2]))
