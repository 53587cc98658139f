"""What the templates show of the data as a whole: rows of figures and words, ready to be laid out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from markupsafe import Markup

from interpret_inn.explaining.evidence import Refits
from interpret_inn.explaining.readings import Reading, best, readings
from interpret_inn.explaining.records import Explanation, ProbeScores, Redraw
from interpret_inn.explaining.strengths import measure, ranked
from interpret_inn.explaining.wording import interval_text, number, percent, score_text
from interpret_inn.reports import figures
from interpret_inn.reports.answers import redraw_words
from interpret_inn.reports.figures import Mark
from interpret_inn.reports.views_refits import refits_cell
from interpret_inn.reports.wording import tick
from interpret_inn.types import RESIDUAL, Score

FACTOR_COLOURS = 8
"""Colours of the style sheet for factors (`f0` …); they repeat."""


def factor_css(explanation: Explanation) -> dict[str, str]:
    """The CSS class that gives each factor its colour, the same in every figure; the residual is grey."""
    names = [factor.name for factor in explanation.factors if factor.name != RESIDUAL]
    return {**{name: f"f{i % FACTOR_COLOURS}" for i, name in enumerate(names)}, RESIDUAL: "f-rest"}


# --- what the output depends on ---------------------------------------------------------------------


@dataclass(frozen=True)
class RedrawRow:
    """A factor's redraw: its bar, its main number and interval, its strength in words, further (number, interval).

    `lacking` says whether its concept is not carried, in words; empty if it is, or nothing tests it.
    """

    name: str
    lacking: str
    strip: Markup
    value: str
    interval: str
    words: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RedrawFigure:
    """All redraws with their common scale and what it means."""

    rows: tuple[RedrawRow, ...]
    axis: Markup
    caption: str
    headings: tuple[str, ...]


_CAPTIONS = {
    "classes": "Share of cases in which the predicted class changes when this factor alone is "
    "exchanged for that of other inputs",
    "image": "Root mean squared change of the output image when this factor alone is exchanged, "
    "in units of the range of all output images, or of the model’s own",
    "scalar": "Mean change of the output when this factor alone is exchanged for that of other inputs",
}


def redraw_figure(explanation: Explanation) -> RedrawFigure | None:
    """The ranked redraws; None if none were measured."""
    ranking = ranked(explanation)
    if not ranking:
        return None
    kind = ranking[0][1].kind
    in_percent = kind == "classes"
    top = (
        1.0 if in_percent else figures.round_up(max(figures.reach(measure(redraw)) for _, redraw in ranking))
    )
    rows = tuple(_redraw_row(name, redraw, top, _lacking(explanation, name)) for name, redraw in ranking)
    further = ("KL divergence", "Class std. dev.", "Prob. change") if in_percent else ()
    headings = ("Random slice", *further, "Left the data")
    return RedrawFigure(rows, figures.axis(top, percent if in_percent else tick), _CAPTIONS[kind], headings)


def _lacking(explanation: Explanation, name: str) -> str:
    verdict = explanation.verdicts.get(name)
    if verdict is None or verdict.carried.holds:
        return ""
    return "not carried" if verdict.carried.holds is False else "not surely carried"


def _redraw_row(name: str, redraw: Redraw, top: float, lacks: str) -> RedrawRow:
    score, kind = measure(redraw), "accuracy" if redraw.kind == "classes" else "r2"
    value, interval = score_text(score.value, kind), interval_text(score, kind)
    label = f"{name}: {value}" + (f", 95% interval {interval}" if interval else "")
    columns: tuple[tuple[str, str], ...] = ((percent(redraw.left_data), ""),)
    if redraw.kind == "classes":
        columns = (
            (number(redraw.kl.value), interval_text(redraw.kl, "r2")),
            (number(redraw.class_std.value), interval_text(redraw.class_std, "r2")),
            (percent(redraw.change.value), interval_text(redraw.change, "accuracy")),
            *columns,
        )
    random = redraw.random_slice or Score(math.nan)
    columns = ((score_text(random.value, kind), interval_text(random, kind)), *columns)
    strip = figures.bar(score, label, top=top)
    return RedrawRow(name, lacks, strip, value, interval, redraw_words(redraw), columns)


# --- what each factor carries ------------------------------------------------------------------------


@dataclass(frozen=True)
class MatrixCell:
    """Three probes: the linear one's score, the small network's and the kernel's, their drawing, and the cell's heat.

    The heat is how dark the cell is, from 0 to 1. `refits` has those of the linear probe and the kernel over refits.
    """

    text: str
    network: str
    kernel: str
    strip: Markup
    heat: float
    own: bool
    refits: str = ""


@dataclass(frozen=True)
class MatrixRow:
    """A concept's probes: from every factor and from the whole layer; guessing and unfitted here and over refits."""

    concept: str
    kind: str
    cells: tuple[MatrixCell, ...]
    layer: MatrixCell
    chance: str
    unfitted: str
    refits_chance: str
    refits_unfitted: str


