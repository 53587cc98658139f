"""What all sources without labels share: numbered factors, and pairs of samples that are drawn independently."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.types import Concept, ConceptSource, Pairs, Samples


class IndependentSource(ConceptSource):
    """Unlabelled concepts, and pairs whose likelihood is the likelihood of two single samples.

    Args:
        samples: What is to be encoded.
        sizes: Numbers of axes by factor.

    Attributes:
        concepts: Unlabelled, one for each factor.
        ordered: True: after the fit the factors are sorted by their effect on the output.
    """

    ordered = True

    def __init__(self, samples: Samples, sizes: Mapping[str, int]) -> None:
        self.samples = samples
        self.concepts = unlabelled(sizes)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs of independent samples from `among`, int64 (M,).

        Raises:
            ConceptError: there are no two samples in `among`.
        """
        count = len(among)
        if count < 2:
            raise ConceptError(
                f"Expected at least 2 samples to draw pairs from, found {count}. Give more data."
            )
        first = torch.randint(count, (n,), generator=generator)
        second = (first + torch.randint(1, count, (n,), generator=generator)) % count
        return Pairs(among[first], among[second], torch.zeros(n, len(self.concepts) + 1))


def unlabelled(names: Iterable[str]) -> tuple[Concept, ...]:
    """A concept without values for each name."""
    return tuple(Concept(name, "unlabelled") for name in names)


def numbered(count: int, size: int = 1) -> dict[str, int]:
    """Sizes of `count` factors that are numbered from 1.

    >>> numbered(2, 3)
    {'factor 1': 3, 'factor 2': 3}
    """
    return {f"factor {number}": size for number in range(1, count + 1)}


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """The value as a whole number.

    Raises:
        ConceptError: it is none, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ConceptError(f"Expected {name} to be a whole number, at least {least}, found {value!r}.")
    return int(value)


def refuse_too_many(wanted: int, axes: int) -> None:
    """Raises ConceptError if factors of one axis each leave none of the axes to the residual."""
    if wanted >= axes:
        raise ConceptError(
            f"Expected fewer factors than axes of the representation, {axes}, found {wanted}. "
            f"Type factors={max(1, axes - 1)} or less."
        )
