"""Which plugins there are: registered by a call, or found among the installed distributions.

pluggy keeps the implementations in order. The registry checks a plugin, and lists what it contributes, when the
plugin is registered. An error then names the plugin at fault, and the other plugins stay registered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from interpret_inn.errors import InnWarning, PluginError, suggest, warn
from interpret_inn.plugin import hookspecs
from interpret_inn.plugin.checking import HOOKS, check_plugin, described
from interpret_inn.plugin.contributions import KINDS, PluginInfo, PluginTable, Spec, checked, kind_of
from interpret_inn.plugin.hookspecs import GROUP

OWN = "interpret-inn"
"""The name of this distribution."""


def found_entry_points() -> list[EntryPoint]:
    """Lists the entry points of all installed plugins: this distribution's first, then by name.

    The first one to use a name keeps it, so no other distribution can take the names of built-in plugins.
    """
    return sorted(entry_points(group=GROUP), key=_order)


def _order(entry: EntryPoint) -> tuple[bool, str, str]:
    distribution = origin_of(entry).distribution
    return distribution.lower().replace("_", "-") != OWN, entry.name, distribution


def origin_of(entry: EntryPoint) -> PluginInfo:
    """Names an entry point's distribution and version, without importing anything."""
    if entry.dist is None:
        return PluginInfo(entry.name, distribution="an unknown distribution")
    # Both are None if the distribution's METADATA is damaged, although their types say str.
    name, version = entry.dist.metadata["Name"], entry.dist.metadata["Version"]
    return PluginInfo(entry.name, distribution=name or "an unnamed distribution", version=version or "")


def selected(
    found: Sequence[EntryPoint], chosen: str | None
) -> tuple[list[EntryPoint], list[EntryPoint], list[str]]:
    """Splits entry points by what INTERPRET_INN_PLUGINS says.

    Args:
        found: All of them.
        chosen: None: all; else names separated by commas, "" for none.

    Returns:
        Those to load, those to leave out, and names without an entry point.
    """
    if chosen is None:
        return list(found), [], []
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    known = {entry.name for entry in found}
    return (
        [entry for entry in found if entry.name in names],
        [entry for entry in found if entry.name not in names],
        [name for name in names if name not in known],
    )


class PluginWarning(InnWarning):
    """A plugin that failed and was passed over; the message names who supplied it."""


