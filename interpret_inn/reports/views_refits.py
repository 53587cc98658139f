"""What the page shows of fits to other samples."""

from __future__ import annotations

from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.wording import interval_text, listing, score_text
from interpret_inn.types import ProbeScores


def refits_cell(probe: ProbeScores | None, kind: str) -> str:
    """The scores of the linear and the kernel probe over refits, with their intervals; empty if there are none."""
    if probe is None or not interval_text(probe.linear, kind):
        return ""
    linear, kernel = (
        f"{score_text(score.value, kind)} ({interval_text(score, kind)})"
        for score in (probe.linear, probe.kernel)
    )
    return f"{linear}, kernel {kernel}" if interval_text(probe.kernel, kind) else linear


def refits_text(explanation: Explanation) -> str:
    """How many refits the page shows, or why there are none, in a sentence or two."""
    refits = explanation.refits
    if refits is None:
        return "Refits to other samples: not measured; fit again."
    if not refits.count:
        return f"There are no refits to other samples. {refits.reason}"
    found = [f"{name} in {carried} of {refits.count}" for name, carried in refits.carried.items()]
    carried = (
        f" Each judged by its own part of the data alone, refits carry {listing(found)}." if found else ""
    )
    lacking = [name for name in refits.scores if refits.own(name) is None]
    without = (
        f" {listing(lacking)}: no figure, as in one of them too few samples had a value, or it never varied."
        if lacking
        else ""
    )
    return (
        f"The flow was fitted {refits.count} times more, each time without a part of the data, and judged on it. "
        "“Refits” are the mean scores of the linear and of the kernel probe, each with a 95% interval for what fits to "
        "so many samples reach on the average; the whisker is for this one fit on other test samples."
        f"{carried}{without}"
    )
