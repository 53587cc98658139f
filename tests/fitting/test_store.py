"""Stored rows are those of the backbone, are computed once, and are read from files or memory."""

import json
import shutil

import pytest
import torch

from interpret_inn.data import cache_folder, samples
from interpret_inn.errors import DataError, StoreError
from interpret_inn.fitting import rows as rows_module
from interpret_inn.fitting.store import encode

from .stand_ins import Bare, FakeBackbone, FakeLayout, files


@pytest.mark.parametrize("cache", [None, "folder"])
@pytest.mark.parametrize("make", [samples, Bare])
@pytest.mark.parametrize("batch_size", ["auto", 1, 13])
def test_rows_are_those_of_the_backbone(tmp_path, values, small_shards, cache, make, batch_size):
    stored = encode(FakeBackbone(), make(values), batch_size=batch_size, cache=cache and tmp_path)

    assert (len(stored), stored.width, stored.positions) == (50, 4, None)
    assert stored.all().dtype == torch.float32
    assert torch.equal(stored.all(), 2 * values)
    assert torch.equal(stored.rows(torch.tensor([49, 0, 0])), 2 * values[[49, 0, 0]])
    assert stored.rows([]).shape == (0, 4)
    assert (stored.folder is None) == (cache is None)


def test_rows_are_picked_from_files_too_large_for_memory(tmp_path, values, small_shards, on_disk_only):
    stored = encode(FakeBackbone(), samples(values), cache=tmp_path)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1)).repeat(2)
    assert torch.equal(stored.rows(order), 2 * values[order])
    assert stored.rows(torch.tensor([], dtype=torch.int64)).shape == (0, 4)


@pytest.mark.parametrize(("most", "kept"), [(None, True), (800, True), (799, False)])
def test_rows_that_are_small_enough_are_read_once(tmp_path, values, monkeypatch, most, kept):
    if most is not None:
        monkeypatch.setattr(rows_module, "KEEP_BYTES", most)
    stored = encode(FakeBackbone(), samples(values), cache=tmp_path)
    stored.rows([0])
    shutil.rmtree(stored.folder)
    stored._maps.clear()  # what is mapped outlives its file
    if kept:
        assert torch.equal(stored.rows([7]), 2 * values[7:8])
    else:
        with pytest.raises(StoreError, match="cannot be read any more"):
            stored.rows([7])


@pytest.mark.parametrize("cache", [None, "folder"])
def test_positions_stay_apart(tmp_path, small_shards, cache):
    z = torch.randn(9, 5, 3)
    stored = encode(FakeBackbone("positions"), samples(z), cache=cache and tmp_path)
    assert (stored.width, stored.positions) == (3, 5)
    assert torch.equal(stored.all(), 2 * z)
    assert torch.equal(stored.rows([8, 1]), 2 * z[[8, 1]])
    assert repr(stored) == f"StoredRows(9 samples × 5 positions × 3 axes, {stored.folder or 'in memory'})"


def test_half_and_double_precision_are_stored_in_single(values):
    for dtype in (torch.float16, torch.float64):
        assert encode(FakeBackbone(dtype=dtype), samples(values), cache=None).all().dtype == torch.float32


def test_the_second_time_only_a_probe_is_run(tmp_path, values, small_shards):
    first, second = FakeBackbone(), FakeBackbone()
    encode(first, samples(values), cache=tmp_path)
    stored = encode(second, samples(values.clone()), cache=tmp_path)

    assert (first.seen, second.seen) == (51, 1)
    assert torch.equal(stored.all(), 2 * values)
    manifest = json.loads((stored.folder / "manifest.json").read_text())
    assert (manifest["site"], manifest["samples"], manifest["shards"]) == ("layer4", 50, 8)
    assert stored.folder.parent == tmp_path / "representations"


def test_whatever_rows_depend_on_is_in_the_key(tmp_path, values):
    def key(change=None, data=values):
        backbone = FakeBackbone()
        if change:
            change(backbone)
        return encode(backbone, samples(data), cache=tmp_path).folder

    def other_preprocess(backbone):
        backbone.preprocess.to_dict = lambda: {"mean": [0.0]}

    def other_preparation(backbone):
        backbone.prepare = lambda batch: torch.as_tensor(batch) + 1

    assert key() == key()
    others = [
        key(lambda backbone: setattr(backbone, "weights", "v")),
        key(lambda backbone: setattr(backbone, "address", "layer3")),
        key(lambda backbone: setattr(backbone, "layout", FakeLayout("flat"))),
        key(other_preprocess),
        key(other_preparation),
        key(data=values.flip(0)),
    ]
    assert len({key(), *others}) == 7


def test_an_interrupted_run_goes_on_after_its_last_whole_file(tmp_path, values, small_shards):
    broken = FakeBackbone()
    broken.stop_after = 30
    with pytest.raises(KeyboardInterrupt):
        encode(broken, samples(values), cache=tmp_path, batch_size=5)
    assert files(tmp_path) == [f"rows-0000{shard}.safetensors" for shard in range(3)]

    again = FakeBackbone()
    assert torch.equal(encode(again, samples(values), cache=tmp_path, batch_size=5).all(), 2 * values)
    assert again.seen == 1 + 50 - 3 * 7


def test_indices_outside(values):
    stored = encode(FakeBackbone(), samples(values), cache=None)
    for indices, found in (([-1, 50], "-1 to 50"), ([-1], "-1 to -1"), ([3, 50], "3 to 50")):
        with pytest.raises(DataError, match=f"indices from 0 to 49, found {found}"):
            stored.rows(indices)


def test_the_cache_is_the_users_or_the_named_one(tmp_path, values, monkeypatch):
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "mine"))
    stored = encode(FakeBackbone(), samples(values))
    assert stored.folder.is_relative_to(tmp_path / "mine" / "representations")
    monkeypatch.delenv("INTERPRET_INN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_folder().name == "interpret_inn"
