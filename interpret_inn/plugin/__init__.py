"""Plugins: the hooks that they can implement, and the manager that finds and calls them."""

from interpret_inn.plugin.contributions import PluginInfo, PluginTable
from interpret_inn.plugin.hookspecs import hookimpl, hookspec
from interpret_inn.plugin.manager import Manager
from interpret_inn.plugin.registry import PluginWarning
from interpret_inn.plugin.shared_manager import (
    concept_source,
    get_manager,
    localizer,
    plugins,
    register,
    unregister,
)

__all__ = [
    "Manager",
    "PluginInfo",
    "PluginTable",
    "PluginWarning",
    "concept_source",
    "get_manager",
    "hookimpl",
    "hookspec",
    "localizer",
    "plugins",
    "register",
    "unregister",
]
