"""Where a report has room for some factors only, it shows those that the output answers to most."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.explaining import probed_splits
from interpret_inn.explaining.records import Explanation
from interpret_inn.metrics.probes import ProbeReadings
from interpret_inn.types import ProbeScores, Score

pytestmark = pytest.mark.slow
CONCEPTS = 14


class Painter(nn.Module):
    """Latents (B, 20) to images (B, 1, 6, 6) that answer to some latents much more than to others."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        strength = torch.linspace(0.1, 1, 20)[torch.randperm(20, generator=generator)]
        self.register_buffer("weight", torch.randn(20, 36, generator=generator) * strength[:, None])

    def forward(self, latent: Tensor) -> Tensor:
        return torch.sigmoid(latent @ self.weight).unflatten(1, (1, 6, 6))


def left_half(interpreter: Any, inputs: Any, factor: str) -> Tensor:
    masks = torch.zeros(len(inputs.values), 1, 6, 6)
    masks[..., :3] = 1
    return masks


@pytest.fixture(scope="module")
def explanation(small: dict[str, Any], cache_of_tests: None) -> Explanation:
    latents = torch.randn(150, 20, generator=torch.Generator().manual_seed(1))
    labels = {f"latent {i}": latents[:, i].numpy() for i in range(CONCEPTS)}
    backbone = Backbone(Painter().eval(), ".:in", preprocess="identity", kind="generator", value_range=(0, 1))
    it = inn.Interpreter(backbone).fit("labels", data=latents, labels=labels, **small | {"axes": 20})
    with pytest.MonkeyPatch.context() as patch:
        # 210 probes of each kind would be trained, and nothing here looks at what they say
        unread = ProbeScores(Score(math.nan), Score(math.nan))
        patch.setattr(probed_splits, "probe_scores", lambda *codes, **options: unread)
        patch.setattr(probed_splits, "probe_readings", lambda *codes, **options: ProbeReadings(unread, {}, 0))
        return it.explain(latents[:16], examples=4, resamples=2, localizer=left_half)


@pytest.fixture(scope="module")
def ranked(explanation: Explanation) -> list[str]:
    """Factors by how much the output changes where they are redrawn, most first."""
    changes = {name: redraw.change.value for name, redraw in explanation.redraws.items()}
    assert len(set(changes.values())) == CONCEPTS + 1
    return sorted(changes, key=lambda name: -changes[name])


def test_the_twelve_strongest_factors_are_localized(explanation: Explanation, ranked: list[str]) -> None:
    shown = [place.factor for place in explanation.places]
    assert set(shown) == set(ranked[:12])
    assert shown == [name for name in explanation.redraws if name in shown]


def test_the_eight_strongest_factors_have_a_swap_grid(explanation: Explanation, ranked: list[str]) -> None:
    shown = {g.group for g in explanation.galleries if g.title.endswith("of the rows in the columns")}
    assert shown == set(ranked[:8])


def test_the_strongest_named_factor_walks_at_random(explanation: Explanation, ranked: list[str]) -> None:
    (traversed,) = (g.group for g in explanation.galleries if g.title.endswith("at random"))
    assert traversed == next(name for name in ranked if name != "residual")
    assert isinstance(explanation.galleries[0].cells[0][0], np.ndarray)
