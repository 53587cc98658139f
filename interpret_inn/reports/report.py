"""A report: the picture of an explanation, as one HTML file and a JSON file beside it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from interpret_inn.errors import InputError, StoreError
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports.contents import contents
from interpret_inn.reports.figures import element
from interpret_inn.reports.page import page
from interpret_inn.reports.wording import bytes_text
from interpret_inn.types import Section

_log = logging.getLogger(__name__)


class Report:
    """What an explanation says, for people (`to_html`) and for programs (`to_dict`).

    The page is one file: it loads nothing, needs no JavaScript, follows the reader's light or dark setting,
    prints, and stays under 10 MB.

    Args:
        explanation: What was computed.
        sections: Further sections, shown after those of the explanation itself.
    """

    def __init__(self, explanation: Explanation, sections: Sequence[Section] = ()) -> None:
        self.explanation = explanation
        self.sections = tuple(sections)

    def __repr__(self) -> str:
        names = ", ".join(factor.name for factor in self.explanation.factors)
        return f"Report({self.explanation.model!r} at {self.explanation.site!r}: {names})"

    def to_html(self) -> str:
        """The whole page as text."""
        return page(self.explanation, self.sections)

    def to_dict(self) -> dict[str, Any]:
        """The same content for programs: dicts, lists, strings, numbers; None where a number is missing.

        Keys: `model`, `backbone`, `site`, `layout`, `shape`, `axes`, `split`, `checks`, `factors`, `leakage`,
        `redraw`, `examples`, `maps`, `neighbours`, `traversals`, `galleries`, `places`, `drifts`, `scores`,
        `timings`, `warnings`, `skipped`, `versions`, `sections` and `format`, the version of this form.
        """
        return contents(self.explanation, self.sections)

    def save(self, path: str | os.PathLike[str]) -> list[Path]:
        """Writes the page, and the JSON file of the same name beside it; files already there are replaced.

        Args:
            path: A file that ends in `.html`, or a folder, into which `report.html` and `report.json` go.
                Folders that do not exist are created.

        Returns:
            The files written: the page, then the JSON file.

        Raises:
            InputError: The path ends in something other than `.html`.
            StoreError: It cannot be written there.
        """
        target = _html_path(path)
        texts = {
            target: self.to_html(),
            target.with_suffix(".json"): json.dumps(
                self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False
            ),
        }
        for file, text in texts.items():
            _write(file, text)
        return list(texts)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, for notebooks: its styles and theirs stay apart."""
        frame = element(
            "iframe",
            Markup(""),
            srcdoc=self.to_html(),
            sandbox="",
            title=f"Report on {self.explanation.model}",
            style="width:100%;height:48rem;border:1px solid #8884;border-radius:6px",
        )
        return str(frame)


def _html_path(path: str | os.PathLike[str]) -> Path:
    """The page's file: the path itself, or `report.html` in it where it is a folder."""
    target = Path(path)
    is_folder = target.is_dir() or os.fspath(path).endswith(("/", os.sep)) or not target.suffix
    if is_folder:
        return target / "report.html"
    if target.suffix.lower() not in {".html", ".htm"}:
        raise InputError(
            f"Expected a path that ends in .html, or a folder; found {os.fspath(path)!r}. "
            f"Type report.save({str(target.with_suffix('.html'))!r}): the JSON file is written beside it, "
            f"and a browser prints the page to PDF."
        )
    return target


def _write(file: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    data = text.encode("utf-8")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(
            f"The report ({bytes_text(len(data))}) cannot be written to {str(file)!r}: "
            f"{error.strerror or error}. "
            f"{_free(file)}Type report.save(...) with a folder that you can write to."
        ) from error
    _log.info("Wrote %s (%s).", file, bytes_text(len(data)))


def _free(file: Path) -> str:
    """How much room there is where a file was to go; empty where that cannot be told."""
    folder = next((parent for parent in file.parents if parent.is_dir()), None)
    return "" if folder is None else f"{bytes_text(shutil.disk_usage(folder).free)} are free there. "
