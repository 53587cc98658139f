"""Names that nothing uses, found by vulture.

The core, the plugins, the templates of reports and the code blocks of the documentation count as users; tests do
not, as what only its test uses is dead.
"""

import re
from pathlib import Path

from allowed_unused import ALLOWED
from sources import CORE

_EXPRESSION = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def measure(root: Path) -> dict[str, object]:
    """Dead names, and exceptions that are no longer needed.

    Args:
        root: The root of the repository.

    Raises:
        ModuleNotFoundError: vulture is not installed: `pip install -e '.[test]'`.
    """
    from vulture import Vulture  # type: ignore[import-untyped]

    finder = Vulture(ignore_decorators=["@hookimpl", "@hookspec", "@inn.hookimpl"])
    finder.scavenge([str(root / CORE), str(root / "plugins")])
    used = _names_in(root / CORE, "**/*.html", _EXPRESSION) | _names_in(root, "README.md", _BLOCK)
    used |= _names_in(root / "docs", "**/*.md", _BLOCK)
    unused = [item for item in finder.get_unused_code(min_confidence=60) if item.name not in used]
    dead = [
        f"{Path(item.filename).resolve().relative_to(root)}:{item.first_lineno} {item.typ} {item.name}"
        for item in unused
        if item.name not in ALLOWED
    ]
    found = {item.name for item in unused}
    return {
        "dead": sorted(dead),
        "exceptions": len(ALLOWED),
        "exceptions that are not needed": sorted(set(ALLOWED) - found),
    }


def _names_in(folder: Path, pattern: str, part: re.Pattern[str]) -> set[str]:
    """All names in these parts of the files of a folder that have such a path."""
    files = sorted(folder.glob(pattern))
    texts = [text for path in files for text in part.findall(path.read_text(encoding="utf-8"))]
    return {name for text in texts for name in re.findall(r"[^\W\d]\w*", text)}
