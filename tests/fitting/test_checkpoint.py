"""Checkpoints: one file, whole or not at all, of this very fit or refused."""

import errno
import math

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from interpret_inn.errors import FitError
from interpret_inn.fitting import checkpoint as module
from interpret_inn.fitting.checkpoint import Checkpoint, flatten_optimizer, restore_optimizer

TENSORS = {"weights": torch.arange(6.0).reshape(2, 3).T, "generator": torch.Generator().get_state()}
STATE = {"step": 3, "best": math.inf, "history": [[1, 0.1, math.nan]]}


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "deep" / "fit.safetensors", "key")


def test_what_was_written_is_read(checkpoint):
    checkpoint.write(TENSORS, STATE)
    tensors, state = checkpoint.read()
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert state["step"] == 3
    assert state["best"] == math.inf
    assert math.isnan(state["history"][0][2])
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["fit.safetensors"]


def test_floats_come_back_to_the_last_bit(checkpoint):
    value = 0.1 + 0.2
    checkpoint.write({}, {"best": value, "sum": 1e-310})
    assert checkpoint.read()[1] == {"best": value, "sum": 1e-310}


def test_without_a_file_there_is_nothing_to_read(checkpoint):
    assert checkpoint.read() is None
    checkpoint.remove()
    checkpoint.write(TENSORS, STATE)
    checkpoint.remove()
    assert checkpoint.read() is None


def test_another_fits_checkpoint_is_refused(checkpoint):
    checkpoint.write(TENSORS, STATE)
    with pytest.raises(
        FitError, match=r"belongs to another fit \(other data, model, settings or seed\)\. Give"
    ):
        Checkpoint(checkpoint.path, "another").read()


def garbled(path):
    path.write_bytes(b"nonsense")


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def someone_elses(path):
    save_file({"x": torch.zeros(2)}, path)


def without_a_key(path):
    save_file({"x": torch.zeros(2)}, path, {"interpret_inn": "{}"})


def without_an_object(path):
    save_file({"x": torch.zeros(2)}, path, {"interpret_inn": "[1]"})


@pytest.mark.parametrize("damage", [garbled, cut, someone_elses, without_a_key, without_an_object])
def test_a_damaged_checkpoint_is_named(checkpoint, damage):
    checkpoint.write(TENSORS, STATE)
    damage(checkpoint.path)
    with pytest.raises(
        FitError, match=r"checkpoint .*fit.safetensors cannot be read: .* Remove it to begin anew"
    ):
        checkpoint.read()


@pytest.mark.parametrize("place", ["file/fit.safetensors", "file/deeper/fit.safetensors"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        FitError, match=r"could not be written: .*\. Free some space, give another place with fit\("
    ):
        Checkpoint(tmp_path / place, "key").write(TENSORS, STATE)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_full_disk_leaves_the_last_checkpoint_and_no_litter(checkpoint, monkeypatch):
    checkpoint.write(TENSORS, STATE)

    def full(tensors, path, header):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(FitError, match=r"could not be written: .*No space left on device.*checkpoint=None"):
        checkpoint.write(TENSORS, STATE | {"step": 4})
    assert checkpoint.read()[1]["step"] == 3
    assert len(list(checkpoint.path.parent.iterdir())) == 1


def stepped(optimizer, parameters):
    optimizer.zero_grad()
    sum(p.square().sum() for p in parameters).backward()
    optimizer.step()


def test_an_optimiser_goes_on_where_it_was():
    def made():
        module = nn.Linear(3, 2)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(1.0)
        parameters = list(module.parameters())
        return parameters, torch.optim.AdamW(parameters, lr=0.1, fused=True)

    (one, first), (other, second) = made(), made()
    assert flatten_optimizer(first) == {}
    restore_optimizer(second, {})
    stepped(first, one)
    with torch.no_grad():
        for a, b in zip(one, other, strict=True):
            b.copy_(a)
    stored = {name: tensor.clone() for name, tensor in flatten_optimizer(first).items()}
    restore_optimizer(second, {"now.weight": torch.zeros(1), **stored})
    stepped(first, one)
    stepped(second, other)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
