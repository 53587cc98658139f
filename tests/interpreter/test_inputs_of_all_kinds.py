"""Inputs come as tensors, arrays, Datasets, DataLoaders, streams and folders, and mean the same."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import interpret_inn as inn


class Items(Dataset[Any]):
    def __init__(self, images: Any) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], index % 3


class Stream(IterableDataset[Any]):
    """Comes in another order each time it is read."""

    def __init__(self, images: Any) -> None:
        self.images, self.reads = images, 0

    def __iter__(self) -> Iterator[Any]:
        self.reads += 1
        order = range(len(self.images)) if self.reads % 2 else reversed(range(len(self.images)))
        return (self.images[i] for i in order)


@pytest.fixture
def folder(toy: Any, tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for index, image in enumerate(toy.fresh):
        Image.fromarray(image).save(made / f"{index:03d}.png")
    return made


KINDS: dict[str, Callable[[Any], Any]] = {
    "uint8 tensor": lambda images: torch.from_numpy(images).movedim(-1, 1),
    "float tensor": lambda images: torch.from_numpy(images).movedim(-1, 1).float() / 255,
    "float array": lambda images: images.astype(np.float32) / 255,
    "list of arrays": list,
    "list of pictures": lambda images: [Image.fromarray(image) for image in images],
    "images and labels": lambda images: (images, np.arange(len(images))),
    "data set": Items,
    "tensor data set": lambda images: TensorDataset(torch.from_numpy(images)),
    "loader": lambda images: DataLoader(Items(images), batch_size=40),
    "shuffling loader": lambda images: DataLoader(Items(images), batch_size=40, shuffle=True),
    "stream": Stream,
    "loader of a stream": lambda images: DataLoader(Stream(images), batch_size=40),
    "iterator": lambda images: iter(list(images)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_all_kinds_of_inputs_give_the_same_codes_outputs_and_traversals(
    kind: str, toy: Any, request: Any
) -> None:
    def inputs() -> Any:
        return request.getfixturevalue("folder") if kind == "folder" else KINDS[kind](toy.fresh)

    it, edit = toy.interpreter, inn.edits.add("shape", 1.0)
    close = {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(it.encode(inputs()), it.encode(toy.fresh), **close)
    torch.testing.assert_close(it.run(inputs()), it.run(toy.fresh), **close)
    torch.testing.assert_close(it.traverse(inputs(), "hue", 2), it.traverse(toy.fresh, "hue", 2), **close)
    assert it.check(inputs()).samples == 150
    edited = it.run(inputs(), edit)
    assert edited.shape == (150, 3)
    torch.testing.assert_close(edited, it.run(toy.fresh, edit), **close)


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_all_kinds_of_inputs_can_be_explained(kind: str, toy: Any, request: Any) -> None:
    inputs = request.getfixturevalue("folder") if kind == "folder" else KINDS[kind](toy.fresh)
    explanation = toy.interpreter.explain(inputs, examples=4, resamples=2, localizer=None)
    assert len(explanation.examples) == 4
    assert all(example.picture is not None for example in explanation.examples)
    assert explanation.checks.passed
    assert explanation.checks.samples >= 128
    names = {example.name for example in explanation.examples}
    assert len(names) == 4
    assert (kind == "folder") == all(name.endswith(".png") for name in names)
    positions = explanation.neighbours["shape"].indices
    assert positions.min() >= 0
    assert positions.max() < 150


def test_a_stream_that_changes_its_order_is_edited_in_step(toy: Any) -> None:
    """Codes and inputs must be of one reading, else images would get each other's codes."""
    stream = Stream(toy.fresh)
    outputs = toy.interpreter.run(stream, inn.edits.add("shape", 0.0))
    assert stream.reads == 1
    torch.testing.assert_close(outputs, toy.interpreter.run(toy.fresh), atol=1e-3, rtol=1e-3)


def test_a_stream_without_end_is_explained_by_its_beginning(toy: Any) -> None:
    explanation = toy.interpreter.explain(
        itertools.cycle(list(toy.fresh)), examples=2, resamples=1, localizer=None
    )
    assert explanation.neighbours["hue"].indices.max() < 512


