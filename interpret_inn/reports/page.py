"""One HTML page from an explanation: views into templates, and the page kept under its budget."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from interpret_inn.explaining.records import Explanation
from interpret_inn.reports import (
    answers,
    views,
    views_galleries,
    views_inputs,
    views_places,
    views_scores,
    wording,
)
from interpret_inn.reports.findings import decides, doubts
from interpret_inn.reports.pictures import LADDER, Quality, Thumbnails
from interpret_inn.types import RESIDUAL, Section

BUDGET = 10_000_000
"""Bytes a page must stay under, so that mail and browsers take it."""
_log = logging.getLogger(__name__)


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
    # Only markup of plugins can still be that large: what this package draws itself is capped.
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
        "percent": wording.percent,
        "number": wording.number,
        "count": wording.count,
        "seconds": wording.seconds,
    }
    return environment


def _render(explanation: Explanation, sections: Sequence[Section], quality: Quality) -> str:
    thumbnail = Thumbnails(quality)
    context = {**_whole(explanation), **_inputs(explanation, thumbnail)}
    # Plugins are trusted code and say that they escaped; the page's policy still forbids scripts and loading.
    context["plugin_sections"] = [(section.title, Markup(section.html)) for section in sections]  # noqa: S704
    context["pictures_left_out"] = thumbnail.left_out
    context["contents"] = _table_of_contents(context)
    return _environment().get_template("report.html").render(context)


def _whole(explanation: Explanation) -> dict[str, Any]:
    """What the templates know of the data as a whole."""
    return {
        "explanation": explanation,
        "residual": RESIDUAL,
        "noun": "decision" if decides(explanation) else "output",
        "classes": decides(explanation),
        "css": views.factor_css(explanation),
        "headline": answers.headline(explanation),
        "learnt": answers.learnt_answer(explanation),
        "sure": answers.sure_answer(explanation),
        "doubts": doubts(explanation),
        "redraws": views.redraw_figure(explanation),
        "matrix": views.matrix(explanation),
        "associations": views.associations(explanation),
        "drifts": views.drift_rows(explanation),
        "scores": views_scores.score_rows(explanation),
        "checks": views.check_rows(explanation),
        "sizes": views.sizes_strip(explanation, views.factor_css(explanation)),
        "timings": views.timing_parts(explanation),
    }


def _inputs(explanation: Explanation, thumbnail: Thumbnails) -> dict[str, Any]:
    """What the templates know of single inputs."""
    css = views.factor_css(explanation)
    return {
        "examples": views_inputs.example_views(explanation, css, thumbnail),
        "shown_first": views_inputs.SHOWN_FIRST,
        "maps": views_inputs.map_views(explanation, css),
        "neighbours": views_inputs.neighbour_views(explanation, css, thumbnail),
        "traversals": views_inputs.traversal_groups(explanation, css, thumbnail),
        "galleries": views_galleries.gallery_groups(explanation, css, thumbnail),
        "place_heads": views_places.place_heads(explanation, thumbnail),
        "places": views_places.place_rows(explanation, css, thumbnail),
    }


def _table_of_contents(context: dict[str, Any]) -> list[tuple[str, str]]:
    """Anchors and titles of the sections that have something to show."""
    entries = [
        ("depends", f"What the {context['noun']} depends on", context["redraws"]),
        ("carries", "What each factor carries", context["matrix"]),
        # a model that makes pictures is best explained by pictures
        ("galleries", "In pictures", context["galleries"] and not context["classes"]),
        ("places", "Where each factor acts", context["places"]),
        ("inputs", "Input by input", context["examples"]),
        ("maps", "Maps of the factors", context["maps"]),
        ("neighbours", "Real data along each factor", context["neighbours"]),
        ("traversals", "Walking along one factor", context["traversals"]),
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
