"""The section of a report that answers: how much does this layer know about each transform?"""

from __future__ import annotations

import html
import math
from typing import Any

from interpret_inn.types import Section
from interpret_inn_transforms.illustrations import GROUP

_HEADS = (
    "transform",
    "axes",
    "moves the layer by",
    "amount read from the layer",
    "from its factor",
    "output answers by",
)


def render(explanation: Any) -> Section | None:
    """A row for each transform; None if the fit had none."""
    named = [name for found in explanation.galleries if found.group == GROUP for name in found.columns[1:]]
    factors = {factor.name: factor for factor in explanation.factors}
    rows = [_row(explanation, factors[name]) for name in named if name in factors]
    if not rows:
        return None
    head = "".join(f"<th>{html.escape(text)}</th>" for text in _HEADS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_text(v))}</td>" for v in row) + "</tr>" for row in rows
    )
    unit = (
        "KL divergence in nats"
        if rows[0][-1] == explanation.redraws[rows[0][0]].kl.value
        else "change of target"
    )
    note = (
        "Moves the layer by: half the squared difference of two variants of one picture, as a share of all variance "
        "(empty if the size was given, or the flow is a conditional one). Amounts are read linearly, on the test "
        f"split: R², or accuracy for done and not done. Output answers by: {unit} when the factor is redrawn."
    )
    return Section(
        "What the layer knows about transforms",
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{html.escape(note)}</p>",
        {str(row[0]): dict(zip(_HEADS[1:], (_plain(v) for v in row[1:]), strict=True)) for row in rows},
    )


def _row(explanation: Any, factor: Any) -> tuple[str | int | float, ...]:
    name, leakage, redraw = factor.name, explanation.leakage, explanation.redraws[factor.name]
    known = name in leakage.scores
    # the raw score of a conditional flow counts directions, and says nothing of how far they move the layer
    counts = explanation.flow is not None and explanation.flow.kind == "conditional"
    return (
        name,
        factor.size,
        math.nan if counts else factor.raw_score,
        leakage.representation[name].linear.value if known else math.nan,
        leakage.scores[name][name].linear.value if known else math.nan,
        redraw.kl.value if math.isfinite(redraw.kl.value) else redraw.change.value,
    )


def _text(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "–"
    return str(value)


def _plain(value: str | int | float) -> str | int | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
