"""Variants of pictures, made afresh at every read and always the same."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.data.given_form import GivenForm, stacked
from interpret_inn.data.process import derived_seed
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.types import FloatArray, IntArray, Samples
from interpret_inn_transforms.known_transforms import Transform
from interpret_inn_transforms.picture_values import read_picture, squared


class TransformedSamples:
    """Each picture as it is, followed by its variants: `variants` for each transform in turn.

    Implements `interpret_inn.types.Samples`. Sample `i · (1 + K · V)` is picture i itself.

    Args:
        whole: The pictures.
        transforms: K transforms by name.
        variants: V.
        strength: Of all of them; 1 is their full range.
        seed: Of amounts and of what transforms draw.
        size: Side of the squares that pictures are brought to first; None: they keep their size.

    Attributes:
        per_picture: 1 + K · V.
        source: int64 (N,), the picture that each sample is made of.
        transform: int64 (N,), the transform that it went through, −1 for none.
        amounts: By transform, float64 (N,) or (N, axes), NaN for samples that it did not go through.
    """

    def __init__(
        self,
        whole: Samples,
        transforms: Mapping[str, Transform],
        *,
        variants: int,
        strength: float,
        seed: int,
        size: int | None = None,
    ) -> None:
        self._whole, self._seed, self._size = whole, seed, size
        self._list = list(transforms.items())
        # the text of a function holds its address in memory, so that another one stands in for all
        about = [dataclasses.replace(transform, function=len) for transform in transforms.values()]
        self._plan = f"{list(transforms)} {about} {variants} {strength} {seed} {size}"
        self.per_picture = 1 + len(transforms) * variants
        count = len(whole) * self.per_picture
        self.source: IntArray = np.arange(count, dtype=np.int64) // self.per_picture
        within = np.arange(count, dtype=np.int64) % self.per_picture
        self.transform: IntArray = np.where(within == 0, -1, (within - 1) // variants)
        self.amounts = {
            name: self._drawn(number, transform, variants, strength)
            for number, (name, transform) in enumerate(self._list)
        }
        groups = np.arange(len(whole), dtype=np.int64) if whole.groups is None else whole.groups
        self.groups: IntArray | None = np.repeat(groups, self.per_picture)
        names = [str(i) for i in range(len(whole))] if whole.names is None else whole.names
        labels = ["", *(f", {name}" for name in transforms for _ in range(variants))]
        self.names: Sequence[str] | None = [f"{name}{label}" for name in names for label in labels]
        self.skipped: Sequence[str] = whole.skipped

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        return f"TransformedSamples({len(self._whole)} pictures, {len(self)} samples)"

    def batches(self, batch_size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Any]:
        """Yields the variants in order, in the form in which the pictures came."""
        stop = len(self) if stop is None else stop
        for at in range(start, stop, batch_size):
            yield self.take(range(at, min(at + batch_size, stop)))

    def take(self, indices: Sequence[int]) -> Any:
        """The variants at these indices, a tensor or array (B, …), or a list if pictures differ in size."""
        chosen = np.asarray(indices, dtype=np.int64)
        needed, places = np.unique(self.source[chosen], return_inverse=True)
        read = []
        for one, place in zip(self._whole.take(needed.tolist()), needed, strict=True):
            picture, form = read_picture(one, int(place))
            read.append((picture if self._size is None else squared(picture, self._size), form))
        changed: list[Any] = [None] * len(chosen)
        for members in self._alike(chosen, places, read):
            transform = int(self.transform[chosen[members[0]]])
            made = torch.stack([read[places[at]][0] for at in members])
            if transform >= 0:
                made = self._changed(made, chosen[members], transform)
            for at, picture in zip(members, made, strict=True):
                changed[at] = read[places[at]][1].restored(picture)
        return stacked(changed)

    def fingerprint(self) -> str:
        """A digest of the pictures, the transforms, their strength and the seed."""
        whole = f"transforms 1\n{self._plan}\n{self._whole.fingerprint()}\n"
        digest = hashlib.blake2b(whole.encode(), digest_size=16)
        # the code of a function may change under its name: what it makes tells
        for picture in self.take(range(min(len(self), 2 * self.per_picture))):
            digest.update(np.ascontiguousarray(np.asarray(picture)).tobytes())
        return digest.hexdigest()

    def _alike(
        self, chosen: IntArray, places: IntArray, read: list[tuple[Tensor, GivenForm]]
    ) -> Iterator[list[int]]:
        """Places of samples that go through the same transform and have the same shape."""
        alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for at, sample in enumerate(chosen):
            key = (int(self.transform[sample]), tuple(read[places[at]][0].shape))
            alike.setdefault(key, []).append(at)
        yield from alike.values()

    def _changed(self, pictures: Tensor, samples: IntArray, number: int) -> Tensor:
        name, transform = self._list[number]
        amounts = torch.from_numpy(self.amounts[name][samples])
        generators = [
            Generator().manual_seed(derived_seed(self._seed, f"sample {sample}")) for sample in samples
        ]
        return apply(name, transform, pictures, amounts, generators)

    def _drawn(self, number: int, transform: Transform, variants: int, strength: float) -> FloatArray:
        name = self._list[number][0]
        mine = np.flatnonzero(self.transform == number)
        # by name: the amounts of a transform do not depend on which others were asked for
        generator = np.random.default_rng(derived_seed(self._seed, f"amounts of {name}"))
        drawn = transform.draw(len(mine) // variants, variants, strength=strength, generator=generator)
        values = np.full((len(self.source), *drawn.shape[1:]), np.nan)
        values[mine] = drawn
        return values


def apply(
    name: str, transform: Transform, pictures: Tensor, amounts: Tensor, generators: Sequence[Generator]
) -> Tensor:
    """Transformed pictures, float32 (B, C, H, W), clipped to [0, 1].

    Args:
        name: Of the transform, for messages.
        transform: What is done.
        pictures: float32 (B, C, H, W) in [0, 1].
        amounts: float64 (B,) or (B, axes): in single precision, functions of them may differ with the batch.
        generators: One for each picture.

    Raises:
        ConceptError: pictures without colour, or a function that gives another shape or values that are not finite.
        PluginError: the function raised.
    """
    if transform.colour and pictures.shape[1] != 3:
        raise ConceptError(f"The transform {name!r} needs pictures in colour, found grey ones. Leave it out.")
    try:
        changed = transform.apply(pictures, amounts, generators)
    except Exception as error:
        raise PluginError(
            f"The transform {name!r} failed on pictures {tuple(pictures.shape)}: {type(error).__name__}: {error}"
        ) from error
    if tuple(changed.shape) != tuple(pictures.shape):
        raise ConceptError(
            f"Expected the transform {name!r} to keep the shape {tuple(pictures.shape[1:])}, found "
            f"{tuple(changed.shape[1:])}."
        )
    changed = torch.as_tensor(changed).float()
    if not bool(changed.isfinite().all()):
        raise ConceptError(f"The transform {name!r} gave values that are not finite.")
    clipped: Tensor = changed.clamp(0, 1)
    return clipped
