"""The manager of this process, and the public functions that ask it."""

from __future__ import annotations

import os
import threading
from typing import Any

from interpret_inn.plugin.contributions import PluginTable
from interpret_inn.plugin.manager import Manager
from interpret_inn.types import ConceptSource, Localizer

_manager: Manager | None = None
_making = threading.RLock()


def get_manager() -> Manager:
    """Gives this process's manager; the first call loads the installed plugins.

    The environment says which: all if INTERPRET_INN_PLUGINS is not set, none if it is empty, or those that it names
    (`labels,timm`). With INTERPRET_INN_STRICT=1 a plugin that fails raises an error instead of a warning.

    Raises:
        PluginError: a plugin failed and INTERPRET_INN_STRICT is set.
    """
    global _manager
    with _making:
        if _manager is None:
            # Set before plugins are loaded: one that calls `register` while it is imported comes back to here.
            _manager = Manager(strict=os.environ.get("INTERPRET_INN_STRICT", "0") not in ("", "0"))
            try:
                _manager.load(chosen=os.environ.get("INTERPRET_INN_PLUGINS"))
            except BaseException:
                _manager = None
                raise
        return _manager


def register(plugin: Any, *, name: str | None = None) -> str:
    """Registers a plugin for this process: see `Registry.register`."""
    return get_manager().register(plugin, name=name)


def unregister(name: str) -> None:
    """Takes a plugin out again: see `Registry.unregister`."""
    get_manager().unregister(name)


def localizer(name: str, **options: Any) -> Localizer:
    """Builds a localizer by name: what gives masks of where in the image a factor acts.

    Args:
        name: `"masks"`, `"positions"`, `"captum"`, or that of a plugin, as `plugins()` lists it.
        options: What the localizer takes; docs/localizers.md lists it for the built-in ones.

    Returns:
        A callable, `localizer(translator, inputs, factor)`, that gives masks (B, 1, H, W) in [0, 1] of B images, 1
        where the factor acts. It goes to `Interpreter.localize`, `explain` and `report` as `localizer=`.

    Raises:
        PluginError: the name or an option is unknown, the plugin failed, or it built nothing that can be called.
        LocalizerError: an option has a value that the localizer does not take.

    >>> import interpret_inn as inn
    >>> from interpret_inn.testing import toy_classifier, toy_images
    >>> images, labels = toy_images(160)
    >>> interpreter = inn.wrap(toy_classifier(), "features.3", layout="pooled")
    >>> _ = interpreter.fit("labels", data=images, labels=labels["shape"], steps=2)
    >>> masks = interpreter.localize(images[:4], "label", localizer=inn.localizer("positions"))
    >>> masks.values.shape
    torch.Size([4, 1, 24, 24])
    """
    return get_manager().localizer(name, **options)


def plugins() -> PluginTable:
    """Lists all plugins, those that failed or are left out too."""
    return get_manager().plugins()


def concept_source(name: str, **options: Any) -> ConceptSource:
    """Builds a concept source by name: what says which samples agree in which concept.

    `Interpreter.fit("labels", data=…)` does the same in one call. This gives several sources to one fit, or one to look
    at.

    Args:
        name: `"labels"`, `"pairs"`, `"sketches"`, `"transforms"`, `"unsupervised"`, `"simplicity"`, or that of a
            plugin, as `plugins()` lists it.
        options: What the source takes: its samples as `data=`, if it needs them, and others, which the page of docs/
            that is named for the source lists.

    Returns:
        The source, for `Interpreter.fit(source, …)`.

    Raises:
        PluginError: the name or an option is unknown, the plugin failed, or it built no concept source.
        DataError: data that cannot be read.
        ConceptError: labels, pairs or other options that the source cannot use.

    >>> import interpret_inn as inn
    >>> from interpret_inn.testing import toy_images
    >>> images, labels = toy_images(60)
    >>> source = inn.concept_source("labels", data=images, labels=labels, kinds={"hue": "cyclic"})
    >>> [(concept.name, concept.kind) for concept in source.concepts]
    [('shape', 'categorical'), ('hue', 'cyclic')]
    """
    return get_manager().concept_source(name, **options)
