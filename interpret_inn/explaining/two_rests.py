"""What the flow leaves of a layer beside one concept, and what linear erasure leaves, in the same axes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interpret_inn.explaining.probed_splits import WIDEST, Both, ProbedSplits, principal_axes
from interpret_inn.metrics.common_axes import turned_onto, whitening
from interpret_inn.metrics.linear_erasure import LinearErasure
from interpret_inn.types import Factor, FloatArray


class SiteAxes(NamedTuple):
    """The axes of a site that erasure works on: the leading ones exactly white, the others narrowed.

    Others pass a flow by, so that they are the same axes in its code. If there are more than 512 axes in all, the
    leading principal ones of the others stand for them. They are found once, for all concepts: those of each rest apart
    would hardly differ, and take minutes at wide sites.

    Attributes:
        leading: Axes that enter the flow's blocks, the first ones.
        white: (leading, leading), what makes them white.
        narrow: (others, r), the principal axes of the others; None: they stay as they are.
    """

    leading: int
    white: FloatArray
    narrow: FloatArray | None

    @classmethod
    def of(cls, rows: FloatArray, leading: int, *, seed: int) -> SiteAxes:
        """Those of training samples (n, D)."""
        narrow = None
        if rows.shape[1] > max(WIDEST, leading):
            narrow = principal_axes(rows[:, leading:], WIDEST // 2, seed=seed)
        return cls(leading, whitening(rows[:, :leading]), narrow)

    def others(self, rows: FloatArray) -> FloatArray:
        """The axes of rows (n, D), or of codes, that pass the flow by, (n, r)."""
        others = rows[:, self.leading :]
        return others if self.narrow is None else others @ self.narrow

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Rows (n, D) on these axes, (n, leading + r)."""
        return np.hstack((rows[:, : self.leading] @ self.white, self.others(rows)))

    def both(self, splits: Both) -> Both:
        """The same of two splits."""
        train, test = splits
        return self(train), self(test)


class TwoRests(NamedTuple):
    """The rests of one concept.

    Attributes:
        site: The axes that erasure works on.
        erasure: Of the concept.
        factor: The flow's, of the concept.
        turn: From the leading axes of the code but the factor's to those of `site`: both rests are white, and as near
            to each other as a rotation brings them, so that probes find the same in the same place.
    """

    site: SiteAxes
    erasure: LinearErasure
    factor: Factor
    turn: FloatArray

    @classmethod
    def of(cls, site: SiteAxes, erasure: LinearErasure, factor: Factor, probed: ProbedSplits) -> TwoRests:
        """Those of a concept, turned as the training split of `probed` says; no value of a concept is asked for."""
        codes, axes = (probed.whole(what)[0] for what in ("codes", "unfitted"))
        target = erasure.rest(site(axes))[:, : site.leading]
        kept = np.delete(codes[:, : site.leading], factor.slice, axis=1)
        return cls(site, erasure, factor, turned_onto(kept, target))

    def of_flow(self, part: ProbedSplits) -> Both:
        """All axes of the code but the factor's, of both splits."""
        train, test = (
            np.hstack(
                (
                    np.delete(codes[:, : self.site.leading], self.factor.slice, axis=1) @ self.turn,
                    self.site.others(codes),
                )
            )
            for codes in part.whole("codes")
        )
        return train, test

    def of_erasure(self, part: ProbedSplits) -> Both:
        """What erasure leaves, of both splits."""
        train, test = (self.erasure.rest(rows) for rows in self.site.both(part.whole("unfitted")))
        return train, test
