"""Factors: named slices of the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import overload

from interpret_inn.errors import ConceptError, suggest

RESIDUAL = "residual"
"""Name of the last factor, which no concept explains."""


@dataclass(frozen=True)
class Factor:
    """A named slice of the code: axes `start` to `stop` of `D`."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of axes."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """Where the factor stands in the last axis of a code (..., D)."""
        return slice(self.start, self.stop)


class Factors(Sequence[Factor]):
    """All factors of a flow in the order in which they stand in the code, the residual last.

    >>> factors = Factors.from_sizes({"digit": 22, "colour": 11}, total=64)
    >>> [(f.name, f.size) for f in factors], factors["colour"].slice
    ([('digit', 22), ('colour', 11), ('residual', 31)], slice(22, 33, None))
    """

    def __init__(self, factors: Sequence[Factor]) -> None:
        self._factors = tuple(factors)

    @classmethod
    def from_sizes(cls, sizes: Mapping[str, int], *, total: int) -> Factors:
        """Lays the named factors side by side; the axes that are left of `total` are the residual.

        Raises:
            ConceptError: a factor is named like the residual, a size is under 1, or no axis is left to the residual.
        """
        if RESIDUAL in sizes:
            raise ConceptError(
                f"A concept is named {RESIDUAL!r}, which names what no concept explains. Rename it."
            )
        small = [name for name, size in sizes.items() if size < 1]
        if small:
            raise ConceptError(f"Expected at least 1 axis for every factor, found fewer for {small}.")
        if sum(sizes.values()) >= total:
            raise ConceptError(
                f"Expected factor sizes that leave at least 1 of {total} axes to the residual, "
                f"found {dict(sizes)} (together {sum(sizes.values())}). Give smaller sizes or fewer concepts."
            )
        start, factors = 0, []
        for name, size in sizes.items():
            factors.append(Factor(name, start, start + size))
            start += size
        return cls([*factors, Factor(RESIDUAL, start, total)])

    @overload
    def __getitem__(self, key: int | str) -> Factor: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Factor, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Factor | tuple[Factor, ...]:
        if isinstance(key, slice | Integral):
            return self._factors[key]
        for factor in self._factors:
            if factor.name == key:
                return factor
        raise ConceptError(f"There is no factor {key!r}. {suggest(str(key), self.names)}")

    def __len__(self) -> int:
        return len(self._factors)

    def __repr__(self) -> str:
        return f"Factors({', '.join(f'{f.name}: {f.size}' for f in self)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order, the residual's last."""
        return tuple(factor.name for factor in self._factors)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of axes of each factor, in order."""
        return tuple(factor.size for factor in self._factors)

    @property
    def named(self) -> tuple[Factor, ...]:
        """The factors that stand for concepts: all but the residual."""
        return self._factors[:-1]

    @property
    def total(self) -> int:
        """`D`, the number of axes of the code."""
        return self._factors[-1].stop
