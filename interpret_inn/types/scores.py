"""Several scores of one code, by the names of the metrics that gave them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from interpret_inn.types.results import Score


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Mapping[str, Score]):
    """Scores by name, and why others are missing; prints as a table.

    Attributes:
        scores: The scores that were computed, by the name of the metric.
        summaries: A line on each of these metrics.
        left_out: Metrics that were asked for and gave no score, with the reason.
        on_request: Further metrics that can be asked for by name.
        factors: The concepts whose values were the known factors.
        samples: How many samples were scored.
        notes: Caveats, in sentences: concepts that were left out, say.

    >>> found = Scores({"mig": Score(0.42, 0.38, 0.45)}, left_out={"sap_continuous": "It needs numbers."})
    >>> float(found["mig"])
    0.42
    >>> print(found)
    score            value  95 % interval
    mig              0.420  0.380 to 0.450
    sap_continuous  It needs numbers.
    """

    scores: Mapping[str, Score]
    summaries: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    samples: int = 0
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Score:
        if name not in self.scores:
            raise KeyError(f"{name}: {self.left_out.get(name, 'not computed')}")
        return self.scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = [("score", "value", "95 % interval")]
        for name, score in self.scores.items():
            rows.append((name, _number(score.value), _interval(score)))
            rows += [(f"  {part}", _number(value), "") for part, value in score.parts.items()]
        width = max(len(name) for name in (*(row[0] for row in rows), *self.left_out))
        lines = [f"{name:{width}}  {value:>6}  {interval}".rstrip() for name, value, interval in rows]
        lines += [f"{name:{width}}  {reason}" for name, reason in self.left_out.items()]
        lines += self.notes
        if self.on_request:
            lines.append(f'On request, names=(…) or names="all": {", ".join(self.on_request)}.')
        return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–" if math.isnan(value) else "∞"


def _interval(score: Score) -> str:
    known = math.isfinite(score.low) and math.isfinite(score.high)
    return f"{score.low:.3f} to {score.high:.3f}" if known else ""
