"""What the command line refuses: text that cannot be a name or a path, and downloads that a file asks for."""

from __future__ import annotations

import os
import re
from typing import Any

import click

_DOWNLOAD = "?download"
UNUSABLE = re.compile("[\0\ud800-\udfff]")
"""What no name, path or table may hold: the zero character, and halves of a pair of UTF-16."""


class PlainPath(click.Path):
    """A path that can be opened: without the zero character, and in letters that the system can write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, if it can be opened."""
        try:
            usable = b"\0" not in os.fsencode(value)
        except UnicodeEncodeError:
            usable = False
        if not usable:
            self.fail(f"expected a path, found {str(value)[:80]!a}.", param, ctx)
        return super().convert(value, param, ctx)


def refuse_download(written: Any) -> None:
    """Raises if a file asks for the network, in the model's name or elsewhere.

    Args:
        written: What the file holds.

    Raises:
        click.UsageError: it does.
    """
    rest = [written]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += [*value, *value.values()]
        elif isinstance(value, list):
            rest += value
        elif isinstance(value, str) and _DOWNLOAD in value:
            raise click.UsageError(
                f"expected names of what is on this machine, found {value[:80]!a}: {_DOWNLOAD} uses the network, and "
                "counts only on the command line. Check the name, leave it out of the file, and type it yourself."
            )
