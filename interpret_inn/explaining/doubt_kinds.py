"""The kinds of doubts, in order of weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Level = Literal["bad", "warn", "note"]


class Kind(NamedTuple):
    """A kind of doubt.

    Attributes:
        level: How grave it is: `bad` is serious, `warn` a caution, `note` worth knowing.
        why: Why it stands where it does.
        several: What a headline says of several doubts of this kind; `{}` are their concepts. Empty: they have none.
    """

    level: Level
    why: str
    several: str = ""


WEIGHTS: Mapping[str, Kind] = {
    "check": Kind("bad", "where the machinery fails, nothing else holds"),
    "same": Kind("bad", "one of two names is empty, whatever the scores", "{} say the same in pairs"),
    "fixed": Kind("bad", "an effect then means another thing than its name", "{} are fixed by others"),
    "apart": Kind(
        "bad", "scores of one may be those of the other", "few test samples tell {} apart from others"
    ),
    "tiny": Kind("bad", "every figure is of so few inputs that chance may give it"),
    "saturated": Kind("bad", "an effect could not be seen, so that 0 is no finding"),
    "batch": Kind("bad", "codes and effects are of a batch, and of no input"),
    "unreached": Kind("bad", "edits may not arrive, so that 0 is no finding"),
    "lost": Kind("bad", "the factor's name is empty; the figures of others hold"),
    "leak": Kind(
        "bad", "an edit of one factor is no edit of one concept", "{} can be read from other factors"
    ),
    "small": Kind("warn", "intervals are wide, and say so"),
    "probabilities": Kind("warn", "some effects are too small, in known direction"),
    "unsure": Kind("warn", "the claim is not made, nor its opposite"),
    "shared": Kind("warn", "concepts go together in the data, which no fit can undo"),
    "unsure_rest": Kind("warn", "a leak may be there"),
    "trace": Kind("warn", "a leak, but a small one"),
    "part": Kind("warn", "the factor holds less than there is"),
    "unlabelled": Kind("warn", "a name that nothing tests"),
    "left": Kind("warn", "redraws may overstate what the model does on real inputs"),
    "residual": Kind("warn", "the concepts leave out what the model uses"),
    "erasure": Kind("warn", "a simpler method does better"),
    "place": Kind("warn", "masks alone are concerned"),
    "note": Kind("warn", "what the fit and its sources noted"),
    "faint": Kind("note", "a leak too small to matter"),
    "no_gain": Kind("note", "a simpler method does as well"),
    "single": Kind("note", "other causes can only be adjusted for if they have names"),
}
"""All kinds, the heaviest first, each with why it stands there: a page lists doubts in this order."""


@dataclass(frozen=True)
class Doubt:
    """One reason to distrust something.

    Attributes:
        kind: A key of `WEIGHTS`.
        text: The sentence, plain text.
        concepts: The concepts that it is about, the first one above all; empty if it is about everything.
        short: The same in a few words, for a headline; empty if it is not heavy enough for one.
    """

    kind: str
    text: str
    concepts: tuple[str, ...] = ()
    short: str = ""

    @property
    def level(self) -> Level:
        """How grave it is."""
        return WEIGHTS[self.kind].level
