"""Pictures of all forms, brought to one; and timm's geometry on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from interpret_inn.errors import BackboneError, InputError, suggest

IDENTITY_HINT = "if they are already normalised, type wrap(..., preprocess='identity')."
_FORMS = "uint8 (B, H, W), (B, H, W, C) or (B, C, H, W), or floats in [0, 1] (B, C, H, W)"
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resampling(name: str) -> Image.Resampling:
    """Pillow's filter of this name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in _RESAMPLING:
        raise InputError(f"There is no interpolation {name!r}. {suggest(str(name), _RESAMPLING)}")
    return _RESAMPLING[name]


def as_prepared(batch: Any) -> Tensor:
    """A batch that is prepared already, as a tensor; uint8 becomes float32 unscaled.

    Raises:
        InputError: it is no tensor, no array of numbers, and no list of such of one shape.
    """
    listed = isinstance(batch, list | tuple) and len(batch) > 0
    if listed and all(isinstance(item, Tensor | np.ndarray) for item in batch):
        tensors = [_tensor(item) for item in batch]
        shapes = sorted({tuple(t.shape) for t in tensors})
        if len(shapes) > 1:
            raise InputError(f"Expected prepared inputs of one shape, found {shapes[0]} and {shapes[1]}.")
        batch = torch.stack(tensors)
    if not isinstance(batch, Tensor | np.ndarray):
        found = f"a {type(batch).__name__}"
        if listed:
            found += f" of {type(batch[0]).__name__}"
        raise InputError(
            f"Expected prepared inputs (a tensor or an array; preprocess is 'identity'), found {found}. "
            "Type wrap(..., preprocess=...) to have pictures prepared."
        )
    tensor = _tensor(batch)
    return tensor.float() if tensor.dtype == torch.uint8 else tensor


