"""What the page shows of fits to other samples."""

from __future__ import annotations

from interpret_inn.explaining.records import Explanation
from interpret_inn.reports.wording import interval_text, listing, score_text
from interpret_inn.types import Score


def over_refits(score: Score | None, kind: str) -> str:
    """A score over refits and its interval; empty if there is none."""
    if score is None or not (interval := interval_text(score, kind)):
        return ""
    return f"{score_text(score.value, kind)} ({interval})"


def refits_text(explanation: Explanation) -> str:
    """How many refits the page shows, or why there are none, in a sentence or two."""
    refits = explanation.refits
    if refits is None:
        return "Refits to other samples: not measured; fit again."
    if not refits.count:
        return f"There are no refits to other samples. {refits.reason}"
    found = [f"{name} in {learnt} of {refits.count}" for name, learnt in refits.learnt.items()]
    learnt = f" Learnt was {listing(found)}." if found else ""
    return (
        f"The flow was fitted {refits.count} times more, to other samples, and each time judged on samples that it had "
        "not seen. “Refits” is the mean score of the linear probe, with a 95% interval for the mean of all fits to so "
        f"many samples; the whisker speaks of this one fit on other test samples.{learnt}"
    )


def before_fit(explanation: Explanation, name: str) -> str:
    """What as many axes told of a concept before the fit, in words."""
    leakage, refits = explanation.leakage, explanation.refits
    over = refits is not None and refits.own(name) is not None
    value = refits.unfitted[name] if refits is not None and over else leakage.unfitted[name].value
    return score_text(value, leakage.kind[name])
