"""From pictures to a model's inputs, and back: resize, centre crop, scale, normalise.

The geometry is the same as in timm's evaluation transform. Pictures that already have the model's size are neither
resized nor cropped.
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from interpret_inn.backbones import picture_forms
from interpret_inn.backbones.picture_forms import IDENTITY_HINT
from interpret_inn.backbones.preprocess_fields import require_numbers
from interpret_inn.errors import InputError
from interpret_inn.types.numbers import SLACK

Transform = Callable[[Any], Any]
_MODES, _CROP_MODES = ("pictures", "identity", "callable"), ("center", "squash", "border")


@dataclass(frozen=True)
class Preprocess:
    """Turns a batch of pictures into prepared inputs (B, C, H, W).

    Attributes:
        size: (H, W) of the model's inputs; None: pictures keep their size.
        mean: Per channel, in [0, 1]; (): not normalised.
        std: Per channel; (): not normalised.
        crop_pct: The share of the shorter side that the centre crop keeps; above 1 leaves a black frame.
        crop_mode: "center" (the shorter side decides), "squash" (both sides do, the proportions change) or
            "border" (the longer side decides, the rest is filled with the mean).
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
        channels: Number of channels of the model's inputs; None: any.
        mode: "pictures"; "identity" (inputs are prepared already); or "callable".
        function: For "callable": the user's own transform.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    crop_pct: float = 1.0
    crop_mode: str = "center"
    interpolation: str = "bicubic"
    channels: int | None = None
    mode: str = "pictures"
    function: Transform | None = None
    _digest: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        picture_forms.resampling(self.interpolation)
        for name, value, known in (("mode", self.mode, _MODES), ("crop_mode", self.crop_mode, _CROP_MODES)):
            if value not in known:
                raise InputError(f"Expected {name} to be one of {', '.join(known)}, found {value!r}.")
        require_numbers(
            size=self.size, mean=self.mean, std=self.std, crop_pct=self.crop_pct, channels=self.channels
        )

    @classmethod
    def identity(cls) -> Preprocess:
        """Inputs are prepared already; only their finiteness is checked."""
        return cls(mode="identity")

    @classmethod
    def of(cls, given: Any) -> Preprocess:
        """A `Preprocess` of the forms that users may give.

        Args:
            given: None (pictures are only scaled to [0, 1]), "identity", a `Preprocess`, a mapping of its fields, or a
                callable, which gets the batch (of a list: one picture at a time).

        Raises:
            InputError: `given` is something else.
        """
        if given is None:
            return cls()
        if isinstance(given, Preprocess):
            return given
        if isinstance(given, str) and given == "identity":
            return cls.identity()
        if isinstance(given, Mapping):
            return cls.from_dict(given)
        if callable(given):
            return cls(mode="callable", function=given, _digest=_digest(given))
        raise InputError(
            "Expected preprocess to be None, 'identity', a Preprocess, a dict of its fields or a callable, "
            f"found {given!r}."
        )

    def __call__(self, batch: Any) -> Tensor:
        """Prepares a batch.

        Args:
            batch: uint8 pictures (B, H, W), (B, H, W, C) or (B, C, H, W); float pictures in [0, 1],
                (B, C, H, W) or channels last; or a list of PIL images or arrays, of any sizes.

        Returns:
            float32 (B, C, H, W); "identity": the batch as a tensor; "callable": the callable's tensor.

        Raises:
            InputError: no pictures, values outside [0, 1] or not finite, or the wrong number of channels.
        """
        if self.mode == "identity":
            return finite(picture_forms.as_prepared(batch))
        if self.mode == "callable":
            return finite(self._apply(batch))
        if isinstance(batch, list | tuple):
            return self._from_list(batch)
        images = _unit_range(picture_forms.channels_first(batch, channels=self.channels))
        if self.size is not None and tuple(images.shape[2:]) != self.size:
            # pictures of 8 bits are resized in 8 bits, as in a list of them
            resized = [self._fitted(picture_forms.to_array(image, of=batch)) for image in images]
            images = torch.stack(resized)
        return self._normalised(images)

    def _from_list(self, batch: Sequence[Any]) -> Tensor:
        if not batch:
            raise InputError("Expected at least one picture, found an empty list.")
        arrays = [picture_forms.single(item, channels=self.channels, index=i) for i, item in enumerate(batch)]
        shapes = {array.shape[:2] for array in arrays}
        if self.size is None and len(shapes) > 1:
            raise InputError(
                f"Expected pictures of one size, found {sorted(shapes)[:4]}. The model names no size "
                "to bring them to: type preprocess={'size': (height, width)} or resize them."
            )
        counts = {array.shape[2] for array in arrays}
        if len(counts) > 1:
            raise InputError(f"Expected the same number of channels everywhere, found {sorted(counts)}.")
        return self._normalised(_unit_range(torch.stack([self._fitted(array) for array in arrays])))

    def _fitted(self, picture: npt.NDArray[Any]) -> Tensor:
        """One picture (H, W, C), resized and cropped to `size`: float32 (C, H, W) in [0, 1]."""
        if self.size is not None and picture.shape[:2] != self.size:
            fill = tuple(round(255 * value) for value in self.mean)
            picture = picture_forms.resize_and_crop(
                picture,
                self.size,
                self.crop_pct,
                mode=self.crop_mode,
                interpolation=self.interpolation,
                fill=fill,
            )
        tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
        return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor.float()

    def _normalised(self, images: Tensor) -> Tensor:
        if not self.mean:
            return images
        if images.shape[1] != len(self.mean):
            grey = images.shape[1] == 1 and len(self.mean) == 3
            cure = "'channels': 3, which repeats grey pictures" if grey else "a mean and std for each channel"
            raise InputError(
                f"Expected {len(self.mean)} channels to normalise, found {images.shape[1]}. Type "
                f"preprocess={{'mean': …, 'std': …}} with {cure}, or convert the pictures."
            )
        mean, std = (torch.tensor(v, device=images.device).view(-1, 1, 1) for v in (self.mean, self.std))
        return (images - mean) / std

    def _apply(self, batch: Any) -> Tensor:
        if self.function is None:
            raise InputError(
                "This preprocess was a callable of your own, which is not stored. Pass it again: "
                "preprocess=your_function."
            )
        one_by_one = isinstance(batch, list | tuple)
        made = [self.function(item) for item in batch] if one_by_one else self.function(batch)
        made = torch.stack(made) if one_by_one and made and isinstance(made[0], Tensor) else made
        if not isinstance(made, Tensor):
            raise InputError(f"Expected `preprocess` to return a tensor, found {type(made).__name__}.")
        return made

    def undo(self, prepared: Tensor) -> npt.NDArray[np.uint8] | None:
        """Pictures to show, uint8 (B, H, W, 3), of prepared inputs; None if they are no pictures.

        Inputs that were prepared elsewhere ("identity", callables) are taken unchanged if all lie in [0, 1], shifted if
        all lie in [−1, 1], and otherwise each stretched from its own range.
        """
        if prepared.ndim != 4 or prepared.shape[1] not in (1, 3):
            return None
        images = prepared.detach().float().cpu()
        if self.mode != "pictures":
            images = _guessed_range(images)
        elif self.mean:
            mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (self.mean, self.std))
            images = images * std + mean
        shown = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        result: npt.NDArray[np.uint8] = shown.expand(-1, -1, -1, 3).contiguous().numpy()
        return result

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Of a callable only its qualified name is kept, and a digest of its code."""
        if self.mode == "identity":
            return {"mode": "identity"}
        if self.mode == "callable":
            return {"mode": "callable", "name": qualified_name(self.function), "digest": self._digest}
        names = ("mode", "size", "mean", "std", "crop_pct", "crop_mode", "interpolation", "channels")
        values = {name: getattr(self, name) for name in names}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Preprocess:
        """The inverse of `to_dict`. A callable comes back without its function and asks for it when called.

        Raises:
            InputError: a field is unknown.
        """
        if stored.get("mode") == "callable":
            return cls(mode="callable", _digest=str(stored.get("digest", "")))
        known = [f.name for f in fields(cls) if f.name not in ("function", "_digest")]
        unknown = [name for name in stored if name not in known]
        if unknown:
            raise InputError(f"Expected fields of a preprocess ({', '.join(known)}), found {unknown}.")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
        return cls(**values)


def finite(prepared: Tensor) -> Tensor:
    """Returns the inputs unchanged.

    Raises:
        InputError: there are none, or some hold NaN or infinity: their number and the indices of the first.
    """
    if prepared.ndim == 0 or len(prepared) == 0:
        raise InputError(f"Expected a batch of at least one input, found shape {tuple(prepared.shape)}.")
    if not prepared.is_floating_point():
        return prepared
    bad = (~torch.isfinite(prepared).flatten(1).all(1)).nonzero().flatten().tolist()
    if bad:
        shown = ", ".join(map(str, bad[:5])) + (", …" if len(bad) > 5 else "")
        raise InputError(
            f"Expected finite values, found NaN or infinity in {len(bad)} of {len(prepared)} inputs "
            f"(indices {shown}). Leave them out."
        )
    return prepared


def _unit_range(images: Tensor) -> Tensor:
    finite(images)
    low, high = float(images.min()), float(images.max())
    if low < -SLACK or high > 1 + SLACK:
        raise InputError(
            f"Expected pictures with values in [0, 1] (or uint8), found {low:.4g} to {high:.4g}. "
            f"If they are only scaled otherwise, bring them to [0, 1]; {IDENTITY_HINT}"
        )
    return images


def _guessed_range(images: Tensor) -> Tensor:
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    if low.min() >= -SLACK and high.max() <= 1 + SLACK:
        return images
    if low.min() >= -1 - SLACK and high.max() <= 1 + SLACK:
        return (images + 1) / 2
    return (images - low) / (high - low).clamp_min(math.ulp(1.0))


def qualified_name(function: Any) -> str:
    """Module and qualified name of a function, or of the type of a callable object."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _digest(function: Any) -> str:
    """A digest of a callable's code, defaults and closure, else of its repr.

    A repr that holds an address tells callables apart only within a process: the digest is then new each time, so that
    nothing stored for one callable is taken for another's.
    """
    code = getattr(function, "__code__", None)
    if code is not None:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        text = f"{code.co_code.hex()}{code.co_consts}{code.co_names}{function.__defaults__}{cells}"
        text = re.sub(r"<code object .*?>", "<code>", text)
    else:
        text = repr(function)
    if re.search(r" at 0x[0-9a-f]+", text):
        text += uuid.uuid4().hex
    return hashlib.sha256(text.encode()).hexdigest()[:16]
