"""Inputs are encoded in batches that fit in memory, and inputs that cannot be encoded are named."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.data import samples
from interpret_inn.errors import BackboneError, DataError, InputError
from interpret_inn.fitting.store import encode
from interpret_inn.translating.encoding import reading_size

from .stand_ins import Bare, FakeBackbone, files


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
