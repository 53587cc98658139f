"""Which files a room has, and which tests are asked whether a change of them matters."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Room(NamedTuple):
    """A room of the library.

    Attributes:
        code: Patterns of its files. A file that several rooms name belongs to the first of them.
        tests: Folders and files of tests; what is not there is passed over.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]


EVERYWHERE = ("tests/structure/test_signatures.py", "tests/structure/test_structure.py")
"""Tests of all code at once: defaults on record, records that do not change."""
_ASKING = (
    *("encoding", "store", "store_damage", "store_room"),
    *("trainer", "trainer_resumed", "trainer_not_finite", "source_losses"),
    *("curious_sources", "plans", "source_members"),
)
"""Tests of those who fit, which ask for settings and for the encoding of inputs."""
_FITS = ("tests/fitting", "tests/unsupervised", "tests/labels", "tests/pairs", "tests/interpreter")
_EXPLANATIONS = ("tests/explaining", "tests/interpreter", "tests/explore", "tests/comparing")

ROOMS = {
    "flows": Room(("interpret_inn/flows/*.py",), ("tests/flows", "tests/fitting", "tests/interpreter")),
    "translating": Room(
        (
            "interpret_inn/translating/*.py",
            *(f"interpret_inn/explaining/{name}.py" for name in ("bench", "edits", "holding", "axes")),
        ),
        (
            "tests/translating",
            *(f"tests/fitting/test_{name}.py" for name in _ASKING),
            *_EXPLANATIONS,
            "tests/test_model_is_sacred.py",
        ),
    ),
    "fitting": Room(("interpret_inn/fitting/*.py",), _FITS),
    "effects": Room(("interpret_inn/effects/*.py",), ("tests/effects", "tests/reports")),
    "explaining": Room(("interpret_inn/explaining/*.py",), (*_EXPLANATIONS, "tests/reports")),
    "localizing": Room(
        ("interpret_inn/localizing/*.py",),
        ("tests/localizing", "tests/masks", "tests/captum", "tests/explore"),
    ),
    "metrics": Room(("interpret_inn/metrics/*.py",), ("tests/metrics", "tests/scores", "tests/explaining")),
}


def files_of_rooms(root: Path) -> dict[str, list[Path]]:
    """Files of every room, relative to the root, sorted; each in one room only."""
    found: dict[str, list[Path]] = {}
    taken: set[Path] = set()
    for name, room in ROOMS.items():
        files = {file.relative_to(root) for pattern in room.code for file in root.glob(pattern)}
        found[name] = sorted(file for file in files - taken if file.name != "__init__.py")
        taken |= files
    return {name: files for name, files in found.items() if files}


def tests_of(file: Path, room: str, root: Path) -> tuple[list[str], list[str]]:
    """Tests in the order in which they are run: those that bear the file's name, then the rest of the room's."""
    places = [place for place in (*ROOMS[room].tests, *EVERYWHERE) if (root / place).exists()]
    own = sorted(
        str(test.relative_to(root))
        for place in places
        for test in ((root / place).glob("test_*.py") if (root / place).is_dir() else [root / place])
        if file.stem.strip("_") in test.stem
    )
    return list(dict.fromkeys(own)), places
