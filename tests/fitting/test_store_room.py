"""Rows are stored in files of a known size where there is room, and are refused where there is none."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.errors import StoreError
from interpret_inn.fitting import rows as rows_module
from interpret_inn.fitting import shards
from interpret_inn.fitting.shards import ShardFolder, amount, free_bytes
from interpret_inn.fitting.store import encode

from .stand_ins import FakeBackbone, files


@pytest.mark.parametrize(("limit", "files_of"), [(120, 2), (119, 1), (1, 1), (None, 9)])
def test_a_file_holds_as_many_samples_as_fit_and_one_at_least(tmp_path, monkeypatch, limit, files_of):
    """Five rows of three axes take 60 bytes a sample."""
    if limit is not None:
        monkeypatch.setattr(shards, "SHARD_BYTES", limit)
    z = torch.randn(9, 5, 3)
    stored = encode(FakeBackbone("positions"), samples(z), cache=tmp_path)
    assert torch.equal(stored.all(), 2 * z)
    assert files(stored.folder) == [
        "manifest.json",
        *(f"rows-0000{shard}.safetensors" for shard in range(-(-9 // files_of))),
    ]


def test_files_are_about_64_mib():
    step = ShardFolder.plan(Path("here"), count=10**6, positions=4, width=256).step
    assert 60e6 < 4 * step * 4 * 256 < 70e6


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_folder_that_cannot_be_written_to(tmp_path, values, small_shards, monkeypatch, number):
    whole = Path.write_bytes

    def refuse(path, content):
        if "rows-00002" in path.name:
            whole(path, content[:20])
            raise OSError(number, "Permission denied")
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    why = "the disk is full" if number == errno.ENOSPC else "Permission denied"
    said = rf"in {tmp_path}.*: {why}. There are .* free, 800 bytes .* Type cache=None to keep them"
    with pytest.raises(StoreError, match=said):
        encode(FakeBackbone(), samples(values), cache=tmp_path)
    assert files(tmp_path) == ["rows-00000.safetensors", "rows-00001.safetensors"]


def test_too_little_room_is_seen_before_the_work(tmp_path, values, monkeypatch):
    monkeypatch.setattr(shards, "free_bytes", lambda path: 100)
    backbone = FakeBackbone()
    with pytest.raises(
        StoreError, match=r"disk is full. There are 100 bytes free, 800 bytes are needed in all"
    ):
        encode(backbone, samples(values), cache=tmp_path)
    assert backbone.seen == 1


@pytest.mark.parametrize("free", [539, 540, None])
def test_room_for_all_positions_is_needed_and_no_more(tmp_path, monkeypatch, free):
    monkeypatch.setattr(shards, "free_bytes", lambda path: free)
    maps = samples(torch.randn(9, 5, 3))
    if free != 539:
        assert len(encode(FakeBackbone("positions"), maps, cache=tmp_path)) == 9
        return
    with pytest.raises(StoreError, match="There are 539 bytes free, 540 bytes are needed in all"):
        encode(FakeBackbone("positions"), maps, cache=tmp_path)


def test_a_refusal_says_what_is_known(tmp_path, monkeypatch):
    folder = ShardFolder(tmp_path, 7, 1, 4, 7)
    assert f"stored in {tmp_path}: odd. There are " in str(folder.refused(OSError("odd")))
    monkeypatch.setattr(shards, "free_bytes", lambda path: None)
    said = str(folder.refused(OSError(errno.EACCES, "Not yours")))
    assert said.startswith(f"Representations cannot be stored in {tmp_path}: Not yours. Type cache=None")


def test_free_room_is_that_of_the_nearest_folder_that_is_there(tmp_path, monkeypatch):
    def usage(place):
        if place != tmp_path:
            raise OSError
        return SimpleNamespace(free=77)

    monkeypatch.setattr(shards.shutil, "disk_usage", usage)
    assert free_bytes(tmp_path / "not" / "there") == 77
    assert free_bytes(tmp_path.parent) is None


def test_a_file_in_the_way_of_the_folder(tmp_path, values):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StoreError, match="Type cache=None"):
        encode(FakeBackbone(), samples(values), cache=tmp_path / "cache")


def test_memory_that_does_not_suffice(tmp_path, values, monkeypatch):
    stored = encode(FakeBackbone(), samples(values), cache=tmp_path)
    monkeypatch.setattr(rows_module, "available_memory", lambda: 900)
    with pytest.raises(
        StoreError, match=r"All rows take 800 bytes, but 900 bytes of memory are free.*`.rows\(indices\)`"
    ):
        stored.all()
    for enough in (1000, None):
        monkeypatch.setattr(rows_module, "available_memory", lambda enough=enough: enough)
        assert len(encode(FakeBackbone(), samples(values), cache=tmp_path).all()) == 50
    with pytest.raises(
        StoreError,
        match=r'The rows take 1024\.0 TiB of memory, which is more than there is.\s+Type cache="auto"',
    ):
        rows_module.allocated(2**40, 2**8)


def test_amounts_are_readable():
    sizes = (5, 1023, 1024, 1000 * 2**10, 2**20, 1023 * 2**20, 2**30, 1000 * 2**30, 2**40, 2**50)
    assert [amount(size) for size in sizes] == [
        "5 bytes", "1023 bytes", "1.0 KiB", "1000.0 KiB", "1.0 MiB", "1023.0 MiB", "1.0 GiB", "1000.0 GiB",
        "1.0 TiB", "1024.0 TiB",
    ]  # fmt: skip
