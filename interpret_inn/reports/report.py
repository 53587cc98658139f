"""A report: the picture of an explanation, as one HTML file and a JSON file beside it."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from interpret_inn.errors import InputError, StoreError
from interpret_inn.explaining.doubts import doubts, formalities
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.strengths import decides
from interpret_inn.explaining.wording import count, number, percent
from interpret_inn.reports import (
    answers,
    views,
    views_effects,
    views_erasure,
    views_inputs,
    views_method,
    views_pictures,
    views_refits,
    views_scores,
    wording,
)
from interpret_inn.reports.contents import contents
from interpret_inn.reports.figures import element
from interpret_inn.reports.thumbnails import LADDER, Quality, Thumbnails
from interpret_inn.types import RESIDUAL, Section

BUDGET = 10_000_000
"""Bytes a page must stay under, so that mail and browsers take it."""
_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\ud800-\udfff]"
)
"""Characters that are not seen but change how others are shown (Unicode's Cc and Cf without tabs and line ends), and
halves of a pair of UTF-16, which cannot be written. With them, a name that a stranger chose could look like another."""
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
        """The same content for programs: dicts, lists, strings, numbers; None if a number is missing.

        Keys: `model`, `backbone`, `site`, `layout`, `shape`, `preprocess`, `axes`, `flow`, `split`, `checks`,
        `factors`, `verdicts`, `leakage`, `erasure`, `effects`, `redraw`, `examples`, `maps`, `neighbours`,
        `traversals`, `galleries`, `places`, `drifts`, `scores`, `timings`, `warnings`, `skipped`, `versions`,
        `sections` and `format`, the version of this form.
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
    """The page's file: the path itself, or `report.html` in it if it is a folder."""
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
    data = text.encode("utf-8", "replace")  # names of files may hold bytes that are no letters
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(
            f"The report ({wording.bytes_text(len(data))}) cannot be written to {str(file)!r}: "
            f"{error.strerror or error}. "
            f"{_free(file)}Type report.save(...) with a folder that you can write to."
        ) from error
    _log.info("Wrote %s (%s).", file, wording.bytes_text(len(data)))


def _free(file: Path) -> str:
    """A sentence on the free space where a file was to be written; empty if there is no folder yet."""
    folder = next((parent for parent in file.parents if parent.is_dir()), None)
    return "" if folder is None else f"{wording.bytes_text(shutil.disk_usage(folder).free)} are free there. "


def page(explanation: Explanation, sections: Sequence[Section] = (), *, budget: int = BUDGET) -> str:
    """The report as one HTML document that needs nothing else.

    Args:
        explanation: What to show.
        sections: Further sections, after those of the explanation itself.
        budget: Bytes of UTF-8 to stay under: pictures shrink first, then vanish, then sections of plugins are
            left to the JSON file.
    """
    extra = (*explanation.sections, *sections)
    for quality in LADDER:
        html = _render(explanation, extra, quality)
        if _size(html) < budget:
            return html
        _log.info("The report has %s; trying smaller pictures.", wording.bytes_text(_size(html)))
    # Only markup of plugins can still be that large, as the number of this package's own figures is limited.
    return _render(explanation, tuple(_replaced(section) for section in extra), LADDER[-1])


def _size(html: str) -> int:
    return len(html.encode("utf-8"))


def _replaced(section: Section) -> Section:
    text = Markup("<p>Left out: with its {} the report would be too large. The JSON file has its data.</p>")
    return Section(section.title, text.format(wording.bytes_text(_size(section.html))), section.data)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("interpret_inn.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "count": count,
    }
    return environment


def _render(explanation: Explanation, sections: Sequence[Section], quality: Quality) -> str:
    thumbnail, css = Thumbnails(quality), views.factor_css(explanation)
    context = {**_whole(explanation, css), **_inputs(explanation, css, thumbnail)}
    # Plugins are trusted code and say that they escaped; the page's policy still forbids scripts and loading.
    context["plugin_sections"] = [(section.title, Markup(section.html)) for section in sections]  # noqa: S704
    context["pictures_left_out"] = thumbnail.left_out
    context["contents"] = _table_of_contents(context)
    # Last, so that it holds for names in figures and in sections of plugins too.
    return _UNSEEN.sub(
        "\N{REPLACEMENT CHARACTER}", _environment().get_template("report.html").render(context)
    )


def _whole(explanation: Explanation, css: dict[str, str]) -> dict[str, Any]:
    """What the templates show of the data as a whole."""
    noun = "decision" if decides(explanation) else "output"
    return {
        "explanation": explanation,
        "residual": RESIDUAL,
        "noun": noun,
        "redraws_title": "Redraws of each factor" if explanation.effects else f"What the {noun} depends on",
        "classes": decides(explanation),
        "css": css,
        "headline": answers.headline(explanation),
        "carried": answers.carried_answer(explanation),
        "sure": answers.sure_answer(explanation),
        "doubts": doubts(explanation),
        "formalities": formalities(explanation),
        "effects": views_effects.effect_figure(explanation),
        "redraws": views.redraw_figure(explanation),
        "matrix": views.matrix(explanation),
        "fresh": views.probed_apart(explanation),
        "associations": views.associations(explanation),
        "refits": views_refits.refits_text(explanation),
        "erasure": views_erasure.erasure_rows(explanation),
        "drifts": views_method.drift_rows(explanation),
        "scores": views_scores.score_rows(explanation),
        "checks": views_method.check_rows(explanation),
        "sizes": views_method.sizes_strip(explanation, css),
        "timings": views_method.timing_parts(explanation),
        "preprocessing": wording.preprocess_text(explanation.preprocess),
    }


def _inputs(explanation: Explanation, css: dict[str, str], thumbnail: Thumbnails) -> dict[str, Any]:
    """What the templates show of single inputs."""
    return {
        "examples": views_inputs.example_views(explanation, css, thumbnail),
        "shown_first": views_inputs.SHOWN_FIRST,
        "maps": views_inputs.map_views(explanation, css),
        "neighbours": views_inputs.neighbour_views(explanation, css, thumbnail),
        "traversals": views_inputs.traversal_groups(explanation, css, thumbnail),
        "galleries": views_pictures.gallery_groups(explanation, css, thumbnail),
        "place_heads": views_pictures.place_heads(explanation, thumbnail),
        "places": views_pictures.place_rows(explanation, css, thumbnail),
    }


def _table_of_contents(context: dict[str, Any]) -> list[tuple[str, str]]:
    """Anchors and titles of the sections that have something to show."""
    entries = [
        ("effects", f"What the {context['noun']} depends on", context["effects"]),
        ("depends", context["redraws_title"], context["redraws"]),
        ("carries", "What each factor carries", context["matrix"]),
        ("erasure", "Beside linear erasure", context["matrix"]),
        # a model that makes pictures is best explained by pictures
        ("galleries", "In pictures", context["galleries"] and not context["classes"]),
        ("places", "Where each factor acts", context["places"]),
        ("inputs", "Input by input", context["examples"]),
        ("maps", "Maps of the factors", context["maps"]),
        ("neighbours", "Real data along each factor", context["neighbours"]),
        ("traversals", "Traversals along one factor", context["traversals"]),
        ("galleries", "In pictures", context["galleries"] and context["classes"]),
        ("scores", "Scores", context["scores"]),
        ("hold", "Holding one concept still", context["drifts"]),
        ("checks", "Checks", True),
        ("sizes", "Sizes of the factors", True),
        *((f"plugin-{i}", title, True) for i, (title, _) in enumerate(context["plugin_sections"])),
        ("provenance", "How this was made", True),
        ("words", "Words", True),
    ]
    return [(anchor, title) for anchor, title, there in entries if there]
