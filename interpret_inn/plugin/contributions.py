"""What plugins contribute: the table that lists it, its kinds, and the checks of each record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from interpret_inn.errors import PluginError, suggest
from interpret_inn.plugin.calling import check_options
from interpret_inn.types import (
    BackboneSpec,
    ConceptSourceSpec,
    Localizer,
    LocalizerSpec,
    MetricSpec,
    ReportSectionSpec,
    Suits,
)
from interpret_inn.types.members import refuse_near_names

State = Literal["loaded", "failed", "off"]


@dataclass(frozen=True)
class PluginInfo:
    """One plugin.

    Attributes:
        name: Of its entry point, or under which it was registered.
        distribution: The distribution that supplied it; "" if it was registered by a call.
        version: The distribution's; "" if it is not known.
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


Spec = BackboneSpec | ConceptSourceSpec | LocalizerSpec | MetricSpec | ReportSectionSpec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


@dataclass(frozen=True)
class Kind:
    """A kind of contribution.

    Attributes:
        word: How `Manager.find` and the tables call it: `concept_source`.
        hook: The hook that contributes it.
        spec: The type of its records.
        callable: The record's attribute that does the work.
    """

    word: str
    hook: str
    spec: type[Spec]
    callable: str

    @property
    def words(self) -> str:
        """The kind as it reads in a sentence: `concept source`."""
        return self.word.replace("_", " ")


KINDS: dict[str, Kind] = {
    kind.word: kind
    for kind in (
        Kind("backbone", "inn_backbones", BackboneSpec, "adapt"),
        Kind("concept_source", "inn_concept_sources", ConceptSourceSpec, "build"),
        Kind("localizer", "inn_localizers", LocalizerSpec, "build"),
        Kind("metric", "inn_metrics", MetricSpec, "evaluate"),
        Kind("report_section", "inn_report_sections", ReportSectionSpec, "render"),
    )
}


def kind_named(word: str) -> Kind:
    """Gives the kind of this name.

    Raises:
        PluginError: there is no such kind.
    """
    if word not in KINDS:
        raise PluginError(f"There is no kind of contribution {word!r}. {suggest(word, KINDS)}")
    return KINDS[word]


def kind_of(spec: Spec) -> Kind:
    """Gives the kind that a record belongs to.

    Raises:
        PluginError: it is no record of a plugin.
    """
    for kind in KINDS.values():
        if isinstance(spec, kind.spec):
            return kind
    raise PluginError(f"Expected a record such as ConceptSourceSpec, found {type(spec).__name__}.")


def checked(kind: Kind, contributed: Any) -> tuple[Spec, ...]:
    """Lists what an implementation of a contributing hook gave, and checks every record.

    A generator runs here, so the caller's `try` has to enclose this call too.

    Raises:
        PluginError: not an iterable of the kind's records, or a record with an unusable field.
    """
    expected = f"Expected {kind.hook} to give an iterable of {kind.spec.__name__}"
    if isinstance(contributed, kind.spec):
        raise PluginError(f"{expected}, found a single one. Type `return [spec]` or `yield spec`.")
    if not isinstance(contributed, Iterable) or isinstance(contributed, (str, bytes)):
        hint = " Forgot to return? Type `return []` for nothing." if contributed is None else ""
        raise PluginError(f"{expected}, found {_described(contributed)}.{hint}")
    specs: list[Spec] = []
    for spec in contributed:
        if not isinstance(spec, kind.spec):
            raise PluginError(f"{expected}, found {_described(spec)} in it.")
        _check_fields(kind, spec)
        specs.append(spec)
    return tuple(specs)


def _check_fields(kind: Kind, spec: Spec) -> None:
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        raise PluginError(
            f"Expected the name of a {kind.words} to be of letters, digits, '_', '-' and '.', "
            f"found {spec.name!r}."
        )
    summary = spec.summary
    if not isinstance(summary, str) or not summary.strip() or "\n" in summary.strip():
        raise PluginError(
            f"Expected a summary of one line for the {kind.words} {spec.name!r}, found {summary!r}."
        )
    if not callable(getattr(spec, kind.callable)):
        raise PluginError(
            f"Expected {kind.callable!r} of the {kind.words} {spec.name!r} to be callable, "
            f"found {_described(getattr(spec, kind.callable))}."
        )
    if isinstance(spec, LocalizerSpec):
        _check_localizer(spec)
    if isinstance(spec, MetricSpec) and spec.suits not in get_args(Suits):
        raise PluginError(
            f"Expected 'suits' of the metric {spec.name!r} to be one of {', '.join(get_args(Suits))}, "
            f"found {spec.suits!r}."
        )
    if isinstance(spec, MetricSpec) and not isinstance(spec.quick, bool):
        raise PluginError(
            f"Expected 'quick' of the metric {spec.name!r} to be True or False, found {spec.quick!r}."
        )
    if isinstance(spec, MetricSpec) and (type(spec.fewest_concepts) is not int or spec.fewest_concepts < 1):
        raise PluginError(
            f"Expected 'fewest_concepts' of the metric {spec.name!r} to be a whole number, at least 1, "
            f"found {spec.fewest_concepts!r}."
        )
    restored = getattr(spec, "restored", ())
    if not isinstance(restored, tuple) or not all(isinstance(name, str) for name in restored):
        raise PluginError(
            f"Expected 'restored' of the {kind.words} {spec.name!r} to be a tuple of names, found {restored!r}."
        )


def _check_localizer(spec: LocalizerSpec) -> None:
    owner = f"the localizer {spec.name!r}"
    if spec.suits is not None and not callable(spec.suits):
        raise PluginError(
            f"Expected 'suits' of {owner} to be callable, suits(translator), found {_described(spec.suits)}."
        )
    if not isinstance(spec.quick, Mapping):
        raise PluginError(
            f"Expected 'quick' of {owner} to be a mapping from options to values, found {_described(spec.quick)}."
        )
    if spec.suits is not None or spec.quick:
        check_options(owner, spec.build, (), spec.quick)
    if isinstance(spec.build, type) and issubclass(spec.build, Localizer):
        refuse_near_names(spec.build, Localizer, owner=owner)


def _described(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"