def matrix(explanation: Explanation) -> tuple[MatrixRow, ...]:
    """The leakage matrix, a row for every concept."""
    read = readings(explanation.leakage)
    return tuple(_matrix_row(explanation, reading) for reading in read.values())


def _matrix_row(explanation: Explanation, reading: Reading) -> MatrixRow:
    concept = reading.name
    leakage, refits = explanation.leakage, explanation.refits or Refits()
    kind, chance = leakage.kind[concept], leakage.chance[concept]
    unfitted = leakage.unfitted.get(concept, Score(math.nan))
    chance_mark = Mark(chance, "chance", f"guessing {score_text(chance, kind)}")
    layer_mark = Mark(best(leakage.representation[concept]).value, "ceiling", "")
    cells = []
    for factor in leakage.factors:
        marks = [chance_mark, layer_mark]
        association = leakage.association.get(concept, {}).get(factor, math.nan)
        if factor != concept and math.isfinite(association):
            text = f"true {factor} alone {score_text(association, kind)}"
            marks.append(Mark(association, "association", text))
        probe = leakage.scores[concept][factor]
        share = reading.share(best(probe).value)
        heat = 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)
        cell = _cell(probe, f"{concept} from {factor}", kind, marks, heat, factor == concept)
        anew = refits.scores.get(concept, {}).get(factor)
        cells.append(replace(cell, refits=refits_cell(anew, kind)))
    whole = leakage.representation[concept]
    layer = _cell(whole, f"{concept} from the whole layer", kind, [chance_mark], 0.0, False)
    anew = refits.representation.get(concept)
    layer = replace(layer, refits=refits_cell(anew, kind))
    words = "read correctly" if kind == "accuracy" else "R²"
    beside = (chance, unfitted.value, refits.chance.get(concept), refits.unfitted.get(concept))
    texts = ("" if value is None else score_text(value, kind) for value in beside)
    return MatrixRow(concept, words, tuple(cells), layer, *texts)


def _cell(probe: ProbeScores, name: str, kind: str, marks: list[Mark], heat: float, own: bool) -> MatrixCell:
    text, interval = score_text(probe.linear.value, kind), interval_text(probe.linear, kind)
    network, kernel = (score_text(score.value, kind) for score in (probe.network, probe.kernel))
    if math.isnan(probe.kernel.value) and math.isfinite(probe.linear.value):
        kernel = "not measured"  # an earlier version of the library had no such probe
    told = f"{text} ({interval})" if interval else text
    label = f"{name}: {told}, by a small network {network}, by a kernel {kernel}"
    return MatrixCell(text, network, kernel, figures.cell(probe, label, marks=marks), round(heat, 3), own)


def probed_apart(explanation: Explanation) -> bool:
    """Whether factors were read for other concepts by probes that learnt from samples the flow was not fitted to.

    So is a conditional flow of which enough test samples are there; then what linear erasure leaves was read, too.
    """
    beside = (explanation.erasure or {}).values()
    conditional = explanation.flow is not None and explanation.flow.kind == "conditional"
    return conditional and (not beside or any(math.isfinite(one.rest.linear.value) for one in beside))


@dataclass(frozen=True)
class AssociationRow:
    """How well a concept can be predicted from the true value of each other concept."""

    concept: str
    chance: str
    values: tuple[str, ...]


def associations(explanation: Explanation) -> tuple[AssociationRow, ...]:
    """How concepts go together in the data; empty if there are fewer than two."""
    leakage = explanation.leakage
    if len(leakage.concepts) < 2 or not any(leakage.association.values()):
        return ()
    rows = []
    for concept in leakage.concepts:
        kind, row = leakage.kind[concept], leakage.association.get(concept, {})
        values = ("·" if o == concept else score_text(row.get(o, math.nan), kind) for o in leakage.concepts)
        rows.append(AssociationRow(concept, score_text(leakage.chance[concept], kind), tuple(values)))
    return tuple(rows)
