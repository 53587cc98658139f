"""From a timm model to a backbone: its preprocessing, its classifier's input, its class names."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import nn

from interpret_inn.backbones import Backbone, Preprocess, unwrap
from interpret_inn.errors import BackboneError

from .loading import create

PREFIX = "timm:"
_IMAGENET_CLASSES = 1000


def adapt(
    model_or_name: Any, site: Any = None, *, preprocess: Any = None, layout: str | None = None
) -> Backbone | None:
    """Adapts a timm model, or one named "timm:…"; None for anything else.

    Args:
        model_or_name: A model made by timm, or "timm:NAME", "timm:NAME?download", "timm:NAME?random" or
            "timm:NAME@FILE".
        site: Where to attach; None: the input of the classifier.
        preprocess: None: as the model was trained with; a mapping changes single fields of that; else as
            for any model.
        layout: A layout's name; None: inferred.

    Raises:
        BackboneError: there is no such model, or its weights are not at hand.
    """
    if isinstance(model_or_name, str):
        if not model_or_name.startswith(PREFIX):
            return None
        model, name = create(model_or_name.removeprefix(PREFIX)), model_or_name
    elif _is_timm(model_or_name):
        model, name = unwrap(model_or_name), ""
    else:
        return None
    config = _config(model)
    backbone = Backbone(
        model,
        _plain_site(model) if site is None else site,
        preprocess=_preprocess(model, preprocess),
        layout=layout,
        name=name or str(config.get("architecture") or type(model).__name__),
        kind="classifier" if getattr(model, "num_classes", 0) else "module",
    )
    backbone.guess_class_names(_class_names(model))
    return backbone


def _is_timm(model: Any) -> bool:
    if not isinstance(model, nn.Module):
        return False
    if type(model).__name__ == "OptimizedModule" or isinstance(model, nn.parallel.DistributedDataParallel):
        model = unwrap(model)
    described = hasattr(model, "pretrained_cfg") or hasattr(model, "default_cfg")
    return described and callable(getattr(model, "get_classifier", None))


def _plain_site(model: nn.Module) -> str | None:
    """A model without a classifier gives features: these are its site."""
    return None if getattr(model, "num_classes", 1) else "."


def _config(model: nn.Module) -> Mapping[str, Any]:
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None) or {}
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = dataclasses.asdict(config)
    return cast(Mapping[str, Any], config)


def _preprocess(model: nn.Module, given: Any) -> Preprocess:
    own = _own_preprocess(model)
    if given is None:
        return own
    if isinstance(given, Mapping) and "mode" not in given:
        changed = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        return Preprocess.from_dict({**own.to_dict(), **changed})
    return Preprocess.of(given)


def _own_preprocess(model: nn.Module) -> Preprocess:
    """As timm evaluates the model; for other numbers of channels the means are spread evenly."""
    from timm.data.config import resolve_model_data_config

    config: dict[str, Any] = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
    channels = _channels(model, config["input_size"][0])
    mean, std = (_spread(config[key], channels) for key in ("mean", "std"))
    height, width = config["input_size"][1:]
    return Preprocess(
        size=(int(height), int(width)),
        mean=mean,
        std=std,
        crop_pct=float(config["crop_pct"]),
        crop_mode=config["crop_mode"],
        interpolation=config["interpolation"],
        channels=channels,
    )


def _channels(model: nn.Module, default: int) -> int:
    first = _config(model).get("first_conv")
    for path in [first] if isinstance(first, str) else list(first or []):
        module = dict(model.named_modules()).get(path)
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return int(getattr(model, "in_chans", default))


def _spread(values: Sequence[float], channels: int) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(map(float, values))
    return (sum(values) / len(values),) * channels


def _class_names(model: nn.Module) -> tuple[str, ...] | None:
    """The model's own label names, or ImageNet's for a model of its 1000 classes.

    Wrong for a model whose classifier was replaced by hand: its `num_classes` and configuration stay.
    """
    count = getattr(model, "num_classes", 0)
    names = _config(model).get("label_names")
    if names and len(names) == count:
        return tuple(map(str, names))
    if count != _IMAGENET_CLASSES:
        return None
    found = _imagenet_names()
    if len(found) != count:
        raise BackboneError(f"Expected {count} class names from timm, found {len(found)}.")
    return found


@functools.cache
def _imagenet_names() -> tuple[str, ...]:
    """The first name of each class; timm reads its tables anew each time, for a quarter of a second."""
    from timm.data.imagenet_info import ImageNetInfo

    return tuple(text.split(", ")[0] for text in ImageNetInfo("imagenet-1k").label_descriptions())
