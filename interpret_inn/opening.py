"""Ways to begin: `wrap` a model, `load` a saved interpreter, list the `sites` of a model."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from interpret_inn import saving
from interpret_inn.backbones import Backbone, Preprocess, SiteTable, adapt_module
from interpret_inn.backbones import sites as list_sites
from interpret_inn.errors import (
    LONGEST_SHOWN,
    ArtefactError,
    BackboneError,
    PluginError,
    SiteError,
    shown,
    suggest,
)
from interpret_inn.interpreter import Interpreter
from interpret_inn.plugin import get_manager
from interpret_inn.saving.bounds import is_too_large

_NEAR = 0.8
"""Similarity (`difflib`, 0 to 1) from which an option counts as a misspelt one of `wrap` or `load`."""
_Path = str | os.PathLike[str]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def wrap(
    model: Any,
    site: str | None = None,
    *,
    backbone: str | None = None,
    preprocess: Any = None,
    layout: str | None = None,
    class_names: Sequence[str] | None = None,
    **options: Any,
) -> Interpreter:
    """Wraps a pretrained model.

    Args:
        model: Any `nn.Module`; a name such as `"timm:resnet50"` (weights from the local cache only; the
            plugin's documentation has the other spellings); or a `Backbone`, which is used unchanged.
        site: Where to read and write, such as `"layer4"`, `"blocks.5"`, `"fc:in"`; None: the model's pooled
            vector before its classifier, the code of an autoencoder, the latents of a generator.
            `interpret_inn.sites` lists what there is.
        backbone: The kind of model, if the model itself does not show it: `"generator"`, `"autoencoder"`, or
            what a plugin contributes; None: all plugins are asked.
        preprocess: None: the model's own configuration if it has one (timm), else images are only
            brought to [0, 1]; a mapping of fields of `Preprocess`, which for a timm model change those of its own;
            `"identity"`: inputs are prepared already; a `Preprocess`, or a callable.
        layout: How the representation becomes rows: `vector`, `flat`, `pooled` or `positions`; None: by its
            shape.
        class_names: Names of the model's output classes, in order, for reports; None: the model's own if it has some
            that fit (timm), else the classes are numbered.
        options: What the kind of backbone takes: `latents="uniform"`, say, for a generator.

    Raises:
        SiteError: there is no such site.
        BackboneError: the model cannot be attached to, its weights are not at hand, options without
            `backbone`, or class names that are no list, or not as many as the outputs, as far as these are known.
        PluginError: no plugin has this kind, or the plugin does not take the options.
    """
    given = {"preprocess": preprocess, "layout": layout}
    if isinstance(model, Backbone):
        _refuse_beside(site=site, backbone=backbone, **given, **options)
        adapted = model
    else:
        adapted = _adapted(model, site, kind=backbone, options=options, **given)
    if class_names is not None:
        adapted.class_names = class_names
    return Interpreter(adapted)


def sites(model: Any, example: Any) -> SiteTable:
    """Lists the places in a model that can be explained.

    Args:
        model: A module, a name that a plugin knows, or a `Backbone`.
        example: A few inputs: prepared (a float tensor of the model's own input), or images.

    Returns:
        A table with, for each module: address, calls, layout, shape, size; `.suggestion` is a good one.
    """
    return list_sites(_adapted(model, ".") if isinstance(model, str) else model, example)


def load(
    path: str | os.PathLike[str],
    model: Any = None,
    *,
    backbone: str | None = None,
    preprocess: Any = None,
    class_names: Sequence[str] | None = None,
    **options: Any,
) -> Interpreter:
    """Loads a saved interpreter for the model that it was fitted for.

    Nothing but the folder is opened: what it says of the model is compared with the one that you give.

    Args:
        path: The folder that `save` wrote.
        model: The model, its name, or a `Backbone`; None: an error that shows the name that is stored.
        backbone: The kind of model, as for `wrap`; None: what was given to `wrap` then, with its options.
        preprocess: Only for models whose preprocessing was given as a callable: the same callable.
        class_names: As for `wrap`; None: those of a `Backbone`, else those that are stored, if they fit the outputs.
        options: What the kind of backbone takes; those that could not be stored (callables), and texts that
            might name something to open, are given again.

    Raises:
        ArtefactError: no model is given; damaged, of a newer format, or fitted for another model, other
            weights, another site or other preprocessing (both sides are named); or an option is missing that
            could not be stored or is not taken from a file.
        BackboneError: a `Backbone` together with what it already has, options that the saved interpreter has, or
            class names as for `wrap`.
    """
    artefact = saving.read_artefact(Path(path))
    about = artefact.about
    if model is None:
        raise ArtefactError(_asked_for_model(path, about))
    if isinstance(model, Backbone):
        _refuse_beside(backbone=backbone, preprocess=preprocess, **options)
        adapted = model
    else:
        adapted = _adapted_as_saved(path, artefact, model, backbone, preprocess, options)
    saving.refuse_mismatch(Path(path), about, adapted)
    stored = about["model"]["class_names"]
    if class_names is not None:
        adapted.class_names = class_names
    elif stored is not None:
        if adapted is not model:
            adapted.class_names = None  # an adapter's say less than those of the fit
        adapted.guess_class_names(stored)
    return Interpreter(adapted, fitted=artefact.fitted, evaluation=artefact.evaluation)


def _adapted(
    model: Any,
    site: str | None,
    *,
    kind: str | None = None,
    options: Mapping[str, Any] = _NOTHING,
    **given: Any,
) -> Backbone:
    """The backbone that a plugin makes of a model, or the plain one of a module."""
    manager = get_manager()
    if kind is None:
        _refuse_options(options, wrap)
        backbone = manager.adapt(model, site, **given)
    else:
        spec = manager.find("backbone", kind)
        chosen = {name: value for name, value in given.items() if value is not None}
        backbone = manager.call(spec, model, site, **chosen, **options)
        if backbone is None:
            raise BackboneError(
                f"Expected a model that can be wrapped as {kind!r}, found {type(model).__name__}."
            )
    if backbone is None:
        return _plain(model, site, **given)
    if not isinstance(backbone, Backbone):
        raise PluginError(
            f'Expected a backbone plugin to give a Backbone for {model!r:.80}, or None for "not mine"; found '
            f"{type(backbone).__name__}."
        )
    if kind is not None:
        backbone.adapter = (kind, dict(options))
    return backbone


def _adapted_as_saved(
    path: _Path,
    artefact: saving.Artefact,
    model: Any,
    kind: str | None,
    preprocess: Any,
    options: Mapping[str, Any],
) -> Backbone:
    """The model at the site, in the layout and with the preprocessing of the fit; raises as `load`."""
    about, layout = artefact.about, artefact.fitted.layout
    twice = sorted({"site", "layout"} & set(options))
    if twice:
        raise BackboneError(
            f"Expected options of the kind of backbone, found {twice}, which the saved interpreter has. Leave them out."
        )
    stored = about.get("backbone")
    is_another_kind = kind is not None and (stored is None or kind != stored["kind"])
    if not is_another_kind:
        kind, options = _kind_kept(path, stored, options)
    if kind is None:
        _refuse_options(options, load)
    try:
        return _adapted(
            model,
            about["site"],
            kind=kind,
            options=options,
            preprocess=Preprocess.from_dict(about["preprocess"]) if preprocess is None else preprocess,
            layout=f"{layout.name}:{layout.order}",
        )
    except SiteError as error:
        raise ArtefactError(
            f"The interpreter at {path} was fitted for another model: expected "
            f"{shown(about['model']['architecture'])} with the site {about['site']!r:.{LONGEST_SHOWN}}, "
            f"found {repr(model)[:LONGEST_SHOWN] if isinstance(model, str) else type(model).__name__}: {shown(error)}"
        ) from error


def _plain(model: Any, site: str | None, **given: Any) -> Backbone:
    if isinstance(model, nn.Module):
        return adapt_module(model, site, **given)
    known = [f"{spec.name}:…" for spec in get_manager().backbones()]
    raise BackboneError(
        f"Expected a torch.nn.Module or a name that a plugin knows, found {model!r}. "
        f"{suggest(str(model), known)}"
    )


def _asked_for_model(path: _Path, about: Mapping[str, Any]) -> str:
    """What to type if no model is given; the reader checks the name that the folder holds."""
    told = saving.told_model(about)
    named = ":" in told and told == ascii(about["model"]["name"])  # not cut short
    network = " (its ?download uses the network)" if named and "?download" in told else ""
    return (
        f"Expected the model with the interpreter at {path}, found none. The folder says that it was fitted for "
        f"{told}, which is not opened unasked. "
        + (f"Check that name{network}, then type inn.load(path, {told}), or type" if named else "Type")
        + " inn.load(path, model) with the model itself."
    )


def _kind_kept(
    path: _Path, stored: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> tuple[str | None, Mapping[str, Any]]:
    """The kind of backbone that was wrapped and its stored options, over which those given now win."""
    if stored is None:
        return None, options
    restored = get_manager().find("backbone", stored["kind"]).restored
    kept = {name: value for name, value in stored["options"].items() if name not in options}
    texts = [name for name, value in kept.items() if name not in restored and _holds_text(value)]
    missing = [name for name in stored["lost"] if name not in options]
    if texts:
        again = "".join(f", {shown(name)}=…" for name in (*missing, *texts))
        said = ", ".join(f"{shown(name)}={ascii(kept[name])[:LONGEST_SHOWN]}" for name in texts)
        raise ArtefactError(
            f"The interpreter at {path} was wrapped with {said}, which may name something to open, and is "
            f"not taken from a file. Check it, and give it yourself: load(path, model{again})."
        )
    large = next((name for name, value in kept.items() if is_too_large(name, value)), None)
    if large is not None:
        raise ArtefactError(
            f"The interpreter at {path} was wrapped with {shown(large)}={ascii(kept[large])[:LONGEST_SHOWN]}, which is "
            "larger than is taken from a file. Check it, and give it yourself: "
            f"load(path, model, {shown(large)}=…)."
        )
    if missing:
        again = "".join(f", {shown(name)}=…" for name in missing)
        raise ArtefactError(
            f"The interpreter at {path} was wrapped with {shown(', '.join(missing))}, which cannot be stored. "
            f"Give the same again: load(path, model{again})."
        )
    return stored["kind"], {**kept, **options}


def _holds_text(value: Any) -> bool:
    """Whether a value from JSON is text, or has text in it; numbers, booleans and null name nothing."""
    if isinstance(value, dict):
        return bool(value)
    return any(map(_holds_text, value)) if isinstance(value, list) else isinstance(value, str)


def _refuse_beside(**options: Any) -> None:
    """Refuses what a Backbone has already: site, layout, preprocessing."""
    chosen = [name for name, value in options.items() if value is not None]
    if chosen:
        raise BackboneError(
            f"Expected a Backbone alone, found it together with {', '.join(chosen)}. "
            "Give these to the Backbone itself."
        )


def _refuse_options(options: Mapping[str, Any], call: Callable[..., Any]) -> None:
    """Refuses options without a kind of backbone; one that is nearly an option of the call is named."""
    if options:
        known = [
            name for name, one in inspect.signature(call).parameters.items() if one.kind is one.KEYWORD_ONLY
        ]
        for option in options:
            near = difflib.get_close_matches(option, known, n=1, cutoff=_NEAR)
            if near:
                raise BackboneError(f"There is no option {option!r}. Did you mean {near[0]!r}?")
        raise BackboneError(
            f"Expected options only together with a kind of backbone, found {sorted(options)}. "
            'Type backbone="generator", say.'
        )
