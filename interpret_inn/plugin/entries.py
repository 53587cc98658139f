"""Entry points: which are installed, which were chosen, and who supplied them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from interpret_inn.plugin.hookspecs import GROUP
from interpret_inn.plugin.table import PluginInfo

OWN = "interpret-inn"


def found_entry_points() -> list[EntryPoint]:
    """Lists the entry points of all installed plugins: this distribution's first, then by name.

    So no stranger can take the names of built-in plugins.
    """
    return sorted(entry_points(group=GROUP), key=_order)


def _order(entry: EntryPoint) -> tuple[bool, str, str]:
    distribution = origin_of(entry).distribution
    return distribution.lower().replace("_", "-") != OWN, entry.name, distribution


def origin_of(entry: EntryPoint) -> PluginInfo:
    """Names an entry point's distribution and version, without importing anything."""
    if entry.dist is None:
        return PluginInfo(entry.name, distribution="an unknown distribution")
    # Both are None where the distribution's METADATA is damaged, whatever the types say.
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
        Those to load, those to leave out, and names that nobody has.
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
