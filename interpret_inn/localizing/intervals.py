"""Soft intervals, of which masks are made whose edges can be learnt."""

from __future__ import annotations

from torch import Tensor


def soft_intervals(starts: Tensor, ends: Tensor) -> Tensor:
    """Soft intervals g = cumax(v₁) ⊙ (1 − cumax′(v₂)), where cumax′ leaves out the place itself.

    cumax = cumsum ∘ softmax: Zhu, Xu and Tao, "Where and What? Examining Interpretable Disentangled Representations"
    (2021), section 3.1. As published, 1 − cumax(v₂) is 0 at the last place, so that no interval reaches it; here the
    cumulative sum of v₂ leaves the place itself out.

    Args:
        starts: Logits of the first place inside, v₁, float (..., n).
        ends: Logits of the last place inside, v₂, float (..., n).

    Returns:
        (..., n) in [0, 1].
    """
    begun = starts.softmax(-1).cumsum(-1)
    last = ends.softmax(-1)
    return begun.clamp_max(1) * (1 - (last.cumsum(-1) - last)).clamp(0, 1)
