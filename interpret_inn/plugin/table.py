"""What is listed of plugins: by `inn.plugins()` and by `interpret-inn plugins`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["loaded", "failed", "off"]


@dataclass(frozen=True)
class PluginInfo:
    """One plugin.

    Attributes:
        name: Of its entry point, or under which it was registered.
        distribution: Who supplied it: a distribution, or "" where it was registered by a call.
        version: Of the distribution, "" where there is none.
        state: `loaded`; `failed`, with the `reason`; `off`: left out by INTERPRET_INN_PLUGINS.
        hooks: Names of the hooks that it implements.
        contributions: Names of what it contributes, by kind.
        reason: Why it failed.
    """

    name: str
    distribution: str = ""
    version: str = ""
    state: State = "loaded"
    hooks: tuple[str, ...] = ()
    contributions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""

    @property
    def provider(self) -> str:
        """Names the plugin and who supplied it, for messages."""
        if not self.distribution:
            return f"the plugin {self.name!r} (registered by a call of register)"
        return f"the plugin {self.name!r} (from {f'{self.distribution} {self.version}'.strip()})"


@dataclass(frozen=True)
class PluginTable:
    """All plugins that were found, in the order in which they were loaded."""

    rows: tuple[PluginInfo, ...]

    def __iter__(self) -> Iterator[PluginInfo]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        if not self.rows:
            return "No plugins."
        lines = [("name", "version", "state", "hooks", "contributes")]
        lines += [(row.name, _version(row), row.state, _hooks(row), _contributions(row)) for row in self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        failed = [f"{row.name}: {row.reason}" for row in self.rows if row.state == "failed"]
        return "\n".join([*text, *([""] if failed else []), *failed])

    def to_dict(self) -> dict[str, Any]:
        """Gives the table in the form of `interpret-inn plugins --json`."""
        return {
            "plugins": [
                {
                    "name": row.name,
                    "distribution": row.distribution or None,
                    "version": row.version or None,
                    "state": row.state,
                    "hooks": list(row.hooks),
                    "contributions": {kind: list(names) for kind, names in row.contributions.items()},
                    "reason": row.reason or None,
                }
                for row in self.rows
            ]
        }


def _version(row: PluginInfo) -> str:
    return f"{row.distribution} {row.version}".strip() or "-"


def _hooks(row: PluginInfo) -> str:
    return ", ".join(row.hooks) or "-"


def _contributions(row: PluginInfo) -> str:
    parts = [
        f"{kind.replace('_', ' ')} {', '.join(names)}" for kind, names in row.contributions.items() if names
    ]
    return "; ".join(parts) or "-"
