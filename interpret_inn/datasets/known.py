"""What data sets of known factors share: images by number, and draws that hold a factor fixed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from interpret_inn.errors import InputError, suggest
from interpret_inn.types import IntArray

Images = npt.NDArray[np.uint8]
_AT_ONCE = 256
"""Images that are drawn at a time, which bounds the memory that this takes."""


class KnownFactors(Dataset[tuple[torch.Tensor, torch.Tensor]], ABC):
    """An image for every combination of the values of a few factors, drawn when it is read.

    Images are numbered with the last factor running fastest. As a `torch.utils.data.Dataset` it gives pairs of an
    image, uint8 (C, H, W), and its factors, int64 (K,). Random draws take a seed: the same seed gives the same draw.

    Args:
        values: The values of each factor by name, in order: numbers, or names of categories.

    Attributes:
        names: The `K` factors.
        values: Their values.
        sizes: How many values each has.
    """

    def __init__(self, values: Mapping[str, npt.ArrayLike]) -> None:
        self.values = {name: np.asarray(given) for name, given in values.items()}
        self.names = tuple(self.values)
        self.sizes = tuple(len(given) for given in self.values.values())

    @abstractmethod
    def render(self, latents: IntArray) -> Images:
        """Images (N, H, W, C) of factors (N, K), a few hundred at once."""

    def __len__(self) -> int:
        return math.prod(self.sizes)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} images, no number {index}.")
        latents = self.latents([index % len(self)])
        image = torch.from_numpy(self.render(latents)[0])
        return image.permute(2, 0, 1).contiguous(), torch.from_numpy(latents[0])

    def __repr__(self) -> str:
        factors = ", ".join(f"{name} {size}" for name, size in zip(self.names, self.sizes, strict=True))
        return f"{type(self).__name__}({len(self):,} images: {factors})"

    def latents(self, indices: npt.ArrayLike) -> IntArray:
        """The number of each factor's value in images, from 0, int64 (N, K).

        Args:
            indices: Numbers of images, (N,).

        Raises:
            InputError: there is no image of that number.
        """
        numbers = np.asarray(indices)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise InputError(
                f"Expected numbers of images, whole numbers (N,), found {numbers.dtype} {numbers.shape}."
            )
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise InputError(
                f"Expected numbers of images from 0 to {len(self) - 1}, found {numbers.min()} to {numbers.max()}."
            )
        return np.stack(np.unravel_index(numbers.astype(np.int64), self.sizes), 1).astype(np.int64)

    def indices(self, latents: npt.ArrayLike) -> IntArray:
        """Numbers (N,) of the images with factors (N, K); the inverse of `latents`.

        Raises:
            InputError: a factor has no such value.
        """
        return np.asarray(np.ravel_multi_index(tuple(self._checked(latents).T), self.sizes), np.int64)

    def images(self, indices: npt.ArrayLike) -> Images:
        """Images (N, H, W, C) by their numbers (N,)."""
        return self.drawn(self.latents(indices))

    def drawn(self, latents: npt.ArrayLike) -> Images:
        """Images (N, H, W, C) of factors (N, K).

        Raises:
            InputError: a factor has no such value.
        """
        checked = self._checked(latents)
        parts = [self.render(checked[start : start + _AT_ONCE]) for start in range(0, len(checked), _AT_ONCE)]
        return np.concatenate(parts) if parts else self.render(np.zeros((1, len(self.sizes)), np.int64))[:0]

    def labels(self, latents: npt.ArrayLike) -> dict[str, npt.NDArray[Any]]:
        """The values themselves by factor, (N,) each, as `fit("labels", labels=…)` takes them."""
        checked = self._checked(latents)
        return {name: self.values[name][column] for name, column in zip(self.names, checked.T, strict=True)}

    def sample(self, count: int, *, seed: int) -> IntArray:
        """Factors of images drawn at random with replacement, int64 (count, K)."""
        generator = np.random.default_rng(seed)
        return np.stack([generator.integers(size, size=count) for size in self.sizes], 1)

    def sharing(self, factor: str, count: int, *, seed: int) -> tuple[IntArray, IntArray]:
        """Factors of pairs that share one factor and are independent in all others, int64 (count, K) each.

        Raises:
            InputError: there is no such factor.
        """
        place = self._place(factor)
        both = self.sample(2 * count, seed=seed)
        first, second = both[:count], both[count:]
        second[:, place] = first[:, place]
        return first, second

    def votes(self, count: int, batch: int, *, seed: int) -> tuple[IntArray, IntArray]:
        """Batches in which one factor is fixed, drawn anew for each: each gives a vote of the FactorVAE score.

        Returns:
            Factors, int64 (count, batch, K), and the number of the fixed one, int64 (count,).
        """
        generator = np.random.default_rng(seed)
        fixed = generator.integers(len(self.sizes), size=count)
        drawn = self.sample(count * batch, seed=int(generator.integers(2**31))).reshape(count, batch, -1)
        every = np.arange(count)
        drawn[every, :, fixed] = drawn[every, :1, fixed]
        return drawn, fixed

    def _place(self, factor: str) -> int:
        if factor not in self.names:
            raise InputError(f"There is no factor {factor!r}. {suggest(str(factor), self.names)}")
        return self.names.index(factor)

    def _checked(self, latents: npt.ArrayLike) -> IntArray:
        found = np.asarray(latents)
        if found.ndim != 2 or found.shape[1] != len(self.sizes) or found.dtype.kind not in "iu":
            raise InputError(
                f"Expected factors as whole numbers (N, {len(self.sizes)}), found {found.dtype} {found.shape}."
            )
        for name, column, size in zip(self.names, found.T, self.sizes, strict=True):
            if len(column) and not 0 <= column.min() <= column.max() < size:
                raise InputError(
                    f"Expected {name} from 0 to {size - 1}, found {column.min()} to {column.max()}."
                )
        return found.astype(np.int64)
