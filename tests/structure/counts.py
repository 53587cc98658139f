"""Counts what makes this code harder or easier to change.

Run it as `python tests/structure/counts.py [--root PATH] [--json]`. It reads the files and imports nothing of the
project, so it counts other checkouts too. The standard library is enough for it, but for the dead names, which
vulture finds. `test_structure.py` holds some of the counts.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import circles
import kinds
import literals
import sizes
import unused
from sources import read


def measure(root: Path) -> dict[str, object]:
    """All counts of a checkout.

    Args:
        root: Its root, in which `interpret_inn` and `plugins` stand.
    """
    sources = read(root)
    return {
        "circles of imports": circles.measure(sources),
        "files": sizes.measure(sources),
        "questions for a concept's kind": kinds.measure(sources),
        "backbone of type Any or object": literals.vague_backbones(sources),
        "dead names": unused.measure(root),
        "tolerances in several files": {
            "all": literals.tolerances(sources),
            "compared with": literals.compared_tolerances(sources),
        },
        "records that can be changed": literals.changing_records(sources),
        "seeds made by addition": literals.added_seeds(sources),
    }


def as_text(found: object, depth: int = 0) -> list[str]:
    """The counts as indented lines: each list with its length, and its entries below it."""
    indent = "  " * depth
    if isinstance(found, dict):
        lines = []
        for name, value in found.items():
            if isinstance(value, dict | list):
                lines += [f"{indent}{name}: {len(value)}" if isinstance(value, list) else f"{indent}{name}"]
                lines += as_text(value, depth + 1)
            else:
                lines.append(f"{indent}{name}: {value}")
        return lines
    if isinstance(found, list):
        return [
            line
            for one in found
            for line in (as_text(one, depth) if isinstance(one, dict) else [f"{indent}{one}"])
        ]
    return [f"{indent}{found}"]


def main() -> None:
    """Prints the counts."""
    parser = argparse.ArgumentParser(description="Counts what makes the code harder or easier to change.")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parents[2], help="a checkout (default: this one)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    root = options.root.resolve()
    if not (root / "interpret_inn").is_dir() or not (root / "plugins").is_dir():
        parser.error(f"Expected a checkout with the folders interpret_inn and plugins, found none in {root}.")
    found = measure(root)
    print(json.dumps(found, indent=1) if options.json else "\n".join(as_text(found)))


if __name__ == "__main__":
    main()
