"""Layouts turn representations into rows (R, D) and back, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from interpret_inn.backbones.address import Address
from interpret_inn.errors import SiteError, suggest

LayoutName = Literal["vector", "flat", "positions", "pooled"]
Order = Literal["channels_first", "channels_last"]

_CHANNELS_FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm)


@dataclass(frozen=True)
class Carried:
    """The part of representations that a layout leaves out of the rows; with it the rows can be turned back.

    Attributes:
        shape: Of one input's representation.
        dtype: Of the representation; rows of half precision are computed with in single precision.
        rest: `pooled`: the whole representation (B, ...); `positions`: its prefix tokens (B, prefix, D).
        mean: `pooled`: the rows that were made, (B, D).
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    rest: Tensor | None = None
    mean: Tensor | None = None

    def take(self, indices: Tensor | slice) -> Carried:
        """The same for some inputs of the batch, int64 (M,), in this order and repeated like these, or a slice."""
        rest = None if self.rest is None else self.rest[indices]
        return Carried(self.shape, self.dtype, rest, None if self.mean is None else self.mean[indices])

    @classmethod
    def joined(cls, parts: Sequence[Carried]) -> Carried:
        """The carried parts of several batches as one batch's."""
        rest = [part.rest for part in parts if part.rest is not None]
        mean = [part.mean for part in parts if part.mean is not None]
        return cls(
            parts[0].shape,
            parts[0].dtype,
            torch.cat(rest) if rest else None,
            torch.cat(mean) if mean else None,
        )


@dataclass(frozen=True)
class Layout:
    """How a representation is read as rows.

    Attributes:
        name: `vector`: (B, D) unchanged. `flat`: a whole map, or all tokens, in one row. `positions`: one row for each
            position of a map or token, prefix tokens apart. `pooled`: the mean over positions; the deviations from it
            are carried along.
        order: The axis of a map or of tokens that holds the channels.
        prefix: How many tokens at the front stand for no position (class token, registers).
    """

    name: LayoutName
    order: Order = "channels_first"
    prefix: int = 0

    def __str__(self) -> str:
        if self.name in ("vector", "flat"):
            return self.name
        return f"{self.name}:{self.order}" + (f" after {self.prefix} prefix tokens" if self.prefix else "")

    def to_rows(self, z: Tensor) -> tuple[Tensor, Carried]:
        """Rows (R, D) in single precision or better; R = B, or B · P for `positions`.

        Args:
            z: (B, D), (B, tokens, D), (B, C, H, W) or (B, H, W, C).
        """
        shape = tuple(z.shape[1:])
        if self.name in ("vector", "flat"):
            return _precise(z.flatten(1)), Carried(shape, z.dtype)
        tokens = self._tokens(z)
        if self.name == "positions":
            rest = tokens[:, : self.prefix].clone()
            return _precise(tokens[:, self.prefix :].flatten(0, 1)), Carried(shape, z.dtype, rest)
        mean = _precise(tokens[:, self.prefix :]).mean(1)
        return mean, Carried(shape, z.dtype, z, mean)

    def from_rows(self, rows: Tensor, carried: Carried) -> Tensor:
        """The representation with these rows: unchanged rows give it back bit for bit."""
        if self.name in ("vector", "flat"):
            return rows.reshape(-1, *carried.shape).to(carried.dtype)
        if self.name == "positions":
            return self._from_positions(rows, carried)
        rest, mean = _required(carried.rest), _required(carried.mean)
        # x + (-0.0) is x for every x, but x + 0.0 turns -0.0 into 0.0
        change = rows - mean
        change = torch.where(change == 0, -0.0, change)
        tokens = self._tokens(_precise(rest))
        moved = torch.cat([tokens[:, : self.prefix], tokens[:, self.prefix :] + change[:, None]], 1)
        return self._from_tokens(moved, carried.shape).to(carried.dtype)

    def _from_positions(self, rows: Tensor, carried: Carried) -> Tensor:
        rest = _required(carried.rest)
        tokens = rows.reshape(len(rest), -1, rows.shape[-1]).to(carried.dtype)
        return self._from_tokens(torch.cat([rest, tokens], 1), carried.shape)

    def _tokens(self, z: Tensor) -> Tensor:
        """Tokens (B, P, D) of either order of axes."""
        if self.order == "channels_first":
            return z.flatten(2).transpose(1, 2)
        return z.flatten(1, -2)

    def _from_tokens(self, tokens: Tensor, shape: tuple[int, ...]) -> Tensor:
        if self.order == "channels_first":
            tokens = tokens.transpose(1, 2)
        return tokens.reshape(-1, *shape)

    def width(self, z_shape: tuple[int, ...]) -> int:
        """`D`, the length of a row, for an input's representation of this shape (without the batch axis)."""
        if self.name in ("vector", "flat"):
            return math.prod(z_shape)
        return z_shape[0] if self.order == "channels_first" else z_shape[-1]

    def refuse_other_shape(self, z: Tensor, shape: tuple[int, ...]) -> None:
        """Refuses representations (B, ...) that are not of this shape each, unless the layout takes any.

        Raises:
            SiteError: the shape differs.
        """
        if tuple(z.shape[1:]) != shape and self.name != "pooled":
            raise SiteError(
                f"Expected representations of shape {shape} as in the first run, "
                f"found {tuple(z.shape[1:])}. Pass inputs of one size, or choose the layout 'pooled'."
            )

    def positions_per_input(self, z_shape: tuple[int, ...]) -> int:
        """`P`, the number of rows of one input; 1 for all layouts but `positions`."""
        if self.name != "positions":
            return 1
        return math.prod(z_shape) // self.width(z_shape) - self.prefix

    def grid(self, z_shape: tuple[int, ...]) -> tuple[int, int] | None:
        """(height, width) of the positions, None if they form no grid; tokens: the square that holds them."""
        if self.name == "vector" or len(z_shape) < 2:
            return None
        if len(z_shape) == 3:
            return (z_shape[1], z_shape[2]) if self.order == "channels_first" else (z_shape[0], z_shape[1])
        count = math.prod(z_shape) // Layout("pooled", self.order).width(z_shape) - self.prefix
        side = math.isqrt(count)
        return (side, side) if side * side == count else None