def _tensor(values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values
    if values.dtype.kind not in "fiub":
        raise InputError(f"Expected an array of numbers, found dtype {values.dtype}.")
    return torch.from_numpy(np.ascontiguousarray(values))


def channels_first(batch: Any, *, channels: int | None) -> Tensor:
    """A batch of pictures as float32 (B, C, H, W), integers scaled to [0, 1], with the wanted channels.

    Raises:
        InputError: it is no batch of pictures, or has the wrong number of channels.
    """
    if not isinstance(batch, Tensor | np.ndarray):
        raise InputError(f"Expected pictures ({_FORMS}, or a list of them), found {type(batch).__name__}.")
    shape = tuple(batch.shape)
    if len(shape) == 3 and (shape[2] in (3, 4) or (shape[0] == 3 and channels == 3)):
        raise InputError(
            f"Expected a batch of pictures ({_FORMS}), found {shape}, which looks like a single picture. "
            "Type images[None] (or images[:, None], if it is a batch of grey ones)."
        )
    if len(shape) not in (3, 4) or 0 in shape:
        raise InputError(f"Expected pictures ({_FORMS}), found shape {shape}; {IDENTITY_HINT}")
    images = _scaled(batch)
    if images.ndim == 3:
        images = images[:, None]
    elif _is_channels_last(shape, channels, prefer_last=isinstance(batch, np.ndarray)):
        images = images.permute(0, 3, 1, 2)
    return _with_channels(images, channels, shape)


def _is_channels_last(shape: tuple[int, ...], channels: int | None, *, prefer_last: bool) -> bool:
    plausible = {channels} if channels not in (None, 1, 3) else {1, 3, 4}
    first, last = shape[1] in plausible, shape[-1] in plausible
    return prefer_last if first and last else last


def _scaled(batch: Tensor | npt.NDArray[Any]) -> Tensor:
    images = _tensor(batch)
    if images.dtype in (torch.uint8, torch.uint16):
        return images.float() / (255 if images.dtype == torch.uint8 else 65535)
    if images.is_floating_point() or images.dtype == torch.bool:
        return images.float()
    raise InputError(
        f"Expected pictures ({_FORMS}), found {str(images.dtype).removeprefix('torch.')}. "
        "Type images.astype('uint8') if the values lie in 0 … 255."
    )


def _with_channels(images: Tensor, channels: int | None, shape: tuple[int, ...]) -> Tensor:
    found = images.shape[1]
    if channels is None or found == channels:
        return images
    if found == 1 and channels == 3:  # grey as colour: nothing is lost or invented
        return images.expand(-1, 3, -1, -1)
    raise InputError(f"Expected pictures of {channels} channels, found {found} in {shape}. Convert them.")


def single(item: Any, *, channels: int | None, index: int) -> npt.NDArray[Any]:
    """One picture as (H, W, C): uint8, or float32 (from 16 bits and floats).

    Raises:
        InputError: it is no picture, or has the wrong number of channels; its place in the list is named.
    """
    try:
        if isinstance(item, Image.Image):
            return _from_pillow(item, channels)
        if isinstance(item, Tensor | np.ndarray) and item.ndim in (2, 3):
            array = item.detach().cpu().numpy() if isinstance(item, Tensor) else item
            # a channel axis where `channels_first` expects it: last in arrays, first in tensors
            grey = item[..., None] if isinstance(item, np.ndarray) else item[None]
            images = channels_first((grey if item.ndim == 2 else item)[None], channels=channels)
            return to_array(images[0], of=array)
    except InputError as error:
        raise InputError(f"Picture {index} of the list: {error}") from error
    shape = f" of shape {tuple(item.shape)}" if isinstance(item, Tensor | np.ndarray) else ""
    raise InputError(
        f"Expected a list of PIL images or of arrays (H, W) or (H, W, C), "
        f"found {type(item).__name__}{shape} at index {index}."
    )


def _from_pillow(image: Image.Image, channels: int | None) -> npt.NDArray[Any]:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.array(image, dtype=np.float32)
        values /= np.float32(1 if image.mode == "F" else 65535)
        tensor = _with_channels(torch.from_numpy(values)[None, None], channels, values.shape)
        array: npt.NDArray[Any] = tensor[0].permute(1, 2, 0).numpy()
        return array
    grey = channels == 1 or (channels is None and image.mode in ("1", "L", "LA"))
    if channels not in (None, 1, 3):
        raise InputError(f"Expected pictures of {channels} channels, found a PIL image in {image.mode!r}.")
    converted: npt.NDArray[Any] = np.array(image.convert("L" if grey else "RGB"))
    return converted[:, :, None] if grey else converted


def to_array(image: Tensor, *, of: Any) -> npt.NDArray[Any]:
    """A picture (C, H, W) in [0, 1] as (H, W, C): uint8 if it was made `of` 8 bits, else float32."""
    array: npt.NDArray[Any] = image.permute(1, 2, 0).cpu().numpy()
    if str(of.dtype).removeprefix("torch.") == "uint8":
        array = np.rint(array * 255).astype(np.uint8)
    return array


def resize_and_crop(
    picture: npt.NDArray[Any],
    size: tuple[int, int],
    crop_pct: float,
    *,
    mode: str = "center",
    interpolation: str = "bicubic",
    fill: tuple[int, ...] = (),
) -> npt.NDArray[Any]:
    """Resizes and crops as timm's `transforms_imagenet_eval` does.

    Args:
        picture: (H, W, C), uint8 or float32.
        size: (height, width) of the result.
        crop_pct: The share that the centre crop keeps; above 1 leaves a black frame.
        mode: "center", "squash" or "border".
        interpolation: Name of the filter.
        fill: For "border": a value in 0 … 255 for each channel; () is black.

    Returns:
        (height, width, C) of the same type.
    """
    (height, width), wanted = picture.shape[:2], [math.floor(side / crop_pct) for side in size]
    ratios = (height / wanted[0], width / wanted[1])
    if mode == "squash":
        scaled = (wanted[0], wanted[1])
    elif mode == "center" and wanted[0] == wanted[1]:  # torchvision's Resize, which cuts the longer side down
        short = min(height, width)
        scaled = (int(wanted[0] * height / short), int(wanted[0] * width / short))
    else:
        ratio = max(ratios) if mode == "border" else min(ratios)
        scaled = (max(1, round(height / ratio)), max(1, round(width / ratio)))
    resized = _resized(picture, scaled, interpolation)
    if mode == "border" or resized.shape[0] < size[0] or resized.shape[1] < size[1]:
        resized = _bordered(resized, size, fill if mode == "border" else ())
    top, left = (round((resized.shape[i] - size[i]) / 2.0) for i in (0, 1))
    return resized[top : top + size[0], left : left + size[1]]


def _bordered(picture: npt.NDArray[Any], size: tuple[int, int], fill: tuple[int, ...]) -> npt.NDArray[Any]:
    height, width, channels = picture.shape
    frame = np.zeros((max(height, size[0]), max(width, size[1]), channels), dtype=picture.dtype)
    if fill:
        frame[:] = fill if picture.dtype == np.uint8 else np.array(fill, dtype=picture.dtype) / 255
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    frame[top : top + height, left : left + width] = picture
    return frame


def _resized(picture: npt.NDArray[Any], size: tuple[int, int], interpolation: str) -> npt.NDArray[Any]:
    filter_, (height, width) = resampling(interpolation), size
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.array(Image.fromarray(picture).resize((width, height), filter_))
    planes = [
        np.array(Image.fromarray(np.ascontiguousarray(picture[:, :, c])).resize((width, height), filter_))
        for c in range(picture.shape[2])
    ]
    # floats overshoot a little at edges; Pillow clips 8 bits itself
    stacked = np.stack(planes, 2)
    return stacked if picture.dtype == np.uint8 else stacked.clip(0, 1)


def range_of(given: tuple[float, float] | None) -> tuple[float, float] | None:
    """The lowest and the highest value of a model's images, checked; None if not given.

    Raises:
        BackboneError: not two finite numbers, or the first is not smaller.
    """
    if given is None:
        return None
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        low = high = 0.0
    if not -math.inf < low < high < math.inf:
        raise BackboneError(
            "Expected value_range as the lowest and the highest value of the model's images, such as (0, 1) or "
            f"(-1, 1), found {given!r}."
        )
    return low, high
