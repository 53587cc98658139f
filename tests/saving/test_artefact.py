"""Artefacts: what was saved comes back, and what is damaged, newer or another's is refused by name."""

import dataclasses
import errno
import hashlib
import json
import pickle
import shutil

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn import saving
from interpret_inn.backbones import Backbone, Preprocess
from interpret_inn.errors import ArtefactError, InnError
from interpret_inn.explaining.records import plain
from interpret_inn.saving import artefact as module
from interpret_inn.testing import toy_classifier
from interpret_inn.testing.contract import same
from interpret_inn.types import Note, Remark

FILES = ["checksums.json", "evaluation.json", "interpreter.json", "tensors.safetensors"]


@pytest.fixture(scope="module")
def saved(toy, tmp_path_factory):
    """The shared interpreter, saved once; tests that do harm copy the folder."""
    path = tmp_path_factory.mktemp("saved") / "interpreter"
    toy.interpreter.save(path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def rewrite(folder, name, change):
    """Changes one of the JSON files, and puts its checksum right."""
    about = json.loads((folder / name).read_text())
    change(about)
    (folder / name).write_text(json.dumps(about))
    sums = json.loads((folder / "checksums.json").read_text())
    sums[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


# --- the round trip ---------------------------------------------------------------------------------


def test_an_interpreter_comes_back_bit_for_bit(toy, saved):
    assert names(saved) == FILES
    loaded = inn.load(saved, toy.model)
    codes = toy.interpreter.encode(toy.fresh[:20])
    assert torch.equal(loaded.encode(toy.fresh[:20]), codes)
    assert torch.equal(loaded.invert(codes), toy.interpreter.invert(codes))
    assert torch.equal(loaded.run(toy.fresh[:4]), toy.interpreter.run(toy.fresh[:4]))
    edit = inn.edits.resample("shape", seed=3)
    assert torch.equal(loaded.run(toy.fresh[:4], edit), toy.interpreter.run(toy.fresh[:4], edit))
    assert torch.equal(
        loaded.traverse(toy.fresh[:2], "hue", 3), toy.interpreter.traverse(toy.fresh[:2], "hue", 3)
    )


def test_everything_about_the_fit_comes_back(toy, saved):
    mine, theirs = toy.interpreter.fitted, inn.load(saved, toy.model).fitted
    for name, value in vars(mine).items():
        found = getattr(theirs, name)
        if name == "network":
            assert same(dict(found.state_dict()), dict(value.state_dict()))
            assert not found.training
            assert not any(parameter.requires_grad for parameter in found.parameters())
        elif name == "factors":
            assert list(found) == list(value)
        else:
            assert same(found, value), name
            assert type(found) is type(value) or name == "raw_scores"
    for one, other in zip(mine.concepts, theirs.concepts, strict=True):
        assert one.values.dtype == other.values.dtype


def test_the_evaluation_comes_back(toy, saved):
    loaded = inn.load(saved, toy.model)
    assert same(loaded.evaluation, toy.interpreter.evaluation)
    assert plain(loaded.evaluation) == plain(toy.interpreter.evaluation)


def test_a_loaded_interpreter_is_saved_again_as_the_same_files(toy, saved, tmp_path):
    inn.load(saved, toy.model).save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_numbers_of_numpy_are_saved_as_numbers(toy, tmp_path):
    module._write_json(tmp_path / "numbers.json", {"a": np.int64(3), "b": np.float32(0.5), "c": tmp_path})
    read = json.loads((tmp_path / "numbers.json").read_text())
    assert read == {"a": 3, "b": 0.5, "c": str(tmp_path)}


def test_loading_draws_from_no_global_generator(toy, saved):
    before = torch.get_rng_state()
    inn.load(saved, toy.model)
    assert torch.equal(before, torch.get_rng_state())


def test_nothing_is_pickled(toy, saved, monkeypatch):
    """Neither here nor deep in torch: the files are JSON and safetensors, and loading runs no code."""

    def refuse(*arguments, **options):
        raise AssertionError("pickle was called")

    for name in ("load", "loads", "Unpickler", "dump", "dumps", "Pickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    inn.load(saved, toy.model)
    for name in FILES:
        content = (saved / name).read_bytes()
        if name.endswith(".json"):
            json.loads(content)
        else:  # safetensors: the length of a JSON header, the header, and bytes
            json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_the_model_and_the_images_are_not_in_it(saved):
    assert sum(path.stat().st_size for path in saved.iterdir()) < 1_000_000
    about = json.loads((saved / "interpreter.json").read_text())
    assert about["format"] == 2
    assert about["site"] == "head:in"
    assert set(about["factors"]) == {"shape", "hue", "residual"}


# --- where it may be written ------------------------------------------------------------------------


def test_an_artefact_is_replaced_and_folders_are_made(toy, saved, copy, tmp_path, folder_state):
    (copy / "tensors.safetensors").write_bytes(b"damaged")
    toy.interpreter.save(copy)
    inn.load(copy, toy.model)
    toy.interpreter.save(tmp_path / "a" / "b")
    (tmp_path / "empty").mkdir()
    toy.interpreter.save(str(tmp_path / "empty"))
    assert folder_state(tmp_path) == sorted(
        f"{place}/{name}" for place in ("a/b", "copy", "empty") for name in FILES
    )


def test_a_link_to_a_folder_is_followed(toy, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    toy.interpreter.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == FILES


@pytest.mark.parametrize("content", ["file", "folder", "artefact and more"])
def test_what_is_something_else_is_not_replaced(toy, copy, tmp_path, folder_state, content):
    place = tmp_path / "place"
    if content == "file":
        place.write_text("mine")
    elif content == "folder":
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    else:
        place = copy
        (place / "mine.txt").write_text("mine")
    before = folder_state(tmp_path)
    with pytest.raises(
        ArtefactError, match=r"new folder or an artefact to replace, found something else at .*/"
    ):
        toy.interpreter.save(place)
    assert folder_state(tmp_path) == before


@pytest.mark.parametrize("replaces", [True, False])
def test_a_full_disk_leaves_nothing_new_and_the_old_one_whole(
    toy, saved, copy, tmp_path, monkeypatch, folder_state, replaces
):
    before = folder_state(tmp_path)

    def full(tensors, path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    target = copy if replaces else tmp_path / "new"
    with pytest.raises(
        ArtefactError, match=r"could not be saved at .*No space left on device. Free some space or"
    ):
        toy.interpreter.save(target)
    assert folder_state(tmp_path) == before
    inn.load(copy, toy.model)


def test_a_place_that_cannot_be_made_is_named(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match=r"could not be saved at .*file/deeper: .* give another path"):
        toy.interpreter.save(tmp_path / "file" / "deeper")


def test_the_old_one_is_put_back_where_the_new_one_cannot_take_its_place(toy, copy, tmp_path, monkeypatch):
    replace = module.Path.replace

    def busy(self, target):
        if self.name == "fresh":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return replace(self, target)

    monkeypatch.setattr(module.Path, "replace", busy)
    with pytest.raises(ArtefactError, match="could not be saved"):
        toy.interpreter.save(copy)
    monkeypatch.undo()
    inn.load(copy, toy.model)
    assert names(tmp_path) == ["copy"]


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["nowhere", "folder", "file"])
def test_where_nothing_was_saved(toy, tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ArtefactError, match=r"Expected a saved interpreter at .*, found none. Give the folder"
    ):
        inn.load(tmp_path / place, toy.model)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied", "removed"])
def test_damage_is_named(toy, copy, name, harm):
    path = copy / name
    content = bytearray(path.read_bytes())
    if harm == "removed":
        path.unlink()
    elif harm == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(content[: 0 if harm == "emptied" else len(content) // 2])
    text = "found none" if (name, harm) == ("checksums.json", "removed") else "is damaged: .* or fit anew"
    with pytest.raises(ArtefactError, match=text):
        inn.load(copy, toy.model)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.pop("flow"),
        lambda about: about["flow"].update(hidden=7),
        lambda about: about.update(factors=[1]),
        lambda about: about["settings"].update(steps=0),
        lambda about: about["settings"].update(unheard_of=0),
        lambda about: about.update(format="new"),
        lambda about: about.update(format=0),
        lambda about: about.update(site=["head"]),
        lambda about: about["model"].update(name=3),
        lambda about: about["model"].update(class_names="abc"),
        lambda about: about["model"].update(class_names=["a", {"class_path": "os.system"}]),
        lambda about: about.update(backbone="generator"),
        lambda about: about.update(backbone={"kind": "generator", "options": [], "lost": []}),
        lambda about: about.update(preprocess={"mode": "os.system"}),
        lambda about: about["preprocess"].update(function="os.system"),
        lambda about: about["preprocess"].update(crop_pct="all"),
    ],
)
def test_contents_that_do_not_fit_are_named_too(toy, copy, change):
    rewrite(copy, "interpreter.json", change)
    with pytest.raises(ArtefactError, match=r"(?s)is damaged: .* Copy it again or fit anew"):
        inn.load(copy, toy.model)


def test_a_newer_format_is_refused_whatever_else_it_holds(toy, copy):
    def change(about):
        about.clear()
        about.update(format=3, library="9.1")

    rewrite(copy, "interpreter.json", change)
    with pytest.raises(ArtefactError) as caught:
        inn.load(copy, toy.model)
    assert str(caught.value) == (
        f"The interpreter at {copy} has format 3, written by version 9.1; this version reads up to 2. "
        "Type pip install -U interpret-inn."
    )


def test_other_weights_are_refused_with_both_sides_named(toy, saved):
    other = toy_classifier()
    with torch.no_grad():
        other.head.bias[0] += 1e-3
    expected, found = (Backbone(model, "head:in").fingerprint()[:16] for model in (toy.model, other))
    with pytest.raises(
        ArtefactError,
        match=f"fitted for other weights: expected {expected}, found {found}. Load it with the model",
    ):
        inn.load(saved, other)


def test_another_model_is_refused_with_both_sides_named(toy, saved):
    class Wider(type(toy.model)):
        def __init__(self):
            super().__init__()
            self.more = torch.nn.Linear(1, 1)

    with pytest.raises(
        ArtefactError, match=r"another model: expected .*ToyClassifier, .* found .*Wider, .*param"
    ):
        inn.load(saved, Wider())


def test_a_model_without_the_site_is_another_model(saved):
    with pytest.raises(
        ArtefactError, match=r"another model: expected .*ToyClassifier, .* found Linear: Linear has"
    ):
        inn.load(saved, torch.nn.Linear(2, 2))


def test_other_preprocessing_is_refused_with_both_sides_named(toy, saved):
    with pytest.raises(ArtefactError, match=r"other preprocessing: expected .*pictures.*, found .*identity"):
        inn.load(saved, toy.model, preprocess="identity")


def test_another_site_is_refused_with_both_sides_named(toy, saved):
    about = saving.read_artefact(saved).about
    with pytest.raises(ArtefactError, match="another site: expected head:in, found features"):
        saving.refuse_mismatch(saved, about, Backbone(toy.model, "features", preprocess=Preprocess()))


def test_a_preprocessing_function_must_be_given_again(toy, tmp_path):
    def halved(batch):
        return torch.as_tensor(np.asarray(batch)).movedim(-1, 1).float() / 510

    backbone = Backbone(toy.model, "head:in", preprocess=halved)
    path = tmp_path / "saved"
    saving.write_artefact(path, backbone, toy.interpreter.fitted, toy.interpreter.evaluation)
    with pytest.raises(InnError, match="halved"):
        inn.load(path, toy.model)
    assert inn.load(path, toy.model, preprocess=halved).encode(toy.fresh[:2]).shape == (2, 32)


def test_notes_keep_their_kinds(toy, tmp_path):
    notes = ("Plain.", Remark("Set."), Note("a is fixed by b.", "fixed", ("a", "b")))
    fitted = dataclasses.replace(toy.interpreter.fitted, notes=notes)
    saving.write_artefact(tmp_path / "saved", toy.interpreter.backbone, fitted, toy.interpreter.evaluation)
    found = inn.load(tmp_path / "saved", toy.model).fitted.notes
    assert found == notes
    assert [type(note) for note in found] == [str, Remark, Note]
    assert (found[2].kind, found[2].concepts) == ("fixed", ("a", "b"))
