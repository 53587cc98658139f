"""Notes of a fit in `interpreter.json`: their texts, and of what kind they are and which concepts they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interpret_inn.types.results import Note, Remark


def stored_notes(notes: Iterable[str]) -> dict[str, Any]:
    """The fields of `interpreter.json` that hold notes.

    >>> stored_notes(["Plain.", Remark("Set."), Note("a is fixed by b.", "fixed", ("a", "b"))])["note_kinds"]
    {'a is fixed by b.': ['fixed', 'a', 'b']}
    """
    return {
        "notes": [str(note) for note in notes],
        "remarks": [str(note) for note in notes if isinstance(note, Remark)],
        "note_kinds": {
            str(note): [note.kind, *note.concepts]
            for note in notes
            if isinstance(note, Note) and not isinstance(note, Remark)
        },
    }


def read_notes(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Notes from these fields; an earlier version wrote no kinds."""
    kinds, remarks = about.get("note_kinds", {}), about.get("remarks", ())
    return tuple(
        Remark(text) if text in remarks else Note(text, *_of(kinds[text])) if text in kinds else text
        for text in about["notes"]
    )


def note_texts(about: Mapping[str, Any]) -> list[Any]:
    """Everything in these fields that should be text.

    Raises:
        TypeError: a field is no list, or no mapping of lists.
    """
    fields = [about["notes"], about.get("remarks", [])]
    kinds = about.get("note_kinds", {})
    if not isinstance(kinds, dict):
        raise TypeError(f"expected kinds of notes by their texts, found {type(kinds).__name__}")
    fields += [list(kinds), *kinds.values()]
    for field in fields:
        if not isinstance(field, list):
            raise TypeError(f"expected a list, found {type(field).__name__}")
    return [text for field in fields for text in field]


def _of(stored: list[str]) -> tuple[str, list[str]]:
    return stored[0], stored[1:]
