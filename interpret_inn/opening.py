"""Ways to begin: `wrap` a model, `load` a saved interpreter, list the `sites` of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from interpret_inn import saving
from interpret_inn.backbones import Backbone, Preprocess, SiteTable, adapt_module
from interpret_inn.backbones import sites as list_sites
from interpret_inn.errors import ArtefactError, BackboneError, PluginError, SiteError, suggest
from interpret_inn.interpreter import Interpreter
from interpret_inn.plugin import get_manager


def wrap(
    model: nn.Module | str,
    site: str | None = None,
    *,
    preprocess: Any = None,
    layout: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Interpreter:
    """Wraps a pretrained model.

    Args:
        model: Any `nn.Module`, or a name such as `"timm:resnet50"` (weights from the local cache only; the
            plugin's documentation has the other spellings).
        site: Where to read and write, such as `"layer4"`, `"blocks.5"`, `"fc:in"`; None: the model's pooled
            vector before its classifier. `interpret_inn.sites` lists what there is.
        preprocess: None: the model's own configuration where it has one (timm), else images are only
            brought to [0, 1]; `"identity"`: inputs are prepared already; a `Preprocess`, or a callable.
        layout: How the representation becomes rows: `vector`, `flat`, `pooled` or `positions`; None: by its
            shape.
        class_names: Names of the model's output classes, in order, for reports.

    Raises:
        SiteError: there is no such site.
        BackboneError: the model cannot be attached to, or its weights are not at hand.
        PluginError: no plugin knows the name.
    """
    backbone = _adapted(model, site, preprocess=preprocess, layout=layout)
    if class_names is not None:
        backbone.class_names = list(class_names)
    return Interpreter(backbone)


def sites(model: nn.Module | str, example: Any) -> SiteTable:
    """Lists the places in a model that can be explained.

    Args:
        model: A module, or a name that a plugin knows.
        example: A few inputs: prepared (a float tensor of the model's own input), or images.

    Returns:
        A table with, for each module: address, calls, layout, shape, size; `.suggestion` is a good one.
    """
    return list_sites(_adapted(model, ".") if isinstance(model, str) else model, example)


def load(
    path: str | os.PathLike[str], model: nn.Module | str | None = None, *, preprocess: Any = None
) -> Interpreter:
    """Loads a saved interpreter for the model that it was fitted for.

    Args:
        path: The folder that `save` wrote.
        model: The model, or its name; None: the name that is stored, where a plugin knows it.
        preprocess: Only for models whose preprocessing was given as a callable: the same callable.

    Raises:
        ArtefactError: damaged, of a newer format, or fitted for another model, other weights, another site
            or other preprocessing; both sides are named.
    """
    artefact = saving.read_artefact(Path(path))
    about, layout = artefact.about, artefact.fitted.layout
    name = about["model"]["name"]
    if model is None and ":" not in name:
        raise ArtefactError(
            f"The interpreter at {path} was fitted for {name}, which no name brings back. "
            "Type load(path, model) with the model itself."
        )
    stored = Preprocess.from_dict(about["preprocess"])
    try:
        backbone = _adapted(
            name if model is None else model,
            about["site"],
            preprocess=stored if preprocess is None else preprocess,
            layout=f"{layout.name}:{layout.order}",
        )
    except SiteError as error:
        raise ArtefactError(
            f"The interpreter at {path} was fitted for another model: expected "
            f"{about['model']['architecture']} with the site {about['site']!r}, "
            f"found {type(model).__name__}: {error}"
        ) from error
    saving.refuse_mismatch(Path(path), about, backbone)
    if backbone.class_names is None:
        backbone.class_names = about["model"]["class_names"]
    return Interpreter(backbone, fitted=artefact.fitted, judgement=artefact.judgement)


def _adapted(model: nn.Module | str, site: str | None, **options: Any) -> Backbone:
    """The backbone that a plugin makes of a model, or the plain one of a module."""
    backbone: Backbone | None = get_manager().adapt(model, site, **options)
    if backbone is not None:
        if not isinstance(backbone, Backbone):
            raise PluginError(
                f'Expected a backbone plugin to give a Backbone for {model!r:.80}, or None for "not mine"; found '
                f"{type(backbone).__name__}."
            )
        return backbone
    if not isinstance(model, nn.Module):
        known = [f"{spec.name}:…" for spec in get_manager().backbones()]
        raise BackboneError(
            f"Expected a torch.nn.Module or a name that a plugin knows, found {model!r}. "
            f"{suggest(str(model), known)}"
        )
    return adapt_module(model, site, **options)
