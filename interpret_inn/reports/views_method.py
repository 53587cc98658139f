"""What the templates show of how it was made: holding, checks, sizes of factors, time."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.explaining.evidence import AGREES
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.wording import number, percent, score_text
from interpret_inn.reports import figures
from interpret_inn.reports.wording import seconds


@dataclass(frozen=True)
class DriftRow:
    """A watched concept under an edit of another factor, without and with `hold`."""

    edited: str
    held: str
    strip: Markup
    scale: str
    without_hold: str
    with_hold: str


def drift_rows(explanation: Explanation) -> tuple[DriftRow, ...]:
    """What holding saves, one row for each edited factor and watched concept."""
    kinds = explanation.leakage.kind
    rows = []
    for drift in explanation.drifts:
        kind = kinds.get(drift.held, "r2")
        texts = (score_text(drift.without_hold.value, kind), score_text(drift.with_hold.value, kind))
        top = figures.round_up(max(figures.reach(drift.without_hold), figures.reach(drift.with_hold)))
        label = f"{drift.held} while {drift.edited} is swapped: {texts[0]} without holding, {texts[1]} with"
        strip = figures.dumbbell(drift.without_hold, drift.with_hold, label, top=top)
        rows.append(DriftRow(drift.edited, drift.held, strip, f"0 to {score_text(top, kind)}", *texts))
    return tuple(rows)


@dataclass(frozen=True)
class CheckRow:
    """A check: what it asks, what was found, what is allowed, and whether it holds (None: nothing is required)."""

    question: str
    found: str
    allowed: str
    good: bool | None


def check_rows(explanation: Explanation) -> tuple[CheckRow, ...]:
    """All checks in words."""
    checks, limit = explanation.checks, f"at most {number(explanation.checks.tolerance)}"
    within = (checks.round_trip_data <= checks.tolerance, checks.round_trip_edited <= checks.tolerance)
    yes = {True: "yes", False: "no"}
    same = "Attached but unedited, the model gives the bare model’s outputs bit for bit"
    return (
        CheckRow(
            "Error of the translation there and back, on data",
            number(checks.round_trip_data),
            limit,
            within[0],
        ),
        CheckRow("The same for edited codes", number(checks.round_trip_edited), limit, within[1]),
        CheckRow(
            "Inputs with the same output through the translation",
            percent(checks.agreement),
            f"at least {percent(AGREES)}",
            checks.agrees,
        ),
        CheckRow(
            "Largest change of the output by the translation, in units of the output’s spread",
            number(checks.output_change),
            "",
            None,
        ),
        CheckRow(same, yes[checks.unedited_identical], "yes", checks.unedited_identical),
        CheckRow("All codes and all outputs are finite numbers", yes[checks.finite], "yes", checks.finite),
        CheckRow(
            "Largest change of an input’s representation by the others of its batch",
            number(checks.batch_effect),
            "",
            None,
        ),
    )


def sizes_strip(explanation: Explanation, css: dict[str, str]) -> Markup:
    """How the flow's axes are divided among the factors."""
    parts = [(f"{f.name}: {f.size}", float(f.size), css.get(f.name, "f-rest")) for f in explanation.factors]
    return figures.shares(parts, "Axes of each factor: " + ", ".join(name for name, _, _ in parts), height=20)


def timing_parts(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """Steps and how long they took, the total last."""
    names = {
        "encode": "computing representations",
        "fit": "fitting",
        "explain": "explaining",
        "total": "in all",
    }
    ordered = sorted(explanation.timings.items(), key=lambda item: item[0] == "total")
    return tuple((names.get(name, name), seconds(value)) for name, value in ordered)
