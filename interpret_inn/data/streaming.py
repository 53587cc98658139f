"""`samples` and `stream`: inputs in one order, from all forms in which they may come."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from interpret_inn.data.base import ArraySamples, OrderedSamples, group_by_target, group_numbers
from interpret_inn.data.datasets import DatasetSamples
from interpret_inn.data.folders import FileSamples
from interpret_inn.data.image_files import SUFFIXES
from interpret_inn.data.items import as_input, collate, split
from interpret_inn.data.process import random_states_kept
from interpret_inn.errors import DataError
from interpret_inn.types import Samples

SUPPORTED = (
    "an array or tensor (N, ...), `(images, labels)`, a list of images or paths, a map-style Dataset, "
    "a DataLoader over one, or a folder of images"
)


def samples(data: Any, *, groups: Any = None, csv: str | Path | None = None) -> OrderedSamples:
    """Inputs in one order that can be read again and again.

    Args:
        data: An array or tensor (N, ...); `(images, labels)` with labels (N,) or {name: labels}; a list of
            images (arrays, tensors, PIL images, paths), also as `(image, label)`; a map-style `Dataset`; a
            `DataLoader`, whose data set is read in data set order, every item once; a folder of images; a
            CSV file that names images beside it; or samples, which are returned unchanged.
        groups: For every sample the group that must not be split (an identity, a source image), (N,); or the name of
            the label that holds it, which is then taken out of the labels.
        csv: Labels for a folder: a CSV file with a heading, one column of which names the images.

    Returns:
        Samples. `.scan()` gives the labels that came with them, `.skipped` inputs that could not be read, `.notes`
        decisions that the caller did not take.

    Raises:
        DataError: no inputs, none that can be read, or something else than the above.
    """
    folder = isinstance(data, (str, Path))
    if csv is not None and not folder:
        raise DataError(f"Expected a folder together with csv=, found {type(data).__name__}. Leave csv= out.")
    found = _from_path(Path(data).expanduser(), csv) if folder else _from_object(data)
    if groups is None:
        return found
    if found is data:  # the caller's own samples do not change
        found = copy.copy(found)
        found.targets = dict(found.targets) if getattr(found, "targets", None) else None
    named = isinstance(groups, str)
    found.groups = group_by_target(found, groups) if named else group_numbers(groups, len(found))
    return found


def stream(data: Any, batch_size: int = 64) -> Iterator[Any]:
    """Yields the inputs of anything that `samples` takes, or of a stream that can be read only once.

    Args:
        data: As for `samples`; or an `IterableDataset`, a DataLoader over one (its batches are passed on), or
            an iterator over items.
        batch_size: Inputs at a time.

    Yields:
        A tensor or array (B, ...), or a list of images. Labels are left out.

    Raises:
        DataError: as `samples`.
    """
    if isinstance(data, DataLoader) and isinstance(data.dataset, IterableDataset):
        for at, batch in enumerate(_undisturbed(data)):
            yield split(batch, at)[0]
    elif isinstance(data, (IterableDataset, Iterator)):
        yield from _batched(data, batch_size)
    else:
        yield from samples(data).batches(batch_size)


def is_stream(data: Any) -> bool:
    """Whether this can be read only once, or may differ when it is read again."""
    return isinstance(data.dataset if isinstance(data, DataLoader) else data, (IterableDataset, Iterator))


def _from_path(path: Path, csv: str | Path | None) -> OrderedSamples:
    if path.is_dir():
        return FileSamples.from_folder(path, csv)
    if not path.exists():
        raise DataError(f"Expected a folder of images, but there is nothing at {path}.")
    if path.suffix.lower() == ".csv" and csv is None:
        return FileSamples.from_folder(path.parent, path.resolve())
    if path.suffix.lower() in SUFFIXES:
        return FileSamples.from_list([path])
    raise DataError(
        f"Expected a folder of images, an image, or a CSV file, found {path}. Supported: {SUPPORTED}."
    )


def _from_object(data: Any) -> OrderedSamples:
    if isinstance(data, Samples):
        return data  # type: ignore[return-value]  # a plugin's own samples need not have targets and notes
    if isinstance(data, Tensor) or (isinstance(data, np.ndarray) and data.dtype != object):
        return ArraySamples(data)
    if isinstance(data, Image.Image):
        return DatasetSamples([data])
    if _images_and_labels(data):
        return ArraySamples(data[0], data[1])
    if isinstance(data, DataLoader):
        _refuse_stream(data.dataset)
        return DatasetSamples.from_loader(data)
    _refuse_stream(data)
    if isinstance(data, (bytes, Mapping)) or not hasattr(data, "__getitem__"):
        raise DataError(f"Expected {SUPPORTED}; found {type(data).__name__}.")
    if isinstance(data, list | tuple) and data and all(isinstance(item, str | Path) for item in data):
        return FileSamples.from_list(data)
    return DatasetSamples(data)


def _images_and_labels(data: Any) -> TypeGuard[tuple[Any, Any]]:
    """Whether this is `(images, labels)`, and not a tuple of two images."""
    if not (isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], (np.ndarray, Tensor))):
        return False
    labels = data[1]
    if isinstance(labels, (np.ndarray, Tensor)):
        return labels.ndim == 1 or labels.ndim == 2 < data[0].ndim
    return isinstance(labels, (Mapping, list))


def _refuse_stream(data: Any) -> None:
    if is_stream(data):
        raise DataError(
            f"Expected data that can be read again and again, in one order, found a stream "
            f"({type(data).__name__}). Supported are {SUPPORTED}. "
            "A stream can be explained batch by batch once the interpreter is fitted."
        )


def _batched(items: Iterable[Any], batch_size: int) -> Iterator[Any]:
    inputs: list[Any] = []
    done = 0
    for item in _undisturbed(items):
        inputs.append(as_input(split(item, done + len(inputs))[0], done + len(inputs)))
        if len(inputs) == batch_size:
            yield collate(inputs, range(done, done + len(inputs)))
            done, inputs = done + len(inputs), []
    if inputs:
        yield collate(inputs, range(done, done + len(inputs)))


def _undisturbed(items: Iterable[Any]) -> Iterator[Any]:
    """Items of a user's stream; the global random states are kept while it works, and only then."""
    with random_states_kept():
        iterator = iter(items)
    while True:
        with random_states_kept():
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item
