"""What a plugin must look like to be registered; pluggy itself would let most of this pass in silence."""

from __future__ import annotations

import inspect
import types
from typing import Any

import pluggy

from interpret_inn.errors import PluginError, suggest
from interpret_inn.plugin import hookspecs

HOOKS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in vars(hookspecs).items()
    if name.startswith("inn_") and inspect.isfunction(function)
}
"""Names of the arguments of every hook, by its name."""


def check_plugin(plugin: Any) -> None:
    """Refuses what could not work as a plugin, or would be passed over without a word.

    Raises:
        PluginError: a class instead of an instance, nothing marked, a hook that does not exist, arguments
            that the hook does not have, a wrapper.
    """
    if inspect.isclass(plugin):
        raise PluginError(
            f"Expected a module or an instance, found the class {plugin.__name__}. "
            f"Register an instance of it: {plugin.__name__}()."
        )
    if isinstance(plugin, (str, bytes)):
        raise PluginError(
            f"Expected a module or an instance, found the text {plugin!r}. Import it and pass the object."
        )
    marked = _marked(plugin)
    _check_unmarked(plugin, set(marked))
    if not marked:
        raise PluginError(
            f"Expected at least one function marked with @inn.hookimpl, found none in {described(plugin)}. "
            f"Mark one of: {', '.join(HOOKS)}."
        )
    for attribute, options in marked.items():
        _check_implementation(attribute, options, getattr(plugin, attribute))


def described(plugin: Any) -> str:
    """Names a plugin that has no name yet."""
    if isinstance(plugin, types.ModuleType):
        return f"the module {plugin.__name__}"
    return f"an object of type {type(plugin).__qualname__}"


def _marked(plugin: Any) -> dict[str, Any]:
    parser = pluggy.PluginManager(hookspecs.GROUP)
    found = {name: parser.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
    return {name: options for name, options in found.items() if options is not None}


def _check_unmarked(plugin: Any, marked: set[str]) -> None:
    for name in HOOKS:
        if name not in marked and callable(inspect.getattr_static(plugin, name, None)):
            raise PluginError(
                f"{name} in {described(plugin)} would never be called: mark it with @inn.hookimpl."
            )


def _check_implementation(attribute: str, options: Any, function: Any) -> None:
    hook = options.get("specname") or attribute
    if hook not in HOOKS:
        if options.get("optionalhook"):
            return
        raise PluginError(f"There is no hook {hook!r}. {suggest(hook, HOOKS)}")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise PluginError(
            f"{hook} is a wrapper, and wrappers are not called here. Mark it with plain @inn.hookimpl."
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(
            f"{hook} is asynchronous, and nothing here would await it. Write it with plain `def`."
        )
    expected = HOOKS[hook]
    unknown = [name for name in _required(function) if name not in expected]
    if unknown:
        found = ", ".join(map(repr, unknown))
        raise PluginError(
            f"Expected the arguments of {hook}({', '.join(expected)}), found {found}. Rename them."
        )


def _required(function: Any) -> list[str]:
    """Names of the arguments that a call must give (pluggy gives them by position)."""
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
