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
    """Builds a localizer by name: see `Manager.localizer`."""
    return get_manager().localizer(name, **options)


def plugins() -> PluginTable:
    """Lists all plugins, those that failed or are left out too."""
    return get_manager().plugins()


def concept_source(name: str, **options: Any) -> ConceptSource:
    """Builds a concept source by name: see `Manager.concept_source`."""
    return get_manager().concept_source(name, **options)
