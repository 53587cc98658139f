"""Edits: changes of factors, for `Interpreter.run`.

>>> import interpret_inn as inn
>>> inn.edits.set_to("digit", "7", hold=["colour"])
set_to('digit', '7', hold=['colour'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from interpret_inn.errors import EditError
from interpret_inn.renamed import old_names
from interpret_inn.translating.codec import Codec, held_names
from interpret_inn.translating.values import Added, Donors, Drawn, PerInput, Values
from interpret_inn.types import Concept, Factor

_CLASSES_TOLD = 5
"""Classes that an error lists; more of them fill the line."""


class Edit:
    """A change of one factor. Made by `swap`, `set_to`, `add` and `resample`.

    Args:
        factor: The factor that is changed.
        hold: Concepts that keep the value which their linear probe reads from the *whole* code.
    """

    verb = "edit"
    by_hand = False
    """Whether the caller gives the code itself, which may then lie anywhere."""

    def __init__(self, factor: str, hold: Sequence[str] = ()) -> None:
        self.factor = factor
        self.held = held_names(hold)

    def begin(self, translator: Codec, total: int | None) -> Values:
        """The factor's new values, for inputs that come batch by batch.

        Args:
            translator: Backbone and flow; no forward may be running, as donors may have to be run.
            total: Number of inputs; None: not known before their end.

        Raises:
            EditError: the new value does not fit the factor or the number of inputs.
            ConceptError: there is no such factor.
        """
        factor = translator.factors[self.factor]
        if self.factor in self.held:
            raise EditError(f"{self!r} holds the factor that it changes. Take {self.factor!r} out of hold.")
        return self._values(translator, factor, total)

    def _values(self, translator: Codec, factor: Factor, total: int | None) -> Values:
        raise NotImplementedError

    def _checked(self, given: Tensor, factor: Factor) -> Tensor:
        """Values that are finite and of the factor's size."""
        if not bool(torch.isfinite(given).all()):
            raise EditError(f"{self!r} would put values into {factor.name!r} that are not finite.")
        if given.ndim and given.shape[-1] != factor.size:
            raise EditError(
                f"{self!r}: expected {factor.size} numbers for the factor {factor.name!r}, "
                f"found {given.shape[-1]}."
            )
        return given

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

    def _values(self, translator: Codec, factor: Factor, total: int | None) -> Values:
        known = self.donor_codes
        given = translator.encode(self.donor) if known is None else torch.as_tensor(known)
        if given.shape[-1] != translator.factors.total:
            raise EditError(
                f"{self!r}: expected donor codes of {translator.factors.total} axes, found {given.shape[-1]}."
            )
        own = given[..., factor.slice].clone()  # a copy, so that the other axes are not kept in memory
        return Donors(repr(self), self._checked(own, factor), total)


class _SetTo(Edit):
    verb = "set_to"
    by_hand = True

    def __init__(self, factor: str, value: Any, hold: Sequence[str]) -> None:
        super().__init__(factor, hold)
        self.given = value

    def _values(self, translator: Codec, factor: Factor, total: int | None) -> Values:
        if isinstance(self.given, str):
            return PerInput(repr(self), translator.class_code(factor, self.given), total)
        given = self._numbers(translator, factor)
        if not given.ndim:
            self._refuse_class(factor, translator.fitted.concept(factor))
        return PerInput(repr(self), given, total)

    def _numbers(self, translator: Codec, factor: Factor) -> Tensor:
        try:
            given = torch.as_tensor(self.given, dtype=translator.fitted.reference_codes.dtype)
        except (TypeError, ValueError, RuntimeError) as error:
            raise EditError(
                f"{self!r}: expected numbers for the factor {self.factor!r}, "
                f"found {type(self.given).__name__}."
            ) from error
        return self._checked(given, factor)

    def _refuse_class(self, factor: Factor, concept: Concept | None) -> None:
        """Refuses `set_to("digit", 7)`: a bare number would be taken as a code where a class is meant."""
        if concept is None or not concept.classes:
            return
        number, classes = float(self.given), concept.classes
        asked = {str(self.given), str(int(number)) if number.is_integer() else ""}
        meant = next((name for name in classes if name in asked), classes[0])
        more = len(classes) - _CLASSES_TOLD
        known = ", ".join(map(repr, classes[:_CLASSES_TOLD])) + (f" and {more} more" if more > 0 else "")
        raise EditError(
            f"{self!r}: expected the name of a class ({known}), or a code of {factor.size} numbers for the factor "
            f"{factor.name!r}, found one bare number. Type set_to({factor.name!r}, {meant!r}) for the class, or "
            f"set_to({factor.name!r}, [{number}] * {factor.size}) for that code on all axes."
        )

    def _arguments(self) -> list[str]:
        given = self.given.item() if isinstance(self.given, np.generic) else self.given
        return [repr(given)] if isinstance(given, (str, int, float)) else ["…"]


