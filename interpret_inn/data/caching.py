"""Where this library keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder of this library, or where `INTERPRET_INN_CACHE` points; it may not exist yet.

    Everything in it can be deleted at any time.
    """
    named = os.environ.get("INTERPRET_INN_CACHE")
    return (
        Path(named).expanduser() if named else platformdirs.user_cache_path("interpret_inn", appauthor=False)
    )
