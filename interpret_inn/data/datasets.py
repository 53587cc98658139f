"""Samples that are the items of a list, a map-style data set, or a DataLoader's data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    default_collate,
)

from interpret_inn.data.base import OrderedSamples, Targets
from interpret_inn.data.digests import ReadRecord
from interpret_inn.data.items import LEFT_OUT, as_input, as_label, collate, several_shapes, split
from interpret_inn.data.process import progress, random_states_kept
from interpret_inn.errors import DataError, InnError

_SURVEY_BATCH = 64
"""Items that the first reading takes at a time, unless the loader has a batch size."""
_REREAD = 8
"""Items that are read again after the first reading: enough to notice most random augmentations."""


@dataclass(frozen=True)
class Loading:
    """How a DataLoader wants its data set read.

    Attributes:
        collate: Its own function that makes batches, or None.
        workers: Number of processes that read.
        worker_init: Its `worker_init_fn`.
        context: Its `multiprocessing_context`.
    """

    collate: Callable[[list[Any]], Any] | None = None
    workers: int = 0
    worker_init: Callable[[int], None] | None = None
    context: BaseContext | str | None = None


class DatasetSamples(OrderedSamples):
    """The items of anything that has a length and can be indexed.

    Every item's digest is kept from its first read; a later read that differs is an error. The process's
    global random states are the same before and after every read.

    Args:
        dataset: Items are what `interpret_inn.data.items.split` understands.
        indices: Indices of the items, in the order of the samples; None: all.
        loading: How to read them.

    Raises:
        DataError: nothing in it.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        indices: Sequence[int] | None = None,
        loading: Loading | None = None,
    ) -> None:
        self._dataset = dataset
        self._indices = range(_length(dataset)) if indices is None else [int(index) for index in indices]
        if not self._indices:
            raise DataError(f"Expected at least one input, found none: an empty {type(dataset).__name__}.")
        super().__init__(len(self._indices))
        self._loading = loading or Loading()
        suspects = "random augmentation, or a collate_fn that pads to the largest of a batch"
        self._record = ReadRecord(
            len(self), suspect=suspects if self._loading.collate else "random augmentation"
        )
        self._surveyed = False
        self._shape: tuple[int, tuple[int, ...]] | None = None

    @classmethod
    def from_loader(cls, loader: DataLoader[Any]) -> DatasetSamples:
        """Reads a loader's data set in its order, with the loader's own workers and `collate_fn`."""
        own = loader.collate_fn
        automatic = loader.batch_size is not None or loader.batch_sampler is not None
        loading = Loading(
            collate=own if automatic and own is not default_collate else None,
            workers=loader.num_workers,
            worker_init=loader.worker_init_fn,
            context=loader.multiprocessing_context,
        )
        indices, notes = _indices_of(loader)
        found = cls(loader.dataset, indices=indices, loading=loading)
        found.batch_size, found.notes = loader.batch_size, notes
        return found

    def scan(self) -> Targets | None:
        """Reads all items once (that also gives the fingerprint) and returns the labels found in them."""
        self._survey()
        return self.targets

    def _compute_fingerprint(self) -> str:
        self._survey()
        return self._record.fingerprint("items")

    def _survey(self) -> None:
        if self._surveyed:
            return
        columns: list[dict[str, Any]] = []
        size = self.batch_size or _SURVEY_BATCH
        chunks = [range(at, min(at + size, len(self))) for at in range(0, len(self), size)]
        with progress(len(self), "looking through the data set") as bar:
            for chunk, raw in zip(chunks, self._raw(chunks), strict=True):
                columns += self._parts(raw, chunk)[1]
                bar.update(len(chunk))
        self._read(range(min(_REREAD, len(self))))
        self._surveyed = True
        if self.targets is None:  # else the caller has taken a column out, or has set them
            self.targets = self._gathered(columns)

    def _gathered(self, columns: list[dict[str, Any]]) -> Targets | None:
        names = dict.fromkeys(name for labels in columns for name in labels)
        gathered: Targets = {}
        for name in names:
            values = [as_label(labels.get(name)) for labels in columns]
            if any(value is LEFT_OUT for value in values):
                self.notes += (f"What the items carry as {name!r} is no label, so it is left out.",)
            else:
                gathered[name] = values
        return gathered or None

    def _read(self, indices: Sequence[int]) -> Any:
        with random_states_kept():
            items = [self._item(index) for index in indices]
            raw = self._loading.collate(items) if self._loading.collate else items
        return self._parts(raw, indices)[0]

    def _read_many(self, chunks: list[range]) -> Iterator[Any]:
        for chunk, raw in zip(chunks, self._raw(chunks), strict=True):
            yield self._parts(raw, chunk)[0]

    def _item(self, index: int) -> Any:
        """One item; if the data set fails, the error names the item."""
        try:
            return self._dataset[self._indices[index]]
        except Exception as error:
            raise _unreadable(f"Item {index}", self._dataset, error) from error

    def _raw(self, chunks: list[range]) -> Iterator[Any]:
        """Lists of items, or of each list what the loader's `collate_fn` returns, chunk by chunk."""
        if not self._loading.workers:
            for chunk in chunks:
                with random_states_kept():
                    items = [self._item(index) for index in chunk]
                    raw = self._loading.collate(items) if self._loading.collate else items
                yield raw
            return
        with random_states_kept() as seed:  # workers need other seeds in each read, as there
            generator = torch.Generator().manual_seed(seed)
            reader = iter(
                DataLoader(
                    self._dataset,
                    batch_sampler=[[self._indices[index] for index in chunk] for chunk in chunks],
                    collate_fn=self._loading.collate or _as_list,
                    num_workers=self._loading.workers,
                    worker_init_fn=self._loading.worker_init,
                    multiprocessing_context=self._loading.context,
                    generator=generator,
                )
            )
        for chunk in chunks:
            with random_states_kept():
                try:
                    raw = next(reader)
                except Exception as error:
                    which = f"One of the items {chunk[0]} to {chunk[-1]}"
                    raise _unreadable(which, self._dataset, error) from error
            yield raw

    def _parts(self, raw: Any, indices: Sequence[int]) -> tuple[Any, list[dict[str, Any]]]:
        """Inputs as a batch, each compared with its last read, and the labels of each."""
        if self._loading.collate:
            batch, labels = _split_batch(raw, indices)
            inputs = batch
        else:
            parted = [split(item, index) for item, index in zip(raw, indices, strict=True)]
            inputs = [as_input(value, index) for (value, _), index in zip(parted, indices, strict=True)]
            labels = [own for _, own in parted]
            batch = collate(inputs, indices) if inputs else inputs
        for index, value in zip(indices, inputs, strict=True):
            self._record.compare(index, value)
        if isinstance(batch, Tensor) and len(batch):
            self._shape = self._shape or (indices[0], tuple(batch.shape[1:]))
            if tuple(batch.shape[1:]) != self._shape[1]:
                raise several_shapes(self._shape, (indices[0], tuple(batch.shape[1:])))
        return batch, labels


