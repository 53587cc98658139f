"""Stored rows that are damaged, gone, or not what the model gives now are computed again."""

import shutil
import warnings

import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.errors import InnWarning, StoreError
from interpret_inn.fitting.shards import Damaged, ShardFolder
from interpret_inn.fitting.store import encode

from .stand_ins import Bare, FakeBackbone


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def overwrite(path):
    path.write_text("not ours")


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, overwrite, empty])
@pytest.mark.parametrize("make", [samples, Bare])
@pytest.mark.parametrize("batch_size", ["auto", 5])
def test_a_damaged_file_is_computed_again_and_said(tmp_path, values, small_shards, damage, make, batch_size):
    folder = encode(FakeBackbone(), make(values), cache=tmp_path).folder
    damage(folder / "rows-00002.safetensors")
    again = FakeBackbone()
    with pytest.warns(
        InnWarning, match=r"Stored rows are damaged and computed again: rows-00002.safetensors"
    ):
        stored = encode(again, make(values), cache=tmp_path, batch_size=batch_size)

    assert torch.equal(stored.all(), 2 * values)
    assert again.seen == 1 + 7


def test_what_is_wrong_with_a_file_is_told(tmp_path):
    folder = ShardFolder(tmp_path, 7, 1, 4, 7)
    assert not folder.check(0)
    rows = torch.randn(7, 1, 4)
    folder.write(0, rows)
    assert folder.check(0)
    whole = folder.file(0).read_bytes()
    number = int.from_bytes(b"not ours", "little")

    def refused(content):
        folder.file(0).write_bytes(content)
        with pytest.raises(Damaged) as caught:
            folder.check(0)
        return str(caught.value)

    name = "rows-00000.safetensors"
    assert refused(whole[:-4]) == f"{name} has {len(whole) - 4} bytes, not {len(whole)}"
    assert refused(whole + b"more") == f"{name} has {len(whole) + 4} bytes, not {len(whole)}"
    assert refused(b"not ours" + whole) == f"{name} begins with a heading of {number} bytes"
    assert refused(b"\x02" + bytes(7) + b"{}") == f"{name} is no safetensors file of ours"
    assert refused(whole[:-1] + bytes([whole[-1] ^ 1])) == f"{name} does not hold what was written to it"
    assert refused(whole.replace(b"[0,112]", b"[4,112]")).startswith(f"{name} has {len(whole)} bytes")
    assert refused(whole.replace(b"F32", b"I32")) == f"{name} holds I32 [7, 1, 4], not F32 [7, 1, 4]"
    other = ShardFolder(tmp_path, 7, 2, 2, 7)
    other.write(0, rows.reshape(7, 2, 2))
    with pytest.raises(Damaged, match=r"holds F32 \[7, 2, 2\], not F32 \[7, 1, 4\]"):
        folder.check(0)


def test_files_that_are_gone_are_computed_again(tmp_path, values, small_shards):
    folder = encode(FakeBackbone(), samples(values), cache=tmp_path).folder
    for shard in (0, 1, 5):
        (folder / f"rows-0000{shard}.safetensors").unlink()
    again = FakeBackbone()
    assert torch.equal(encode(again, samples(values), cache=tmp_path).all(), 2 * values)
    assert again.seen == 1 + 3 * 7


def test_neighbouring_files_are_computed_in_one_run(tmp_path, values, small_shards):
    folder = encode(FakeBackbone(), samples(values), cache=tmp_path).folder
    for shard in (0, 2, 4, 5, 6):
        (folder / f"rows-0000{shard}.safetensors").unlink()
    again = FakeBackbone()
    assert torch.equal(encode(again, samples(values), cache=tmp_path, batch_size=21).all(), 2 * values)
    assert again.sizes == [1, 7, 7, 21]


def test_rows_may_differ_by_what_reduced_precision_changes(tmp_path, values):
    encode(FakeBackbone(), samples(values), cache=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(
            encode(FakeBackbone(factor=2.03), samples(values), cache=tmp_path).all(), 2 * values
        )
        encode(FakeBackbone(), samples(values * 0), cache=tmp_path)
        encode(FakeBackbone(), samples(values * 0), cache=tmp_path)
    with pytest.warns(InnWarning, match="not what the model gives now"):
        encode(FakeBackbone(factor=2.05), samples(values), cache=tmp_path)


def test_a_model_whose_forward_changed_is_noticed(tmp_path, values, small_shards):
    encode(FakeBackbone(), samples(values), cache=tmp_path)
    with pytest.warns(InnWarning, match="not what the model gives now, though its weights are the same"):
        stored = encode(FakeBackbone(factor=3.0), samples(values), cache=tmp_path)
    assert torch.equal(stored.all(), 3 * values)


def test_a_file_that_goes_after_the_check_is_named(tmp_path, values, on_disk_only):
    stored = encode(FakeBackbone(), samples(values), cache=tmp_path)
    shutil.rmtree(stored.folder)
    with pytest.raises(StoreError, match=r"rows-00000.safetensors cannot be read any more .* Encode again"):
        stored.rows([0])
