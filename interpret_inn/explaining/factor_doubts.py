"""Doubts of concepts: pairs that go together, verdicts that do not hold, traces elsewhere, names that nothing tests."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from interpret_inn.explaining.doubt_kinds import Doubt
from interpret_inn.explaining.evidence import FAINT, Leakage, Verdict
from interpret_inn.explaining.readings import Reading, readings
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.verdicts import (
    QUARTER,
    Apart,
    apart,
    by_association,
    called,
    elsewhere,
    rival,
)
from interpret_inn.explaining.wording import percent, score_text
from interpret_inn.types import RESIDUAL
from interpret_inn.types.results import Note

MILD = 0.1
"""Share of what the layer tells of a concept from which on a trace of it elsewhere is a caution; below it is a note."""
FEW_APART = 50
"""Test samples that must tell two concepts apart before their scores and effects can be told apart: of as many, an
interval of a share reaches .14 to both sides."""
_TOGETHER = 0.25
"""Share of the way from guessing to certainty that a concept must give of another before the two go together."""
_WHOLE = 0.8
"""Share of what the layer tells of a concept below which much of it stands outside the concept's own factor."""


def factor_doubts(explanation: Explanation) -> Iterator[Doubt]:
    """All of them, pairs first."""
    read = readings(explanation.leakage, explanation.refits)
    pairs = {frozenset(doubt.concepts): doubt for doubt in _noted_pairs(explanation)}
    for doubt in _few_apart(explanation, read):
        pairs.setdefault(frozenset(doubt.concepts), doubt)
    yield from (doubt for doubt in pairs.values() if doubt.kind == "apart")  # notes are told as they come
    yield from _untested(explanation)
    judged = explanation.verdicts
    for name, reading in read.items():
        yield from _of_verdict(explanation, reading, judged[name], set(pairs))
        if judged[name].carried.holds:
            yield from _part(reading)
        yield from _traces(explanation, reading)


def _noted_pairs(explanation: Explanation) -> Iterator[Doubt]:
    """What the fit noted of pairs of concepts: one says what the other does."""
    for note in explanation.warnings:
        if isinstance(note, Note) and note.kind in ("same", "fixed"):
            yield Doubt(note.kind, note, note.concepts)


def _few_apart(explanation: Explanation, read: dict[str, Reading]) -> Iterator[Doubt]:
    """Pairs of concepts that few test samples tell apart; of each pair, in the direction that fewer do."""
    leakage = explanation.leakage
    found: dict[frozenset[str], Apart] = {}
    for concept, reading in read.items():
        for other in leakage.concepts:
            together = apart(leakage, concept, other) if other != concept else None
            if together is None or not _is_few(together, reading):
                continue
            pair = frozenset((concept, other))
            if pair not in found or together.share < found[pair].share:
                found[pair] = together
    for one in found.values():
        names = [name for name in (one.concept, one.other) if name in read]
        hidden = [name for name in names if _rivalled(read[name], leakage, (one.concept, one.other))]
        so = {
            0: "so that scores and effects of the one may be those of the other",
            1: f"too few to tell whether the factor {''.join(hidden)} carries its own concept",
        }.get(len(hidden), "too few to tell whether each factor carries its own concept")
        sentence = one.sentence[0].upper() + one.sentence[1:]
        text = f"{one.concept} and {one.other} go together in the data. {sentence}, {so}."
        yield Doubt("apart", text, (one.concept, one.other), _short(one))


def _short(one: Apart) -> str:
    if one.of is None or not one.classes:
        return f"{one.concept} and {one.other} are hard to tell apart in these data"
    return f"only {one.sentence}" if one.number else one.sentence


def _is_few(together: Apart, reading: Reading) -> bool:
    """Whether two concepts go together and few test samples tell them apart."""
    share = (together.told - reading.chance) / (1 - reading.chance) if reading.chance < 1 else math.nan
    if together.of is None:
        return share >= 1 - _TOGETHER
    return together.number < FEW_APART and share >= _TOGETHER