def _as_list(items: list[Any]) -> list[Any]:
    return items


def _length(dataset: Any) -> int:
    try:
        return len(dataset)
    except TypeError:
        raise DataError(
            f"Expected a data set with a length, found {type(dataset).__name__} without `__len__`. "
            "Give it one, or pass arrays, a list, or a folder."
        ) from None


def _unreadable(what: str, dataset: Any, error: Exception) -> InnError:
    if isinstance(error, InnError):
        return error
    return DataError(
        f"{what} of the {type(dataset).__name__} cannot be read: {type(error).__name__}: {error}. "
        "Repair it or take it out of the data set."
    )


def _split_batch(raw: Any, indices: Sequence[int]) -> tuple[Any, list[dict[str, Any]]]:
    """Splits a batch of a loader's `collate_fn` into inputs and, for every sample, its labels."""
    batch, columns = split(raw, indices[0])
    found = len(batch) if isinstance(batch, (Tensor, np.ndarray, list)) else None
    if found != len(indices):
        raise DataError(
            f"Expected the loader's collate_fn to return one input for each of {len(indices)} items "
            f"(a tensor, array or list, alone or first in a tuple), found {type(batch).__name__} ({found})."
        )
    if isinstance(batch, list):
        batch = [as_input(value, index) for value, index in zip(batch, indices, strict=True)]
    whole = {name: column for name, column in columns.items() if _holds(column, len(indices))}
    return batch, [{name: column[row] for name, column in whole.items()} for row in range(len(indices))]


def _holds(column: Any, count: int) -> bool:
    return isinstance(column, (Tensor, np.ndarray, list, tuple)) and len(column) == count


def _indices_of(loader: DataLoader[Any]) -> tuple[list[int] | None, tuple[str, ...]]:
    """The items that a loader's sampler chooses, in the data set's order (None: all), and notes about it."""
    sampler: Any = loader.sampler
    batch_sampler: Any = loader.batch_sampler
    if batch_sampler is not None and hasattr(batch_sampler, "sampler"):
        sampler = batch_sampler.sampler
    if isinstance(sampler, SubsetRandomSampler):
        return sorted({int(index) for index in sampler.indices}), ()
    in_order = isinstance(sampler, SequentialSampler)
    if in_order or (isinstance(sampler, RandomSampler) and not sampler.replacement):
        return None, ()
    name = type(sampler).__name__
    return None, (f"The loader's {name} is not used: the data set is read in order, every item once.",)
