"""From an autoencoder, whole or as two parts, to a backbone whose site is the code between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from interpret_inn.backbones import Address, Backbone, Preprocess, check_path, unwrap
from interpret_inn.backbones.picture_forms import range_of
from interpret_inn.errors import BackboneError, InnError, SiteError, suggest

from .codes import Chooser, read_code
from .examining import examiner
from .ranges import Range

SITE = "decode:in"
"""The code, as the decoder takes it."""

Part = str | Callable[[Any], Any] | None
_LINEAR = (nn.Linear, nn.modules.conv._ConvNd)
_CASTS = {torch.float16: "half", torch.bfloat16: "bfloat16", torch.float64: "double"}


class Pair(nn.Module):
    """An encoder and a decoder that come apart."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


class Step(nn.Module):
    """A function as a module, so that hooks see what goes in. What it calls is registered elsewhere."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = (function,)  # in a tuple, as modules register modules

    def forward(self, inputs: Tensor) -> Any:
        """Calls the function."""
        return self._function[0](inputs)


class Encode(Step):
    """Images (B, C, H, W) to codes (B, ...)."""

    def __init__(self, function: Callable[[Any], Any], code: Chooser) -> None:
        super().__init__(function)
        self.code = code

    def forward(self, inputs: Tensor) -> Tensor:
        """The code in what the encoder returns; raises BackboneError if it is not plain which that is."""
        return read_code(super().forward(inputs), self.code)


class Decode(Step):
    """Codes (B, ...) to images."""

    def forward(self, inputs: Tensor) -> Any:
        """What the decoder returns; the mean if that is a distribution."""
        found = super().forward(inputs)
        return found.mean if isinstance(found, Distribution) else found


class Autoencoder(nn.Module):
    """Puts a code between the two halves of the user's `network`, where hooks can read and write it."""

    def __init__(self, network: nn.Module, encode: Encode, decode: Decode) -> None:
        super().__init__()
        self.network, self.encode, self.decode = network, encode, decode

    def forward(self, images: Tensor) -> Any:
        """Images to images; raises BackboneError if the decoder does not take the encoder's codes."""
        code = self.encode(images)
        try:
            return self.decode(code)
        except (InnError, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            if "out of memory" in str(error):
                raise
            raise BackboneError(_mismatch(code, self.decode, len(images), error)) from error


def _mismatch(code: Tensor, decode: Decode, count: int, error: Exception) -> str:
    """What is wrong with codes that a decoder refuses: expected, found, what to type."""
    shape, said = tuple(code.shape), f"({type(error).__name__}: {error})"
    first = _first_layer(decode)
    if code.dtype != first.weight.dtype if first is not None else "dtype" in str(error):
        found = str(code.dtype).removeprefix("torch.")
        wanted = (
            "the decoder's precision" if first is None else str(first.weight.dtype).removeprefix("torch.")
        )
        cast = "float" if first is None else _CASTS.get(first.weight.dtype, "float")
        return (
            f"Expected codes in {wanted}, found {found} from the encoder {said}. Bring both halves to one precision, "
            f"model.{cast}(), or convert what the encoder gives: wrap(..., code=lambda answer: answer.{cast}())."
        )
    if shape[0] != count and len(shape) == 2 and shape[1] == count:
        return (
            f"Expected codes (B, ...), one row for each of {count} images, found {shape}, which looks transposed "
            f"{said}. Type wrap(..., code=lambda answer: answer.T)."
        )
    if shape[0] != count:
        return (
            f"Expected codes (B, ...), one for each of {count} images, found {shape} {said}. Pick the part of what "
            "the encoder gives that has one row for each image: wrap(..., code=lambda answer: ...)."
        )
    takes = "which the decoder refuses"
    if first is not None:
        width = first.in_features if isinstance(first, nn.Linear) else first.in_channels
        takes = f"while the first layer of the decoder takes {width}"
    return (
        f"The encoder does not match the decoder: it gives codes of shape {shape[1:]}, {takes} {said}. Pass an encoder "
        "and a decoder that belong together, or pick another part of what the encoder gives with code=."
    )


def adapt(
    model: Any,
    site: Any = None,
    *,
    preprocess: Any = None,
    layout: str | None = None,
    encode: Part = None,
    decode: Part = None,
    code: Chooser = None,
    value_range: Range | None = None,
    name: str | None = None,
) -> Backbone:
    """Adapts an autoencoder or VAE: image → code → image.

    Args:
        model: The network, or a pair (encoder, decoder).
        site: Where to attach; None: the code, "decode:in". Sites inside the network are those of the network
            itself ("decoder.lin1:in").
        preprocess: What images become before the encoder; None: they are only brought to [0, 1].
        layout: A layout's name; None: at the code, all of it ("flat"), else inferred.
        encode: Name of the method or module that encodes, or a function; None: "encode", else "encoder".
        decode: Likewise; None: "decode", else "decoder".
        code: Which part of what `encode` returns is the code, if that is not plain; see `read_code`.
        value_range: Lowest and highest value of images; None: the range of prepared inputs, if known.
        name: What messages and reports call the model; None: its class.

    Raises:
        BackboneError: there is no encoder or no decoder, or an option makes no sense.
        SiteError: there is no such site.
    """
    network, own_name = _network(model)
    adapted = Autoencoder(
        network,
        Encode(_function(network, encode, ("encode", "encoder"), "encode"), code),
        Decode(_function(network, decode, ("decode", "decoder"), "decode")),
    )
    where = _site(adapted, SITE if site is None else site)
    backbone = Backbone(
        adapted,
        where,
        preprocess=preprocess,
        layout="flat" if layout is None and str(where) == SITE else layout,
        name=name or own_name,
        kind="autoencoder",
        value_range=range_of(value_range) or _inputs_range(Preprocess.of(preprocess)),
    )
    backbone.examine = examiner(backbone)
    return backbone


def looks_like_one(model: Any, site: Any) -> bool:
    """Whether a model is plainly an autoencoder that is to be read at its code.

    It has `encode` and `decode`, or is a pair of modules; and the site is not one of its own.
    """
    if isinstance(model, tuple):
        return len(model) == 2 and all(isinstance(part, nn.Module) for part in model)
    if not isinstance(model, nn.Module):
        return False
    if not all(callable(getattr(model, half, None)) for half in ("encode", "decode")):
        return False
    if site is None:
        return True
    root = Address.parse(site).path.partition(".")[0]
    return root in ("encode", "decode", "network") and root not in dict(model.named_children())


def _network(model: Any) -> tuple[nn.Module, str]:
    """The user's network as one module, and its name."""
    if isinstance(model, nn.Module):
        inner = unwrap(model)
        return inner, type(inner).__name__
    if isinstance(model, tuple | list) and len(model) == 2:
        halves = []
        for part in model:
            if not isinstance(part, nn.Module):
                raise BackboneError(
                    "Expected an encoder and a decoder, both torch.nn.Module, found "
                    f"{' and '.join(type(half).__name__ for half in model)}."
                )
            halves.append(unwrap(part))
        return Pair(*halves), " and ".join(type(half).__name__ for half in halves)
    raise BackboneError(
        "Expected an autoencoder (a torch.nn.Module) or a pair (encoder, decoder), found "
        f"{type(model).__name__}."
    )


def _function(network: nn.Module, chosen: Part, names: tuple[str, str], option: str) -> Callable[[Any], Any]:
    """The half of the network that the user names; None: the first of these names that can be called."""
    if chosen is not None and not isinstance(chosen, str):
        if callable(chosen):
            return chosen
        raise BackboneError(f"Expected {option}= as a name or a function, found {type(chosen).__name__}.")
    for name in names if chosen is None else (chosen,):
        found = _attribute(network, name)
        if callable(found) and not _is_bare(found):
            function: Callable[[Any], Any] = found
            return function
    known = sorted({*names, *(name for name, _ in network.named_children())})
    what = " or ".join(map(repr, names)) if chosen is None else repr(chosen)
    raise BackboneError(
        f"Expected {type(network).__name__} to have {what}, which {option}s, found none that can be called. "
        f"Type wrap(..., {option}='name') or a function. {suggest(chosen or option, known)}"
    )


def _attribute(network: nn.Module, name: str) -> Any:
    found: Any = network
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _is_bare(found: Any) -> bool:
    """A module that only holds others has no forward of its own."""
    return (
        isinstance(found, nn.Module)
        and type(found).forward is nn.Module.forward
        and "forward" not in vars(found)
    )


def _site(adapted: Autoencoder, site: Any) -> Address:
    """An address in the adapter; one of the user's own network is found there."""
    address = Address.parse(site)
    try:
        check_path(adapted, address.path)
    except SiteError:
        check_path(adapted.network, address.path)  # its error names the user's own modules
        inside = f"network.{address.path}"
        return Address(inside, address.call, address.input, address.selector)
    return address


def _inputs_range(preprocess: Preprocess) -> Range | None:
    """The range of prepared pictures: an autoencoder gives images like those that it takes."""
    if preprocess.mode != "pictures":
        return None
    if not preprocess.mean:
        return 0.0, 1.0
    ends = [(value - m) / s for m, s in zip(preprocess.mean, preprocess.std, strict=True) for value in (0, 1)]
    return min(ends), max(ends)


def _first_layer(decode: Decode) -> nn.Linear | nn.modules.conv._ConvNd | None:
    """The first layer of the decoder that has weights for its inputs; None if that cannot be told."""
    half = decode._function[0]
    if not isinstance(half, nn.Module):
        return None
    return next((module for module in half.modules() if isinstance(module, _LINEAR)), None)
