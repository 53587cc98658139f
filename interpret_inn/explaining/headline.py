"""An explanation in two or three sentences, no stronger than its evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from interpret_inn.explaining.doubt_kinds import WEIGHTS, Doubt
from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.strengths import Strength, decides, strengths
from interpret_inn.explaining.wording import count, listing, percent
from interpret_inn.types import RESIDUAL

_HARDLY = 0.05
"""Share of changed predictions below which the decision hardly depends on a factor."""
_CLOSE = 0.8
"""A second factor with this share of the first one's changes is named beside it, and not after it."""
_EQUAL = 1.05
"""Changes of an output whose ratio is below this are about equal."""
_STILL = ("saturated", "unreached")
"""Kinds of doubts by which nothing can be said of what the output depends on."""


class Headline(NamedTuple):
    """What an explanation comes to, in plain text.

    Attributes:
        lead: Which concepts are carried; a part of the first sentence, or all of it.
        limits: The rest of the first sentence: serious doubts about what it names.
        rest: What the output depends on.
    """

    lead: str
    limits: str
    rest: str

    def __str__(self) -> str:
        return f"{self.lead}{self.limits} {self.rest}".rstrip()


def headline(explanation: Explanation, effects: Sequence[Strength] | None = None) -> Headline:
    """What is carried, with the serious doubts about it, and what the output depends on.

    Args:
        explanation: What to sum up.
        effects: How strongly the output depends on each factor, the strongest first; None: by its redraws.
    """
    if not explanation.checks.passed:
        return Headline("The checks failed: do not rely on this report.", "", "Below is what failed.")
    found = doubts(explanation)
    shown = strengths(explanation) if effects is None else effects
    lead, carried = _lead(explanation)
    limits = "; ".join(_limits(found))
    joined = f"{', but ' if carried else ': '}{limits}" if limits else ""
    still = [doubt.short for doubt in found if doubt.kind in _STILL]
    return Headline(
        lead, f"{joined}.", _unseen(explanation, still) if still else _depends(explanation, shown)
    )


def _lead(explanation: Explanation) -> tuple[str, bool]:
    """Which concepts are carried, without a full stop, and whether any is."""
    named = [factor.name for factor in explanation.factors if factor.name != RESIDUAL]
    judged = {name: verdict.carried.holds for name, verdict in explanation.verdicts.items()}
    carried = [name for name, holds in judged.items() if holds]
    names, amount = _some(list(judged)), len(judged)
    if not named:
        return "No concepts were given", False
    if not judged:
        return (
            f"The layer was split into {count(len(named), 'factor')}; without labels, nothing tests what they mean",
            True,
        )
    if len(carried) == amount:
        all_of = {1: "The concept is", 2: "Both concepts are"}.get(amount, f"All {amount} concepts are")
        return f"{all_of} carried by {'its factor' if amount == 1 else 'their factors'}: {names}", True
    if carried:
        verb = "is" if len(carried) == 1 else "are"
        return f"{len(carried)} of {amount} concepts {verb} surely carried: {_some(carried)}", True
    if any(holds is None for holds in judged.values()):
        if amount == 1:
            return f"It cannot be told whether {names} is carried by its factor", False
        return (
            f"{'Neither' if amount == 2 else 'None'} of the {amount} concepts is surely carried ({names})",
            False,
        )
    none = {1: "The concept is not", 2: "Neither concept is"}.get(amount, "No concept is")
    return f"{none} carried by its factor ({names})", False


def _some(names: list[str]) -> str:
    return listing(names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"])


def _limits(found: Sequence[Doubt]) -> list[str]:
    """The serious doubts about concepts in a few words, those of one kind together, the heaviest first."""
    kinds: dict[str, list[Doubt]] = {}
    for doubt in found:
        if doubt.level == "bad" and doubt.short and doubt.kind not in _STILL:
            kinds.setdefault(doubt.kind, []).append(doubt)
    return [
        mine[0].short
        if len(mine) == 1
        else WEIGHTS[kind].several.format(_some(list(dict.fromkeys(doubt.concepts[0] for doubt in mine))))
        for kind, mine in kinds.items()
    ]


def _unseen(explanation: Explanation, why: Sequence[str]) -> str:
    noun = "decision" if decides(explanation) else "output"
    return f"What the model’s {noun} depends on cannot be told: {' and '.join(why)}."


def _depends(explanation: Explanation, ranking: Sequence[Strength]) -> str:
    if not ranking:
        return ""
    subject = f"The model’s {'decision' if decides(explanation) else 'output'}"
    top = ranking[0]
    if top.basis:
        return _effects(explanation, ranking)
    if top.score.value < (_HARDLY if top.share else math.ulp(0.0)):
        return f"{subject} hardly depends on any single factor."
    sentence = f"{subject} depends most on {_called(explanation, top.name)}"
    second = ranking[1] if len(ranking) > 1 else None
    other = None if second is None else _called(explanation, second.name)
    if top.share:
        sentence += f": {top.how}, it changes the predicted class in {percent(top.score.value)} of cases"
        if second is not None:
            close = second.score.value > _CLOSE * top.score.value
            share = f"in {percent(second.score.value)}" if close else f"with {percent(second.score.value)}"
            sentence += f"{',' if close else '; next comes'} {other} {share}"
    elif second is not None and second.score.value > 0:
        ratio = top.score.value / second.score.value
        much = "and about as much on" if ratio < _EQUAL else f"{ratio:.1f} times as much as on"
        sentence += f", {much} {other}"
    return f"{sentence}."


def _effects(explanation: Explanation, ranking: Sequence[Strength]) -> str:
    """What the output does when concepts take other values: those that are shown, or that none is."""
    noun, top = "decision" if decides(explanation) else "output", ranking[0]
    shown = [one for one in ranking if explanation.effects[one.name].shown]
    if not shown:
        most = (
            f", and none changes it in more than {percent(max(one.score.high for one in ranking))} of cases"
        )
        every = top.share and set(explanation.verdicts) <= set(explanation.effects)
        return f"No effect of a concept on the model’s {noun} was shown{most if every else ''}."
    top, second = shown[0], shown[1] if len(shown) > 1 else None
    if not top.share:
        beside = "" if second is None else f", and next on {second.name}"
        return f"The model’s {noun} depends most on {top.name}{beside} ({top.basis})."
    ends = f"{percent(top.score.low)} to {percent(top.score.high)}"
    sentence = (
        f"If only {top.name} were different, the model would decide differently in about {percent(top.score.value)} "
        f"of cases ({ends}, {top.basis})"
    )
    return f"{sentence}{'' if second is None else f'; next comes {second.name} with {percent(second.score.value)}'}."


def _called(explanation: Explanation, name: str) -> str:
    """A factor in a sentence on the output; one whose concept is not surely carried is not called by it alone."""
    if name == RESIDUAL:
        return "the residual"
    verdict = explanation.verdicts.get(name)
    if verdict is None or verdict.carried.holds:
        return name
    lacks = "is not carried by them" if verdict.carried.holds is False else "may not be carried by them"
    return f"the axes set aside for {name} ({name} {lacks})"
