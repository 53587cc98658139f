"""What the page shows of the effects of concepts: a row for each concept, and its tables by value and by class."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from interpret_inn.effects.records import Basis, Effect
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.wording import MISSING, interval_text, percent, score_text
from interpret_inn.reports import figures
from interpret_inn.reports.wording import tick
from interpret_inn.types import Score

_AT = {"data": "other values as often as in the data", "even": "all other values equally often"}


@dataclass(frozen=True)
class EffectCell:
    """A figure and its interval; both empty if there is no such case."""

    value: str
    interval: str


@dataclass(frozen=True)
class EffectTable:
    """A figure from each value to each other one: names of the columns, and each row with its name."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[EffectCell, ...]], ...]


@dataclass(frozen=True)
class EffectRow:
    """A concept: its figure and bar, the sentence and what it rests on, and what is in its fold.

    Attributes:
        at: The main figure by how often values occur, in words; empty if there is one such figure alone.
        further: Other figures by name.
        values: From value to value; None: not known.
        classes: By the class that is predicted without a change.
        images: Inputs whose decision would change: name, from which value to which, how many refits agree.
    """

    concept: str
    basis: Basis
    sentence: str
    value: str
    strip: Markup
    at: tuple[tuple[str, EffectCell], ...]
    further: tuple[tuple[str, EffectCell], ...]
    values: EffectTable | None
    classes: tuple[tuple[str, EffectCell], ...]
    notes: tuple[str, ...]
    images: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class EffectFigure:
    """All effects on one scale: rows, and the axis."""

    rows: tuple[EffectRow, ...]
    axis: Markup


def effect_figure(explanation: Explanation) -> EffectFigure | None:
    """The effects of concepts, the largest first; None if there are none."""
    effects = sorted(explanation.effects.values(), key=lambda effect: -_reach(effect.main.value))
    if not effects:
        return None
    classes = effects[0].kind == "classes"
    ends = [_reach(end) for effect in effects for end in (effect.main.value, effect.main.high)]
    top = 1.0 if classes else figures.round_up(max(ends))
    return EffectFigure(
        tuple(_row(effect, top) for effect in effects),
        figures.axis(top, percent if classes else tick),
    )


def _reach(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _row(effect: Effect, top: float) -> EffectRow:
    kind = "accuracy" if effect.kind == "classes" else "r2"
    value, interval = score_text(effect.main.value, kind), interval_text(effect.main, kind)
    label = f"{effect.concept}: {value}" + (f", 95% interval {interval}" if interval else "")
    at = [(_AT.get(name, name), _cell(score, kind)) for name, score in effect.at.items()]
    return EffectRow(
        concept=effect.concept,
        basis=effect.basis,
        sentence=effect.sentence,
        value=value,
        strip=figures.bar(effect.main, label, top=top),
        at=tuple(at) if len(at) > 1 else (),
        further=_further(effect),
        values=_table(effect, kind),
        classes=tuple((name, _cell(score, kind)) for name, score in effect.by_class.items()),
        notes=effect.notes,
        images=tuple((one.name, f"{one.before} to {one.after}", percent(one.agree)) for one in effect.images),
    )


def _further(effect: Effect) -> tuple[tuple[str, EffectCell], ...]:
    """Figures of classes beside the flip rate, and those of shuffled labels beside an estimate."""
    found: list[tuple[str, EffectCell]] = []
    if effect.kind == "classes":
        found = [
            ("mean KL divergence, nats", _cell(effect.kl, "r2")),
            ("mean change of the target, by default the probability of the class predicted before",
             _cell(effect.change, "r2")),
            ("standard deviation of the predicted class’s index", _cell(effect.class_std, "r2")),
        ]  # fmt: skip
    shuffled = effect.null.get("flip_rate" if effect.kind == "classes" else "change", math.nan)
    if math.isfinite(shuffled):
        kind = "accuracy" if effect.kind == "classes" else "r2"
        found.append(("with labels shuffled", EffectCell(score_text(shuffled, kind), "")))
    return tuple(found)


def _table(effect: Effect, kind: str) -> EffectTable | None:
    if not effect.values:
        return None
    names = list(dict.fromkeys([*effect.values, *(end for row in effect.values.values() for end in row)]))
    rows = (
        (start, tuple(_cell(row[end], kind) if end in row else EffectCell(MISSING, "") for end in names))
        for start, row in effect.values.items()
    )
    return EffectTable(tuple(names), tuple(rows))


def _cell(score: Score, kind: str) -> EffectCell:
    return EffectCell(score_text(score.value, kind), interval_text(score, kind))