class _Add(_SetTo):
    verb = "add"

    def _values(self, translator: Codec, factor: Factor, total: int | None) -> Values:
        return Added(repr(self), self._numbers(translator, factor), total)


class _Resample(Edit):
    verb = "resample"

    def __init__(self, factor: str, seed: int, from_prior: bool, hold: Sequence[str]) -> None:
        super().__init__(factor, hold)
        self.seed, self.from_prior = seed, from_prior

    def _values(self, translator: Codec, factor: Factor, total: int | None) -> Values:  # noqa: ARG002
        generator = Generator().manual_seed(self.seed)

        def draw(n: int) -> Tensor:
            if self.from_prior:
                return torch.randn(n, factor.size, generator=generator)
            return translator.draw(factor, n, generator)

        return Drawn(draw)

    def _arguments(self) -> list[str]:
        return [f"seed={self.seed}", *(["from_prior=True"] if self.from_prior else [])]


def listed(edits: Edit | Sequence[Edit] | None) -> list[Edit]:
    """One edit, several or none, as a list."""
    if edits is None:
        return []
    return list(edits) if isinstance(edits, (list, tuple)) else [edits]  # type: ignore[list-item]


def swap(
    factor: str, donor: Any = None, *, donor_codes: Tensor | None = None, hold: Sequence[str] = ()
) -> Edit:
    """Takes the factor from other inputs.

    Args:
        factor: The factor to exchange.
        donor: Inputs in the same form as those that are edited: as many as them, or a batch of one.
        donor_codes: Their codes instead, float (B, D) or (1, D).
        hold: Concepts that keep their probed value.

    Raises:
        EditError: neither or both of `donor` and `donor_codes`.
    """
    return _Swap(factor, donor, donor_codes, hold)


def set_to(factor: str, value: Any, *, hold: Sequence[str] = ()) -> Edit:
    """Sets the factor to a class's mean code, or to a code that is given.

    Numbers are *codes*, about N(0, 1) over the data, and not values of the concept: `set_to("brightness", 200)` sets
    a code far outside the data, and warns. `swap("brightness", donor)` takes the code of an input that has the value.

    Args:
        factor: The factor to set.
        value: The name of a class, whose mean code is taken (`set_to("digit", "7")`); or a code, float (size,) for
            all inputs or (B, size). One number stands for all axes; on a factor of classes it is refused, as a class
            would be meant.
        hold: Concepts that keep their probed value.

    Warns:
        InnWarning: in `run`, the code lies far outside the range of the reference codes.
    """
    return _SetTo(factor, value, hold)


def add(factor: str, delta: Any, *, hold: Sequence[str] = ()) -> Edit:
    """Adds to the factor's code.

    Args:
        factor: The factor to move.
        delta: float (size,) for all inputs or (B, size), or one number for all axes; in the units of the code, as for
            `set_to`, and not in those of the concept.
        hold: Concepts that keep their probed value.

    Warns:
        InnWarning: in `run`, the sum lies far outside the range of the reference codes.
    """
    return _Add(factor, delta, hold)


def resample(factor: str, *, seed: int = 0, from_prior: bool = False, hold: Sequence[str] = ()) -> Edit:
    """Draws the factor anew, for each input independently.

    Args:
        factor: The factor to draw.
        seed: Of the draw; the same seed draws the same codes.
        from_prior: Draw from N(0, I) and not from stored codes of the data. That puts variance into directions that
            are nearly empty, and so overstates what the output does.
        hold: Concepts that keep their probed value.
    """
    return _Resample(factor, seed, from_prior, hold)


if not TYPE_CHECKING:  # type checkers refuse unknown names themselves
    __getattr__ = old_names("interpret_inn.edits")
