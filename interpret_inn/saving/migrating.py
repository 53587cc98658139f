"""Artefacts of older formats brought to the form of today, and records revived from it by their type hints.

Format 2 stays open until the release: what is renamed or added until then gets its line in `FROM_1`, and nothing
else in the library knows that it ever had another name. Artefacts of format 1 are read for good; those of format 2
that were written before the release need not be.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpret_inn import types as records

FORMAT = 2
EVALUATION_FILES = {1: "judgement.json", 2: "evaluation.json"}
"""The file that holds the evaluation, by format."""
NOT_MEASURED = "not measured; fit again"
POSITION_MEANS = ("position_means.codes", "position_means.white")
"""Tensors that an artefact at positions may lack, if it was written before there were any; a note says so."""


class Stored(NamedTuple):
    """What the files of an artefact hold, before anything is made of it.

    Attributes:
        about: The contents of `interpreter.json`.
        evaluation: The contents of the file of the evaluation.
        tensors: The contents of `tensors.safetensors`, by name.
    """

    about: dict[str, Any]
    evaluation: dict[str, Any]
    tensors: dict[str, Tensor]


class Added(NamedTuple):
    """A field that the older format lacks.

    Attributes:
        value: What stands in its place; None for a number becomes NaN.
        figure: Name of the figure in a note that says "not measured; fit again"; "": no note.
    """

    value: Any = None
    figure: str = ""


@dataclass(frozen=True)
class Changes:
    """What changes from one format to the next.

    Fields are named by their paths, with `*` for any key or any place in a list: `"leakage.scores.*.*.mlp"`.

    Attributes:
        about: New names of fields of `interpreter.json`, by their old paths.
        evaluation: New names of fields of `evaluation.json`, by their old paths.
        tensors: New names of tensors; a name that ends with `.` stands for all that begin with it.
        added_about: Fields of `interpreter.json` that are new, by their new paths.
        added_evaluation: Fields of `evaluation.json` that are new, by their new paths.
    """

    about: Mapping[str, str] = field(default_factory=dict)
    evaluation: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    added_about: Mapping[str, Added] = field(default_factory=dict)
    added_evaluation: Mapping[str, Added] = field(default_factory=dict)


FROM_1 = Changes(
    about={},
    evaluation={"leakage.scores.*.*.mlp": "network", "leakage.representation.*.mlp": "network"},
    tensors={"bank": "reference_codes", "bank_groups": "reference_groups"},
    added_about={},
    added_evaluation={"scores": Added(figure="Scores of the codes against the values of concepts")},
)
"""From format 1 to format 2: a name that changes is one line here."""


def migrated(stored: Stored, changes: Mapping[int, Changes] | None = None) -> Stored:
    """The same in the format of today.

    Args:
        stored: Of any format up to today's, as `about["format"]` says.
        changes: What is to be done from each older format on; None: the table of this module.

    Raises:
        KeyError: no such format has ever been written.
    """
    steps = {1: FROM_1} if changes is None else changes
    for step in range(stored.about["format"], FORMAT):
        stored = _stepped(stored, steps[step], step + 1)
    for told in _LACKING:
        stored = told(stored)
    return stored


def _without_refits(stored: Stored) -> Stored:
    """The same with a note if it was written before there were fits to other samples, of a flow that may have some."""
    conditional = stored.about.get("flow", {}).get("conditional") is not None
    lacking = conditional and "refits" not in stored.evaluation
    return _noted(stored, f"Scores of refits to other samples: {NOT_MEASURED}.") if lacking else stored


def _without_kernel(stored: Stored) -> Stored:
    """The same with a note if probes were scored before there was one with a kernel; its scores then are NaN."""
    rows = stored.evaluation.get("leakage", {}).get("scores", {})
    lacking = any("kernel" not in cell for row in rows.values() for cell in row.values())
    return _noted(stored, f"Scores of the kernel probe: {NOT_MEASURED}.") if lacking else stored


def _without_erasure(stored: Stored) -> Stored:
    """The same with a note if it was written before concepts were compared with linear erasure."""
    note = f"Linear erasure of the same concepts, beside the flow: {NOT_MEASURED}."
    labelled = stored.evaluation.get("leakage", {}).get("concepts")
    return _noted(stored, note) if labelled and stored.evaluation.get("erasure") is None else stored


def _without_effects(stored: Stored) -> Stored:
    """The same with a note if it was written before effects of concepts were estimated."""
    note = f"Effects of concepts by what labels tell: {NOT_MEASURED}."
    labelled = stored.evaluation.get("leakage", {}).get("concepts")
    return _noted(stored, note) if labelled and stored.evaluation.get("effects") is None else stored


def _without_position_means(stored: Stored) -> Stored:
    """The same with a note if it is of single positions only; what reads whole inputs then goes by these."""
    if stored.about.get("layout", {}).get("name") != "positions" or POSITION_MEANS[0] in stored.tensors:
        return stored
    note = f"Means over positions, by which labels, positions and held concepts of whole inputs go: {NOT_MEASURED}."
    return _noted(stored, note)


def _noted(stored: Stored, note: str) -> Stored:
    """The same with this note among its notes, once, as a formality: what is missing says nothing against the rest."""
    notes, remarks = stored.about["notes"], stored.about.get("remarks", [])
    if note in notes:
        return stored
    return stored._replace(about=stored.about | {"notes": [*notes, note], "remarks": [*remarks, note]})


def _stepped(stored: Stored, changes: Changes, number: int) -> Stored:
    about = _renamed(stored.about, changes.about)
    evaluation = _renamed(stored.evaluation, changes.evaluation)
    for record, added in ((about, changes.added_about), (evaluation, changes.added_evaluation)):
        for path, new in added.items():
            _put(record, path.split("."), new.value)
    figures = [new.figure for new in (*changes.added_about.values(), *changes.added_evaluation.values())]
    about["format"] = number
    tensors = {_tensor_name(name, changes.tensors): value for name, value in stored.tensors.items()}
    found = Stored(about, evaluation, tensors)
    for figure in figures:
        found = _noted(found, f"{figure}: {NOT_MEASURED}.") if figure else found
    return found


def _renamed(value: Any, names: Mapping[str, str], path: tuple[str, ...] = ()) -> Any:
    """A copy in which fields have their new names; paths are those of the old ones."""
    if isinstance(value, list):
        return [_renamed(item, names, (*path, str(place))) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        here = (*path, key)
        name = next((new for old, new in names.items() if _fits(old.split("."), here)), key)
        found[name] = _renamed(item, names, here)
    return found


def _fits(pattern: list[str], path: tuple[str, ...]) -> bool:
    """Whether a path is one that a pattern stands for; a key may itself hold dots."""
    return len(pattern) == len(path) and all(
        wanted in ("*", found) for wanted, found in zip(pattern, path, strict=True)
    )


def _put(record: Any, path: list[str], value: Any) -> None:
    """Adds a field at each place that a path stands for; a field that is there already stays."""
    key, *rest = path
    if not rest:
        record.setdefault(key, value)
    elif key != "*":
        _put(record[key], rest, value)
    else:
        for item in record.values() if isinstance(record, dict) else record:
            _put(item, rest, value)


def _tensor_name(name: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if name == old:
            return new
        if old.endswith(".") and name.startswith(old):
            return new + name.removeprefix(old)
    return name


_NAMES = vars(records)


def revive(kind: Any, value: Any) -> Any:
    """An object of this type from its plain form; numbers that are null become NaN.

    Args:
        kind: A dataclass of this library, or a hint that stands in one.
        value: What `plain` made of such an object.

    Raises:
        TypeError: the value does not fit the type.
        ValueError: it is none of the literals that it may be, or of another length.
        KeyError: a field that has no default is missing.
    """
    if kind is float:
        return math.nan if value is None else float(value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, localns=_NAMES)
        names = [field.name for field in dataclasses.fields(kind) if field.name in value or _is_needed(field)]
        return kind(**{name: revive(hints[name], value[name]) for name in names})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else revive(next(a for a in arguments if a is not type(None)), value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(revive(arguments[0], item) for item in value)
        return tuple(revive(hint, item) for hint, item in zip(arguments, value, strict=True))
    if origin is Mapping or origin is dict:
        return {key: revive(arguments[1], item) for key, item in value.items()}
    if origin is np.ndarray:
        return _array(arguments[1], value)
    if kind is Any:
        return value
    if origin is typing.Literal:
        if not any(type(value) is type(one) and value == one for one in arguments):
            raise ValueError(f"expected one of {arguments}, found {value!r:.60}")
        return value
    if kind is torch.Tensor or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind}, found {type(value).__name__}")
    return value


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default; one that has may be missing in what an earlier version wrote."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _array(hint: Any, value: Any) -> np.ndarray[Any, Any]:
    """A float64 or int64 array from nested lists in which null stands for NaN."""
    wanted = typing.get_args(hint)[0]
    return np.array(value, dtype=np.float64 if wanted is np.float64 else np.int64)


_LACKING = (_without_position_means, _without_kernel, _without_refits, _without_erasure, _without_effects)
"""What tells an older artefact of today's format apart: figures that it lacks are said."""
