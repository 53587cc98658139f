import errno
import json
import shutil
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.data import cache_folder, samples
from interpret_inn.errors import BackboneError, DataError, InnWarning, InputError, StoreError
from interpret_inn.fitting import rows as rows_module
from interpret_inn.fitting import shards
from interpret_inn.fitting.shards import Damaged, ShardFolder, amount, free_bytes
from interpret_inn.fitting.store import encode
from interpret_inn.translating.encoding import reading_size


@dataclass
class FakeLayout:
    name: str

    def to_rows(self, z):
        return (z.flatten(0, 1) if self.name == "positions" else z.flatten(1)), None


class FakePreprocess:
    def to_dict(self):
        return {"mean": [0.5]}


class FakeBackbone:
    """Doubles its inputs, and counts how many it saw."""

    name, address = "fake", "layer4"

    def __init__(self, layout="vector", factor=2.0, most=None, dtype=torch.float32):
        self.layout, self.preprocess = FakeLayout(layout), FakePreprocess()
        self.factor, self.most, self.dtype = factor, most, dtype
        self.seen, self.sizes, self.weights = 0, [], "w"
        self.stop_after = None

    def session(self):
        return nullcontext()

    def prepare(self, batch):
        return torch.as_tensor(np.asarray(batch))

    def represent(self, prepared):
        if self.most is not None and len(prepared) > self.most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        self.seen += len(prepared)
        self.sizes.append(len(prepared))
        if self.stop_after is not None and self.seen > self.stop_after:
            raise KeyboardInterrupt
        return prepared.to(self.dtype) * self.factor

    def fingerprint(self):
        return self.weights


class Bare:
    """Samples of a plugin that know only what the protocol asks for."""

    groups = names = None
    skipped = ()

    def __init__(self, values, says=None):
        self.values, self.says = values, says

    def __len__(self):
        return self.says or len(self.values)

    def batches(self, batch_size):
        yield from self.values.split(batch_size)

    def take(self, indices):
        return self.values[indices]

    def fingerprint(self):
        return "bare"


@pytest.fixture
def values():
    return torch.randn(50, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 7 * 4 * 4)  # seven samples of four axes


@pytest.fixture
def on_disk_only(monkeypatch):
    monkeypatch.setattr(rows_module, "KEEP_BYTES", 0)


def files(folder):
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


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


def test_the_batch_is_halved_when_memory_runs_out(values):
    backbone = FakeBackbone(most=9)
    assert torch.equal(encode(backbone, samples(values), cache=None).all(), 2 * values)
    assert backbone.sizes[1:8] == [8] * 6 + [2]  # 64 → 32 → 16 → 8

    with pytest.raises(
        BackboneError, match=r'16 inputs at a time do not fit in memory. Type batch_size="auto"'
    ):
        encode(FakeBackbone(most=9), samples(values), cache=None, batch_size=16)
    backbone = FakeBackbone()
    backbone.represent = lambda prepared: (_ for _ in ()).throw(MemoryError())
    with pytest.raises(BackboneError, match="Not even one input at a time fits in memory"):
        encode(backbone, samples(values), cache=None)


def test_an_input_at_fault_is_named_rightly_after_the_batch_was_halved(values):
    class Choosy(FakeBackbone):
        def prepare(self, batch):
            if bool((torch.as_tensor(batch) == 7).any()):
                raise InputError("Expected anything but 7.")
            return super().prepare(batch)

    many = values.repeat(2, 1)
    many[85] = 7  # in the second batch that is read, and not in its first part
    named = samples(many)
    named.names = [f"{index}.png" for index in range(len(many))]
    with pytest.raises(InputError, match=r"Input '85.png' of the data: Expected anything but 7"):
        encode(Choosy(most=9), named, cache=None)
    many[1] = 7  # in the first batch the backbone's own words are right
    with pytest.raises(InputError, match=r"^Expected anything but 7\.$"):
        encode(Choosy(), samples(many), cache=None)


def test_not_even_one_fits(values):
    backbone = FakeBackbone(most=1)
    run = backbone.represent
    calls = iter(range(100))
    backbone.represent = lambda prepared: run(prepared if next(calls) == 0 else prepared.repeat(2, 1))
    with pytest.raises(BackboneError, match=r"Not even one input at a time fits in memory. Choose a smaller"):
        encode(backbone, samples(values), cache=None)


