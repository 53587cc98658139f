"""Splits items of data sets into inputs and labels, and joins inputs to batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.data.image_files import decode
from interpret_inn.errors import DataError

IMAGE_KEYS = ("image", "images", "img", "pixel_values", "input", "inputs", "x")
"""Keys of the input in items that are mappings; the first that is there counts."""

LEFT_OUT = object()
"""Takes the place of a target that is no label (a mask, boxes)."""


def split(item: Any, index: int) -> tuple[Any, dict[str, Any]]:
    """Splits an item (or a batch of a loader's `collate_fn`) into input and labels.

    An item is an input; `(input,)`; `(input, label)`; `(input, {name: label})`;
    `(input, label, label, ...)`, the later ones named `label_2` and so on; or a mapping with
    one of `IMAGE_KEYS`.

    Raises:
        DataError: none of these.
    """
    if isinstance(item, Mapping):
        key = next((key for key in IMAGE_KEYS if key in item), None)
        if key is None:
            raise DataError(
                f"Expected items with the input under one of {', '.join(map(repr, IMAGE_KEYS))}, "
                f"found the keys {sorted(map(str, item))} in item {index}."
            )
        return item[key], {str(name): value for name, value in item.items() if name != key}
    if not isinstance(item, (tuple, list)):
        return item, {}
    if not item:
        raise DataError(
            f"Expected an input or `(input, label)` as item {index}, found nothing in it: {item!r}."
        )
    labels: dict[str, Any] = {}
    for place, value in enumerate(item[1:], start=1):
        if isinstance(value, Mapping):
            labels |= {str(name): part for name, part in value.items()}
        else:
            labels["label" if place == 1 else f"label_{place}"] = value
    return item[0], labels


def as_input(value: Any, index: int) -> Any:
    """An input in one of the forms that are read: tensor, array of numbers, or PIL image.

    Raises:
        DataError: something else, or a file that cannot be read.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, np.ndarray) and value.dtype.kind in "buif":
        return value
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, (str, Path)):
        try:
            return decode(Path(value))
        except Exception as error:
            raise DataError(
                f"Expected an image as item {index}, but {value} cannot be read: {error}"
            ) from error
    raise DataError(
        f"Expected every item to be an image (tensor, array, PIL image, path) or `(image, label)`, "
        f"found {type(value).__name__} as item {index}."
    )


def as_label(value: Any) -> Any:
    """A label as a plain value or an array (d,); `LEFT_OUT` for anything else."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, (list, tuple)) and value and all(isinstance(part, (int, float)) for part in value):
        return np.asarray(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    several = isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "buif"
    return value if several else LEFT_OUT


def collate(inputs: list[Any], indices: Sequence[int]) -> Any:
    """Stacks inputs of one shape; pictures of several sizes stay a list.

    Args:
        inputs: Tensors, arrays, or PIL images, all of one kind.
        indices: Places of the items, for messages.

    Raises:
        DataError: several kinds, or tensors of several shapes.
    """
    kinds = [_kind(value) for value in inputs]
    if len(set(kinds)) > 1:
        other = next(place for place, kind in enumerate(kinds) if kind != kinds[0])
        raise DataError(
            f"Expected inputs of one kind, found {kinds[0]} (item {indices[0]}) and "
            f"{kinds[other]} (item {indices[other]}). Convert them to one kind."
        )
    if kinds[0] == "a picture":
        return inputs
    shapes = [tuple(value.shape) for value in inputs]
    unlike = [place for place, shape in enumerate(shapes) if shape != shapes[0]]
    if not unlike:
        return torch.stack(inputs) if kinds[0] == "a tensor" else np.stack(inputs)
    if kinds[0] == "an array" and all(value.dtype == np.uint8 and value.ndim in (2, 3) for value in inputs):
        return inputs
    raise several_shapes((indices[0], shapes[0]), (indices[unlike[0]], shapes[unlike[0]]))


def several_shapes(first: tuple[int, Any], other: tuple[int, Any]) -> DataError:
    """The error for inputs that cannot be put together."""
    return DataError(
        f"Expected inputs of one shape, found {first[1]} (item {first[0]}) and {other[1]} (item {other[0]}). "
        "Resize them in the data set, or pass PIL images or uint8 pictures, which are resized for the model."
    )


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return "a tensor"
    return "an array" if isinstance(value, np.ndarray) else "a picture"
