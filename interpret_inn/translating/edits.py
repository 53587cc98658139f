"""Edits: changes of factors, to be given to `Interpreter.run`.

>>> import interpret_inn as inn
>>> inn.edits.set("digit", "7", hold=["colour"])
set('digit', '7', hold=['colour'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from interpret_inn.errors import EditError
from interpret_inn.types import Factor, Factors


class Workbench(Protocol):
    """What an edit may ask of the interpreter it is applied with."""

    @property
    def factors(self) -> Factors:
        """All factors."""

    def encode(self, inputs: Any) -> Tensor:
        """Codes of inputs, float (B, D), or (B, P, D) at positions."""

    def draw(self, factor: Factor, n: int, generator: Generator) -> Tensor:
        """Codes of the factor from stored data, float (n, size)."""

    def class_code(self, factor: Factor, name: str) -> Tensor:
        """Mean code of a category, float (size,)."""

    def hold(self, before: Tensor, after: Tensor, edited: Factor, concepts: Sequence[str]) -> Tensor:
        """`after` (..., D), moved outside the edited factor until the concepts read as in `before`."""


class Edit:
    """A change of one factor. Made by `swap`, `set`, `add` and `resample`.

    Args:
        factor: The factor that is changed.
        hold: Concepts whose read-out from the *whole* code is to stay where it was.
    """

    verb = "edit"

    def __init__(self, factor: str, hold: Sequence[str] = ()) -> None:
        if isinstance(hold, str):
            raise EditError(f"Expected hold to be a list of concepts, found {hold!r}. Type hold=[{hold!r}].")
        self.factor = factor
        self.held = tuple(hold)

    def apply(self, codes: Tensor, translator: Workbench) -> Tensor:
        """Edited copies of codes (..., D).

        Raises:
            EditError: the new value does not fit the factor or the batch.
            ConceptError: there is no such factor or concept.
        """
        factor = translator.factors[self.factor]
        edited = codes.clone()
        edited[..., factor.slice] = self._fitted(self.value(codes, factor, translator), codes, factor)
        if self.held:
            if self.factor in self.held:
                raise EditError(
                    f"{self!r} holds the factor that it changes. Take {self.factor!r} out of hold."
                )
            edited = translator.hold(codes, edited, factor, self.held)
        return edited

    def value(self, codes: Tensor, factor: Factor, translator: Workbench) -> Tensor:
        """What the factor becomes, in a shape that broadcasts to (..., size)."""
        raise NotImplementedError

    def _fitted(self, value: Tensor, codes: Tensor, factor: Factor) -> Tensor:
        wanted = codes[..., factor.slice].shape
        value = value.to(codes)
        if not bool(torch.isfinite(value).all()):
            raise EditError(f"{self!r} would put values into {factor.name!r} that are not finite.")
        if value.ndim and value.shape[-1] not in (factor.size,):
            raise EditError(
                f"{self!r}: expected {factor.size} numbers for the factor {factor.name!r}, "
                f"found {value.shape[-1]}."
            )
        if value.ndim == 2 and codes.ndim == 3:  # one code an input, the same at all positions
            value = value[:, None]
        try:
            return value.expand(wanted)
        except RuntimeError as error:
            raise EditError(
                f"{self!r}: expected a value for each of {len(codes)} inputs, or one for all of them, "
                f"found shape {tuple(value.shape)}."
            ) from error

    def _arguments(self) -> list[str]:
        return []

    def __repr__(self) -> str:
        held = [f"hold={list(self.held)!r}"] if self.held else []
        return f"{self.verb}({', '.join([repr(self.factor), *self._arguments(), *held])})"


class _Swap(Edit):
    verb = "swap"

    def __init__(self, factor: str, donor: Any, donor_codes: Tensor | None, hold: Sequence[str]) -> None:
        super().__init__(factor, hold)
        if (donor is None) == (donor_codes is None):
            raise EditError(
                "Expected one of donor (inputs) and donor_codes (codes), found "
                f"{'neither' if donor is None else 'both'}. Type swap({factor!r}, donor_images)."
            )
        self.donor, self.donor_codes = donor, donor_codes

    def value(self, codes: Tensor, factor: Factor, translator: Workbench) -> Tensor:
        given = (
            translator.encode(self.donor) if self.donor_codes is None else torch.as_tensor(self.donor_codes)
        )
        if given.shape[-1] != codes.shape[-1]:
            raise EditError(
                f"{self!r}: expected donor codes of {codes.shape[-1]} axes, found {given.shape[-1]}."
            )
        if given.ndim > 1 and len(given) not in (1, len(codes)):
            raise EditError(
                f"{self!r}: expected one donor, or one for each of {len(codes)} inputs, found {len(given)}."
            )
        return given[..., factor.slice]


class _Set(Edit):
    verb = "set"

    def __init__(self, factor: str, value: Any, hold: Sequence[str]) -> None:
        super().__init__(factor, hold)
        self.given = value

    def value(self, codes: Tensor, factor: Factor, translator: Workbench) -> Tensor:
        if isinstance(self.given, str):
            return translator.class_code(factor, self.given)
        if isinstance(self.given, int):
            self._refuse_category(factor, translator)
        return self._numbers(codes)

    def _numbers(self, codes: Tensor) -> Tensor:
        try:
            return torch.as_tensor(self.given, dtype=codes.dtype)
        except (TypeError, ValueError, RuntimeError) as error:
            raise EditError(
                f"{self!r}: expected numbers for the factor {self.factor!r}, "
                f"found {type(self.given).__name__}."
            ) from error

    def _refuse_category(self, factor: Factor, translator: Workbench) -> None:
        """`set("digit", 7)` may mean the category, or the number 7 on all axes: nobody should guess."""
        try:
            translator.class_code(factor, str(self.given))
        except EditError:
            return
        raise EditError(
            f"{self!r} may mean two things. Type set({factor.name!r}, {str(self.given)!r}) for the category, "
            f"or set({factor.name!r}, {float(self.given)}) for the number on all axes."
        )

    def _arguments(self) -> list[str]:
        return [repr(self.given)] if isinstance(self.given, (str, int, float)) else ["…"]


class _Add(_Set):
    verb = "add"

    def value(self, codes: Tensor, factor: Factor, translator: Workbench) -> Tensor:  # noqa: ARG002
        delta = self._fitted(self._numbers(codes), codes, factor)
        return codes[..., factor.slice] + delta


class _Resample(Edit):
    verb = "resample"

    def __init__(self, factor: str, seed: int, from_prior: bool, hold: Sequence[str]) -> None:
        super().__init__(factor, hold)
        self.seed, self.from_prior = seed, from_prior

    def value(self, codes: Tensor, factor: Factor, translator: Workbench) -> Tensor:
        generator = Generator().manual_seed(self.seed)
        if self.from_prior:
            return torch.randn(len(codes), factor.size, generator=generator)
        return translator.draw(factor, len(codes), generator)

    def _arguments(self) -> list[str]:
        return [f"seed={self.seed}", *(["from_prior=True"] if self.from_prior else [])]


def swap(
    factor: str, donor: Any = None, *, donor_codes: Tensor | None = None, hold: Sequence[str] = ()
) -> Edit:
    """Takes the factor from other inputs.

    Args:
        factor: The factor to exchange.
        donor: Inputs in the same form as those that are edited: as many as them, or a batch of one.
        donor_codes: Their codes instead, float (B, D) or (1, D).
        hold: Concepts whose read-out is to stay where it was.

    Raises:
        EditError: neither or both of `donor` and `donor_codes`.
    """
    return _Swap(factor, donor, donor_codes, hold)


def set(factor: str, value: Any, *, hold: Sequence[str] = ()) -> Edit:
    """Sets the factor to a value.

    Args:
        factor: The factor to set.
        value: float (size,) or (B, size); a number for all axes; or the name of a category, whose mean
            code is taken (`set("digit", "7")`). A whole number that is also a category's name is refused
            as ambiguous: type "7" or 7.0.
        hold: Concepts whose read-out is to stay where it was.
    """
    return _Set(factor, value, hold)


def add(factor: str, delta: Any, *, hold: Sequence[str] = ()) -> Edit:
    """Adds to the factor; `delta` is float (size,) or (B, size), or one number for all axes."""
    return _Add(factor, delta, hold)


def resample(factor: str, *, seed: int = 0, from_prior: bool = False, hold: Sequence[str] = ()) -> Edit:
    """Draws the factor anew, for every input on its own.

    Args:
        factor: The factor to draw.
        seed: Of the draw; the same seed draws the same codes.
        from_prior: Draw from N(0, I) and not from stored codes of the data. That puts the noise floor back
            into directions that are nearly empty, and so overstates responses.
        hold: Concepts whose read-out is to stay where it was.
    """
    return _Resample(factor, seed, from_prior, hold)