def test_fitting_from_a_loader_uses_its_labels(toy: Any, small: dict[str, Any]) -> None:
    pairs = [(image, int(label)) for image, label in zip(toy.images, toy.labels["shape"], strict=True)]
    loader = DataLoader(pairs, batch_size=32, shuffle=True, collate_fn=None)  # type: ignore[arg-type]
    it = inn.wrap(toy.model, "head:in").fit("labels", data=loader, **small)
    assert it.factors.names == ("label", "residual")
    assert sum(it.fitted.split) == 400
    with_arrays = inn.wrap(toy.model, "head:in").fit(
        "labels", data=toy.images, labels=toy.labels["shape"], **small
    )
    torch.testing.assert_close(
        it.encode(toy.fresh[:5]), with_arrays.encode(toy.fresh[:5]), atol=1e-3, rtol=1e-3
    )


def test_fitting_from_a_stream_is_refused(toy: Any, small: dict[str, Any]) -> None:
    with pytest.raises(
        inn.DataError, match=r"Expected data that can be read again and again.*found a stream \(Stream\)"
    ):
        inn.wrap(toy.model, "head:in").fit("labels", data=Stream(toy.images), **small)


class Augmented(Items):
    def __getitem__(self, index: int) -> tuple[Any, int]:
        noise = torch.randint(0, 9, self.images[index].shape, dtype=torch.uint8).numpy()
        return self.images[index] + noise, index % 3


def test_random_augmentation_is_noticed(toy: Any, small: dict[str, Any]) -> None:
    with pytest.raises(
        inn.DataError, match=r"change from read to read.*random augmentation.*without random transforms"
    ):
        inn.wrap(toy.model, "head:in").fit("labels", data=Augmented(toy.images), **small)


def test_only_so_many_inputs_are_looked_at_spread_over_all(toy: Any) -> None:
    from interpret_inn.explaining.survey import survey

    found = survey(toy.interpreter.translator, toy.fresh, resamples=1, examples=3, most=20)
    assert len(found.names) == 20
    assert {"0", "149"} <= set(found.names)


@pytest.mark.parametrize(
    "inputs", [np.zeros((0, 24, 24, 3), np.uint8), [], torch.zeros(0, 3, 24, 24), iter([])]
)
def test_no_inputs_are_refused(inputs: Any, toy: Any) -> None:
    for call in (toy.interpreter.encode, toy.interpreter.explain, toy.interpreter.check, toy.interpreter.run):
        with pytest.raises((inn.DataError, inn.InputError), match="at least one input"):
            call(inputs)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (
            np.full((3, 24, 24, 3), 3.0, np.float32),
            r"values in \[0, 1\].*found 3 to 3.*preprocess='identity'",
        ),
        (
            np.full((3, 24, 24, 3), np.nan, np.float32),
            r"found NaN or infinity in 3 of 3 inputs \(indices 0, 1, 2\)",
        ),
        (torch.zeros(3, 24), "Expected"),
        (torch.zeros(3, 5, 24, 24), r"Expected|raised on inputs"),
        (torch.zeros(3, 1, 24, 24), r"Expected|raised on inputs"),
        (5, "Expected an array or tensor"),
        ("nowhere/at/all", "there is nothing at nowhere/at/all"),
        (b"bytes", "found bytes"),
        ({"a": 1}, "found dict"),
        ([object()], "found object as item 0"),
    ],
)
def test_inputs_that_are_none_say_what_was_found(inputs: Any, text: str, toy: Any) -> None:
    before = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in toy.model.modules()]
    for call in (toy.interpreter.encode, toy.interpreter.explain, toy.interpreter.check, toy.interpreter.run):
        with pytest.raises(inn.InnError, match=text):
            call(inputs)
    after = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in toy.model.modules()]
    assert before == after
    assert isinstance(toy.interpreter.encode(toy.fresh[:1]), Tensor)