def test_other_errors_of_the_model_come_through(values):
    backbone = FakeBackbone()
    backbone.represent = lambda prepared: (_ for _ in ()).throw(RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        encode(backbone, samples(values), cache=None)


def test_large_inputs_and_loaders_choose_the_batch(values, monkeypatch):
    from interpret_inn.translating import encoding

    monkeypatch.setattr(encoding, "BATCH_BYTES", 5 * 4 * 4)
    backbone = FakeBackbone()
    encode(backbone, samples(values), cache=None)
    assert backbone.sizes[1] == 5

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(values), batch_size=11)
    backbone = FakeBackbone()
    encode(backbone, samples(loader), cache=None)
    assert backbone.sizes[1] == 11


@pytest.mark.parametrize(
    ("first", "size"),
    [
        (np.broadcast_to(np.uint8(0), (1, 2**20)), 64),
        (np.broadcast_to(np.uint8(0), (1, 2**23)), 32),
        (np.broadcast_to(np.uint8(0), (1, 2**29)), 1),
        ([Image.new("L", (2048, 1024))], 42),  # 6 MiB once it is RGB
        (np.zeros((1, 0)), 64),
    ],
)
def test_so_many_inputs_are_read_at_a_time_as_take_256_mib(values, first, size):
    assert reading_size(samples(values), first, "auto") == size


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_the_first_five_that_are_not_finite_are_named(values, count, more):
    many = values.repeat(2, 1)
    many[66 : 66 + count] = float("nan")
    named = samples(many)
    named.names = [f"{index}.png" for index in range(len(many))]
    said = rf"the inputs '66.png', '67.png', '68.png', '69.png', '70.png'{more}\. Look"
    with pytest.raises(InputError, match=said):
        encode(FakeBackbone(), named, cache=None)


def test_representations_that_are_not_finite_are_named(tmp_path, values):
    values[[3, 20]] = float("nan")
    with pytest.raises(InputError, match=r"NaN or infinity for the inputs 3, 20. Look at these inputs"):
        encode(FakeBackbone(), samples(values), cache=tmp_path)
    assert files(tmp_path) == []
    named = samples(values[20:])
    named.names = [f"{index}.png" for index in range(30)]
    with pytest.raises(InputError, match=r"the inputs '0.png'"):
        encode(FakeBackbone(), named, cache=None)


def test_random_preprocessing_is_refused(values):
    backbone = FakeBackbone()
    backbone.prepare = lambda batch: batch + torch.rand(())
    with pytest.raises(InputError, match="The preprocessing gives something else every time"):
        encode(backbone, samples(values), cache=None)


def test_samples_that_miscount_are_refused(values):
    with pytest.raises(DataError, match="Expected 60 inputs from the samples, found the end at 50"):
        encode(FakeBackbone(), Bare(values, says=60), cache=None)


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, "large", True])
def test_batch_sizes_that_are_none(values, batch_size):
    with pytest.raises(InputError, match=r'Expected batch_size="auto" or a number from 1, found'):
        encode(FakeBackbone(), samples(values), cache=None, batch_size=batch_size)


def test_indices_outside(values):
    stored = encode(FakeBackbone(), samples(values), cache=None)
    for indices, found in (([-1, 50], "-1 to 50"), ([-1], "-1 to -1"), ([3, 50], "3 to 50")):
        with pytest.raises(DataError, match=f"indices from 0 to 49, found {found}"):
            stored.rows(indices)


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


def test_progress_is_counted_and_closed(values):
    class Bar:
        done, closed = 0, False

        def update(self, count):
            self.done += count

        def close(self):
            self.closed = True

    bar, asked = Bar(), []
    encode(FakeBackbone(), samples(values), cache=None, progress=lambda *given: asked.append(given) or bar)
    assert (asked, bar.done, bar.closed) == ([(50, "encoding")], 50, True)
    encode(FakeBackbone(), samples(values), cache=None, progress=None)


def test_the_cache_is_the_users_or_the_named_one(tmp_path, values, monkeypatch):
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "mine"))
    stored = encode(FakeBackbone(), samples(values))
    assert stored.folder.is_relative_to(tmp_path / "mine" / "representations")
    monkeypatch.delenv("INTERPRET_INN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_folder().name == "interpret_inn"


def test_amounts_are_readable():
    sizes = (5, 1023, 1024, 1000 * 2**10, 2**20, 1023 * 2**20, 2**30, 1000 * 2**30, 2**40, 2**50)
    assert [amount(size) for size in sizes] == [
        "5 bytes", "1023 bytes", "1.0 KiB", "1000.0 KiB", "1.0 MiB", "1023.0 MiB", "1.0 GiB", "1000.0 GiB",
        "1.0 TiB", "1024.0 TiB",
    ]  # fmt: skip
