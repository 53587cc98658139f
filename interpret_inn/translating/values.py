"""A factor's new values in an edit, for inputs that come batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from interpret_inn.errors import EditError


class Values(Protocol):
    """A factor's new values, batch by batch in the order of the inputs."""

    def of(self, codes: Tensor, start: int) -> Tensor:
        """Values that broadcast to the factor's codes of a batch (B, ..., size).

        Args:
            codes: The factor's codes before the edit.
            start: Index of the batch's first input among all inputs.

        Raises:
            EditError: there are none for these inputs.
        """
        ...

    def end(self, total: int) -> None:
        """Checks the number of inputs, once it is known.

        Raises:
            EditError: there are values for another number.
        """
        ...


class PerInput:
    """One value for all inputs, or one for each; see `Values`.

    Args:
        edit: The edit, as errors name it.
        given: float, a number, (size,), (N, size) or (N, P, size), with N = 1 for all inputs.
        total: Number of inputs; None: not known before their end.

    Raises:
        EditError: values for another number of inputs.
    """

    def __init__(self, edit: str, given: Tensor, total: int | None) -> None:
        self._edit, self._given = edit, given
        self._several = given.ndim > 1 and len(given) != 1
        if total is not None:
            self.end(total)

    def of(self, codes: Tensor, start: int) -> Tensor:
        """See `Values`."""
        given = self._given.to(codes)
        if given.ndim == 2 and codes.ndim == 3:  # one code an input, the same at all positions
            given = given[:, None]
        if self._several:
            if start + len(codes) > len(given):
                raise self._misfit("the")
            given = given[start : start + len(codes)]
        try:
            return given.expand(codes.shape)
        except RuntimeError as error:
            raise PerInput._misfit(self, "the") from error  # a shape is at fault, also of donors

    def end(self, total: int) -> None:
        """See `Values`."""
        if self._several and len(self._given) != total:
            raise self._misfit(str(total))

    def _misfit(self, inputs: str) -> EditError:
        return EditError(
            f"{self._edit}: expected a value for each of {inputs} inputs, or one for all of them, "
            f"found shape {tuple(self._given.shape)}."
        )


class Donors(PerInput):
    """The codes of one donor, or of one for each input; see `PerInput`."""

    def _misfit(self, inputs: str) -> EditError:
        return EditError(
            f"{self._edit}: expected one donor, or one for each of {inputs} inputs, found {len(self._given)}."
        )


class Added(PerInput):
    """Values that are added to the factor; see `PerInput`."""

    def of(self, codes: Tensor, start: int) -> Tensor:
        """See `Values`."""
        return codes + super().of(codes, start)


class Drawn:
    """Random values, one row for each input; they do not depend on the sizes of batches. See `Values`.

    Args:
        draw: Draws `n` rows, (n, size).
    """

    _AT_ONCE = 64  # rows of every draw: with one size for all, the rows are the same for batches of any size

    def __init__(self, draw: Callable[[int], Tensor]) -> None:
        self._draw, self._left = draw, draw(self._AT_ONCE)

    def of(self, codes: Tensor, start: int) -> Tensor:  # noqa: ARG002
        """See `Values`; at positions all of an input's positions get the same draw."""
        rows, parts = len(codes), [self._left]
        while sum(map(len, parts)) < rows:
            parts.append(self._draw(self._AT_ONCE))
        drawn = torch.cat(parts)
        self._left = drawn[rows:]
        return drawn[:rows].reshape(rows, *[1] * (codes.ndim - 2), drawn.shape[1]).to(codes)

    def end(self, total: int) -> None:
        """See `Values`."""