def _required(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise SiteError("Expected what `to_rows` of this layout returned beside the rows, found another's.")
    return tensor


def _precise(z: Tensor) -> Tensor:
    return z.float() if z.dtype in (torch.float16, torch.bfloat16) else z


def infer_layout(
    z: Tensor, wanted: str | None = None, model: nn.Module | None = None, *, module: nn.Module | None = None
) -> Layout:
    """Infers the layout of a representation.

    (B, D) is a `vector`; (B, C, 1, 1) is `flat`; other maps and tokens (B, tokens, D) are `pooled`.

    Args:
        z: A representation, (B, ...); only its shape and type are looked at.
        wanted: A layout's name, also with the order of axes: "pooled:channels_last".
        model: Its attributes may tell the number of prefix tokens and the order of axes (timm: `num_prefix_tokens`,
            `output_fmt`).
        module: The module whose output `z` is; its type may tell the order of axes.

    Raises:
        SiteError: `z` has no batch axis, 5 axes or more, or is not of floating type; or the wanted layout
            is unknown or does not fit.
    """
    name, order = _parse(wanted)
    if not z.is_floating_point():
        raise SiteError(f"Expected a site that carries floating numbers, found {z.dtype}. Type another.")
    if z.ndim not in (2, 3, 4) or 0 in z.shape:
        raise SiteError(
            "Expected a site that carries (B, D), (B, tokens, D) or (B, C, H, W), "
            f"found shape {tuple(z.shape)}. Choose another site of interpret_inn.sites(model, inputs)."
        )
    if z.ndim == 2:
        if name not in (None, "vector", "flat"):
            found = tuple(z.shape)
            raise SiteError(f"The layout {name!r} needs a map or tokens, found {found}. Type 'vector'.")
        return Layout(name or "vector")
    if name == "vector":
        raise SiteError(f"The layout 'vector' needs (B, D), found {tuple(z.shape)}. Type 'flat' or 'pooled'.")
    if z.ndim == 3:
        order = order or "channels_last"
        prefix = 0 if order == "channels_first" else _prefix_tokens(z.shape[1], model)
        return Layout(name or "pooled", order, prefix)
    order = order or _order(z.shape, model, module)
    single = z.shape[2] == 1 and z.shape[1 if order == "channels_last" else 3] == 1
    return Layout(name or ("flat" if single else "pooled"), order)


def check_layout(wanted: str | None) -> None:
    """Refuses a layout that there is not, before anything runs.

    Raises:
        SiteError: there is no layout, or no order of axes, of that name.
    """
    _parse(wanted)


def _parse(wanted: str | None) -> tuple[LayoutName | None, Order | None]:
    if wanted is None:
        return None, None
    name, _, order = str(wanted).partition(":")
    names = get_args(LayoutName)
    if name not in names:
        raise SiteError(
            f"There is no layout {wanted!r}. {suggest(name, names)} Layouts are {', '.join(names)}."
        )
    if order and order not in get_args(Order):
        raise SiteError(f"There is no order of axes {order!r}. {suggest(order, get_args(Order))}")
    return cast(LayoutName, name), cast(Order, order) if order else None


def _order(shape: torch.Size, model: nn.Module | None, module: nn.Module | None) -> Order:
    """Infers it from the type of the module, else from two sides of one length, else from the model's attributes."""
    if isinstance(module, _CHANNELS_FIRST):
        return "channels_first"
    if isinstance(module, _CHANNELS_LAST):
        return "channels_last"
    _, a, b, c = shape
    if (a == b) != (b == c):
        return "channels_last" if a == b else "channels_first"
    form = str(getattr(model, "output_fmt", ""))
    return "channels_last" if form.endswith("NHWC") else "channels_first"


def _prefix_tokens(tokens: int, model: nn.Module | None) -> int:
    """The number of prefix tokens; none if the patches alone fill the tokens (before prefix tokens are added)."""
    prefix = getattr(model, "num_prefix_tokens", None)
    if not isinstance(prefix, int) or not 0 < prefix < tokens:
        return 0
    patches = getattr(getattr(model, "patch_embed", None), "num_patches", None)
    if isinstance(patches, int) and tokens in (patches, patches + prefix):
        return tokens - patches
    whole, rest = math.isqrt(tokens), math.isqrt(tokens - prefix)
    return 0 if whole * whole == tokens and rest * rest != tokens - prefix else prefix


def refuse_other_batch(z: Tensor, inputs: int, site: Address) -> None:
    """Refuses a site that does not carry one representation for each input.

    Raises:
        SiteError: the first axis of `z` is not as long as there are inputs.
    """
    if z.ndim == 0 or len(z) != inputs:
        raise SiteError(
            f"Expected the site {str(site)!r} to carry one representation for each of {inputs} inputs, found shape "
            f"{tuple(z.shape)}. Choose another site."
        )
