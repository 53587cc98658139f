"""The model as a function of the whitened axes: what it is given, what it gives, and which layers it has."""

from types import SimpleNamespace

import pytest
import torch
from torch import Generator, nn

from interpret_inn.backbones import Backbone
from interpret_inn.errors import BackboneError, SiteError
from interpret_inn.fitting.model_of_axes import ModelOfAxes
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.rows import StoredRows
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import fit_whitening


class Painter(nn.Module):
    """Latents (B, 4) to images (B, 2, 1, 2), with weights of every kind."""

    def __init__(self):
        super().__init__()
        self.turn = nn.Parameter(torch.eye(4))
        self.norm = nn.LayerNorm(4)
        self.inner = nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (2, 1, 2)))
        self.outer = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 1))
        self.scale = nn.Parameter(torch.ones(2, 1))

    def forward(self, latents):
        images = self.inner(latents @ self.turn)
        return self.outer(images) + self.norm(latents)[:, :2, None, None]


@pytest.fixture
def world_of_axes(world):
    """A view of two leading axes of four, with what it was made from."""
    rows = world.rows[:, :4].contiguous()
    painter = Painter().eval()
    with torch.no_grad():
        for parameter in painter.parameters():
            parameter.normal_(generator=Generator().manual_seed(parameter.numel()))
    model = nn.Sequential(nn.Identity(), painter).eval()
    backbone = Backbone(model, "1:in", preprocess="identity")
    backbone.dry_run(rows[:2])
    pool = Pool([world.of(rows, {"side": world.labels["side"]})], seed=0)
    data = FitData(pool, (StoredRows(rows[:, None], positions=None),))
    whitening = fit_whitening(rows, most=2)
    view = ModelOfAxes(backbone, data, whitening)
    return SimpleNamespace(
        view=view, painter=painter, backbone=backbone, whitening=whitening, rows=rows, pool=pool
    )


def test_samples_are_drawn_without_replacement_while_there_are_enough(world_of_axes):
    own = world_of_axes
    assert (own.view.axes, own.view.width) == (2, 4)
    expected = own.whitening(own.rows[own.pool.indices("train")])[0]

    def drawn(n):
        white = torch.cat(own.view.samples(n, Generator().manual_seed(0)), 1)
        assert white.shape == (n, 4)
        return [int((expected - row).norm(dim=1).argmin()) for row in white]

    once, twice = drawn(210), drawn(420)
    assert sorted(once) == list(range(210)) != once
    assert sorted(twice[:210]) == sorted(twice[210:]) == list(range(210))
    assert len(set(drawn(215))) == 210
    leading, rest = own.view.samples(3, Generator().manual_seed(0))
    assert (leading.shape, rest.shape) == ((3, 2), (3, 2))


def test_outputs_are_the_model_s_at_the_rows_of_these_axes(world_of_axes):
    own = world_of_axes
    white = own.whitening(own.rows[:5])[0]
    with torch.no_grad():
        for _ in range(2):  # the way back is computed once
            found = own.view.outputs(white[:, :2], white[:, 2:])
            torch.testing.assert_close(found, own.painter(own.rows[:5]), atol=1e-5, rtol=1e-5)
        at_mean = own.whitening.inverse(torch.cat((white[:, :2], torch.zeros(5, 2)), 1))[0]
        torch.testing.assert_close(own.view.outputs(white[:, :2]), own.painter(at_mean), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            own.view.layer("1.inner", white[:, :2]), own.painter.inner(at_mean @ own.painter.turn).flatten(1)
        )


def test_nothing_runs_behind_a_layer_that_is_asked_for(world_of_axes):
    own = world_of_axes
    ran = []
    own.painter.outer.register_forward_hook(lambda *given: ran.append(1))
    assert own.view.layer("1.inner", torch.zeros(3, 2)).shape == (3, 4)
    assert ran == []
    own.view.outputs(torch.zeros(3, 2))
    assert ran == [1]


def test_directions_are_seen_as_differences_along_the_leading_axes(world_of_axes):
    own = world_of_axes
    directions = torch.randn(3, 4, generator=Generator().manual_seed(1))
    expected = own.whitening(own.rows[:1] + directions)[0] - own.whitening(own.rows[:1])[0]
    torch.testing.assert_close(own.view.seen(directions), expected[:, :2], atol=1e-5, rtol=1e-5)


def test_layers_are_modules_with_a_weight_of_two_axes_of_their_own(world_of_axes):
    assert world_of_axes.view.layers() == ["1", "1.inner.0", "1.outer"]


def test_a_model_s_own_weights_are_no_layer():
    model = Painter()
    assert ModelOfAxes(SimpleNamespace(model=model), None, None).layers() == ["inner.0", "outer"]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"draws_random_numbers": True}, BackboneError, "make the same images of the same representation"),
        ({"has_tail": False}, BackboneError, "a site from which alone toy makes its outputs"),
        ({"has_tail": False, "lost_tail": True}, BackboneError, "a rule of its own for them. Wrap the part"),
        ({"layout": "positions"}, BackboneError, "a site from which alone toy makes its outputs"),
        ({"tail": lambda z: None}, SiteError, "^Nothing comes out behind 'here'"),
    ],
)
def test_what_makes_no_outputs_alone_is_refused(world_of_axes, change, error, text):
    layout = SimpleNamespace(name=change.pop("layout", "vector"), from_rows=lambda rows, carried: rows)
    given = {
        "name": "toy", "address": "here", "model": nn.Linear(4, 1), "draws_random_numbers": False,
        "has_tail": True, "lost_tail": False, "z_shape": (4,), "layout": layout, "tail": nn.Linear(4, 1),
    }  # fmt: skip
    with pytest.raises(error, match=text):
        ModelOfAxes(SimpleNamespace(**given | change), None, world_of_axes.whitening).outputs(
            torch.zeros(3, 2)
        )
