"""What the benchmarks share: the real networks, a table on the screen, figures in a file."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"


def real_folder() -> Path:
    """The folder with real networks and images; ends the script, saying so, where none is named."""
    folder = os.environ.get("INTERPRET_INN_REAL")
    if not folder or not (Path(folder) / "zoo.py").exists():
        sys.exit("Set INTERPRET_INN_REAL to the folder with real networks and images (it holds zoo.py).")
    return Path(folder)


def load_zoo() -> ModuleType:
    """The module that builds the real networks; it is no part of this project."""
    spec = importlib.util.spec_from_file_location("zoo", real_folder() / "zoo.py")
    if spec is None or spec.loader is None:
        sys.exit(f"{real_folder() / 'zoo.py'} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_digest(*scripts: str) -> str:
    """Tells figures of other code apart: of the scripts, and of the rooms and plugins that figures come from."""
    root = HERE.parents[1]
    rooms = [root / "interpret_inn" / room for room in ("effects", "explore", "fitting", "flows", "metrics")]
    files = [HERE / script for script in scripts]
    for folder in [*rooms, root / "plugins"]:
        files += sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a plain text table."""
    if not rows:
        return "(nothing)"
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def write(name: str, figures: Any) -> Path:
    """Writes figures as JSON into the benchmarks' working folder."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.json"
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False))
    print(f"\nwritten: {path}")
    return path


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2e}" if value and abs(value) < 5e-4 else f"{value:.3f}"
    return str(value)


def leakage_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for every concept of a report's JSON: what each factor tells of it (linear/network)."""
    leak = report["leakage"]
    rows = []
    for concept in leak["concepts"]:
        row = {"concept": concept, "kind": leak["kind"][concept], "chance": leak["chance"][concept]}
        row["from z"] = _pair(leak["representation"][concept], leak["representation_network"][concept])
        for factor in leak["factors"]:
            row[f"from {factor}"] = _pair(leak["scores"][concept][factor], leak["network"][concept][factor])
        row["unfitted own"] = leak["unfitted"].get(concept, float("nan"))
        rows.append(row)
    return rows


def verdict_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for every concept of a report's JSON: whether each part of its verdict holds."""
    return [
        {"concept": concept, **{part: found["holds"] for part, found in verdict.items()}}
        for concept, verdict in report["verdicts"].items()
    ]


def redraw_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for every factor of a report's JSON: what redrawing it does to the output."""
    return [
        {"factor": name}
        | {key: _number(found[key]) for key in ("flip_rate", "kl", "class_std", "change", "left_data")}
        for name, found in report["redraw"].items()
    ]


def _pair(linear: float | None, network: float | None) -> str:
    return f"{_number(linear):.3f}/{_number(network):.3f}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