class Registry:
    """Holds plugins and what they contribute. A new one is empty: `load` finds the installed plugins.

    Args:
        strict: Failures that would be warnings are raised (what INTERPRET_INN_STRICT=1 asks for).
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._pluggy = pluggy.PluginManager(hookspecs.GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._rows: dict[str, PluginInfo] = {}
        self._passed_over: list[PluginInfo] = []
        self._specs: dict[pluggy.HookImpl, tuple[Spec, ...]] = {}
        self._lock = threading.RLock()

    def register(self, plugin: Any, *, name: str | None = None) -> str:
        """Registers a module, or an instance of a class, whose functions are marked with `@inn.hookimpl`.

        Args:
            plugin: The plugin; one that is registered already is not registered again.
            name: What to call it (default: the module's or the class's name).

        Returns:
            The name under which it is registered.

        Raises:
            PluginError: it is no plugin, misspells a hook or its arguments, fails while it lists its
                contributions, or contributes a name that another one has. Then it is not registered.
        """
        called = name or getattr(plugin, "__name__", None) or type(plugin).__qualname__
        return self._admit(plugin, PluginInfo(str(called)))

    def unregister(self, name: str) -> None:
        """Takes a plugin out again.

        Raises:
            PluginError: there is no plugin of this name.
        """
        with self._lock:
            if name not in self._rows:
                raise PluginError(f"There is no plugin {name!r}. {suggest(name, self._rows)}")
            for implementation in self._implementations(name):
                self._specs.pop(implementation, None)
            self._pluggy.unregister(name=name)
            del self._rows[name]

    def load(self, entry_points: Iterable[EntryPoint] | None = None, *, chosen: str | None = None) -> None:
        """Imports and registers installed plugins, one by one. A plugin that fails is named in a warning.

        Args:
            entry_points: Where to look (default: the group `interpret_inn` of all installed distributions).
            chosen: Names of the plugins to load, separated by commas; None: all, "": none.

        Raises:
            PluginError: one failed and the manager is strict.
        """
        found = found_entry_points() if entry_points is None else list(entry_points)
        wanted, off, unknown = selected(found, chosen)
        self._passed_over += [replace(origin_of(entry), state="off") for entry in off]
        for entry in wanted:
            self._load_one(entry)
        for name in unknown:
            hint = suggest(name, [entry.name for entry in found])
            message = f"INTERPRET_INN_PLUGINS names {name!r}, which is not installed. {hint}"
            self._trouble(PluginError(message))

    def _load_one(self, entry: EntryPoint) -> None:
        info = origin_of(entry)
        try:
            self._admit(entry.load(), info)
        # A plugin that calls sys.exit while it is imported must not end the program either.
        except (Exception, SystemExit) as error:
            reason = _told(error)
            self._passed_over.append(replace(info, state="failed", reason=reason))
            self._trouble(
                PluginError(
                    f"Could not load {info.provider}, which is left out: {reason} "
                    "Repair or uninstall it; `interpret-inn plugins` lists all."
                ),
                error,
            )

    def _admit(self, plugin: Any, info: PluginInfo) -> str:
        with self._lock:
            for name, known in self._pluggy.list_name_plugin():
                if known is plugin:
                    return name
            try:
                check_plugin(plugin)
            except Exception as error:
                raise PluginError(f"Cannot register {self._called(plugin, info)}. {error}") from error
            if info.name in self._rows:
                other = self._rows[info.name].provider
                raise PluginError(
                    f"Cannot register {info.provider}: there is already {other}. "
                    f"Give another name, or take the first out with inn.unregister({info.name!r})."
                )
            self._pluggy.register(plugin, info.name)
            self._rows[info.name] = info
            try:
                self._rows[info.name] = self._list(info)
            except BaseException:
                self.unregister(info.name)
                raise
            return info.name

    @staticmethod
    def _called(plugin: Any, info: PluginInfo) -> str:
        return info.provider if info.distribution else described(plugin)

    def _list(self, info: PluginInfo) -> PluginInfo:
        """Calls a plugin's contributing hooks and keeps what they gave."""
        contributions: dict[str, tuple[str, ...]] = {}
        for kind in KINDS.values():
            for implementation in self._implementations(info.name, kind.hook):
                try:
                    specs = checked(kind, implementation.function())
                except Exception as error:
                    raise PluginError(f"{kind.hook} of {info.provider} failed. {_told(error)}") from error
                self._check_names(kind.word, specs, info)
                self._specs[implementation] = specs
                names = tuple(spec.name for spec in specs)
                contributions[kind.word] = contributions.get(kind.word, ()) + names
        hooks = tuple(hook for hook in HOOKS if self._implementations(info.name, hook))
        return replace(info, hooks=hooks, contributions=contributions)

    def _check_names(self, word: str, specs: tuple[Spec, ...], info: PluginInfo) -> None:
        taken = {spec.name: self.provider(spec) for spec in self._all(word)}
        own = [spec.name for spec in specs]
        for spec in specs:
            if own.count(spec.name) > 1:
                raise PluginError(
                    f"The {KINDS[word].words} {spec.name!r} is contributed twice by {info.provider}. Rename one of "
                    "the two."
                )
            if spec.name in taken:
                raise PluginError(
                    f"Two plugins contribute the {KINDS[word].words} {spec.name!r}: {taken[spec.name]} and "
                    f"{info.provider}. Rename one of the two, or take one "
                    "plugin out (inn.unregister, INTERPRET_INN_PLUGINS)."
                )

    def _implementations(self, name: str, hook: str | None = None) -> list[pluggy.HookImpl]:
        """What one plugin implements of one hook, or of all, in the order of calling."""
        return [
            implementation
            for each in (HOOKS if hook is None else (hook,))
            for implementation in reversed(getattr(self._pluggy.hook, each).get_hookimpls())
            if implementation.plugin_name == name
        ]

    def _all(self, word: str) -> list[Spec]:
        with self._lock:
            implementations = reversed(getattr(self._pluggy.hook, KINDS[word].hook).get_hookimpls())
            return [spec for each in implementations for spec in self._specs.get(each, ())]

    def provider(self, spec: Spec) -> str:
        """Names the plugin that contributes a record, and who supplied it, for messages."""
        with self._lock:
            for implementation, specs in self._specs.items():
                if any(each is spec for each in specs):
                    return self._rows[implementation.plugin_name].provider
        return "a plugin that is not registered"

    def title(self, spec: Spec) -> str:
        """What messages call a record: "the localizer 'masks' of the plugin 'masks' (from interpret-inn 1.0)"."""
        return f"the {kind_of(spec).words} {spec.name!r} of {self.provider(spec)}"

    def plugins(self) -> PluginTable:
        """Lists all plugins: loaded, failed and left out."""
        with self._lock:
            return PluginTable((*self._rows.values(), *self._passed_over))

    def _trouble(self, error: PluginError, cause: BaseException | None = None) -> None:
        """Raises if the registry is strict, else warns."""
        if self.strict:
            raise error from cause
        warn(str(error), PluginWarning)


def _told(error: BaseException) -> str:
    """What an error says, after the name of its class if that is not this library's."""
    return str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