def _untested(explanation: Explanation) -> Iterator[Doubt]:
    names = untested(explanation)
    if len(names) == 1:
        text = f"{names[0]} has no labels to test it on: its name is a claim, not a finding."
        yield Doubt("unlabelled", text, tuple(names))
    elif names:
        shown = ", ".join(names if len(names) <= 4 else [*names[:2], "…", names[-1]])
        text = (
            f"{len(names)} factors have no labels to test them on ({shown}): what they mean is your own reading, not "
            "a finding."
        )
        yield Doubt("unlabelled", text, tuple(names))


def untested(explanation: Explanation) -> list[str]:
    """Names of the factors without labels to test them on, the residual left out."""
    judged = explanation.verdicts
    return [f.name for f in explanation.factors if f.name not in judged and f.name != RESIDUAL]


def _of_verdict(
    explanation: Explanation, reading: Reading, verdict: Verdict, pairs: set[frozenset[str]]
) -> Iterator[Doubt]:
    """Parts of a verdict that do not hold, or cannot be told; what a pair's doubt says already is left out."""
    name, leakage = reading.name, explanation.leakage
    others = {other for pair in pairs if name in pair for other in pair}
    if verdict.carried.holds is False:
        yield Doubt("lost", verdict.carried.sentence, (name,))
    elif verdict.carried.holds is None and not _rivalled(reading, leakage, others):
        yield Doubt("unsure", verdict.carried.sentence, (name,))
    found = elsewhere(reading)
    mine = [factor for factor in found if not by_association(reading, leakage, factor)]
    if mine:
        short = f"{name} can be read from {called(mine[0])}"
        yield Doubt("leak", verdict.confined.sentence, (name,), short)
    elif set(found) - others:
        yield Doubt("shared", verdict.confined.sentence, (name,))
    elif not found and any(reading.share(score.value) > QUARTER for score in reading.others.values()):
        yield Doubt("unsure_rest", verdict.confined.sentence, (name,))


def _rivalled(reading: Reading, leakage: Leakage, names: Collection[str]) -> bool:
    """Whether it is one of these concepts for which it cannot be told that a concept is carried."""
    other = rival(reading, leakage) if reading.low > reading.chance else None
    return other is not None and other.other in names


def _part(reading: Reading) -> Iterator[Doubt]:
    """A factor that carries its concept, and holds surely less than the layer tells."""
    share = reading.share(reading.own.value)
    if share < _WHOLE and reading.own.high < reading.layer.value:
        rest = "" if elsewhere(reading) else ", and no other factor tells a quarter of it"
        told = f"{percent(share)} of what the layer tells of it"
        yield Doubt("part", f"The factor {reading.name} holds {told}{rest}.", (reading.name,))


def _traces(explanation: Explanation, reading: Reading) -> Iterator[Doubt]:
    """What other factors surely tell of a concept, but no more than a quarter of what the layer tells."""
    name, said = reading.name, elsewhere(reading)
    unsure = [factor for factor, score in reading.others.items() if reading.share(score.value) > QUARTER]
    for factor, score in reading.others.items():
        share = reading.share(score.value)
        if factor in (*said, *unsure) or not share >= FAINT or not score.low > reading.chance:
            continue
        where = f"{called(factor)[0].upper()}{called(factor)[1:]} tells a little of {name}"
        how = "correctly in" if reading.kind == "accuracy" else "with R²"
        value, guess = (score_text(one, reading.kind) for one in (score.value, reading.chance))
        text = f"{where}: it can be read there {how} {value} (guessing {guess})."
        if by_association(reading, explanation.leakage, factor):
            told = score_text(explanation.leakage.association[name][factor], reading.kind)
            yield Doubt(
                "faint", f"{text} That is no more than the two go together in the data ({told}).", (name,)
            )
        else:
            yield Doubt("trace" if share >= MILD else "faint", text, (name,))
