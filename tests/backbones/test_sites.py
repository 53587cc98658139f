from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interpret_inn import wrap
from interpret_inn.backbones import Backbone, default_site, sites
from interpret_inn.errors import BackboneError, SiteError


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.fc = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Linear(4, 2)
        self.pair = Pair()
        self.unused = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.act(self.conv(x)))
        return self.fc(self.pair(x.mean((2, 3)))[0])  # type: ignore[no-any-return]


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        return x, {"double": x * 2}, torch.zeros(())


def test_all_sites_are_listed_in_order() -> None:
    model = Model().train()
    table = sites(model, torch.rand(2, 3, 8, 8))
    listed = [(row.address, row.calls, row.layout, row.shape, row.size) for row in table]
    assert listed == [
        ("conv", 1, "pooled:channels_first", (2, 4, 6, 6), 4),
        ("act@0", 2, "pooled:channels_first", (2, 4, 6, 6), 4),
        ("act@1", 2, "pooled:channels_first", (2, 4, 6, 6), 4),
        ("pair:0", 1, "vector", (2, 4), 4),
        ("pair:1.double", 1, "vector", (2, 4), 4),
        ("fc:in", 1, "vector", (2, 4), 4),
        ("fc", 1, "vector", (2, 2), 2),
        (".", 1, "vector", (2, 2), 2),
    ]
    assert table.suggestion == "fc:in"
    assert [row.address for row in table if row.suggested] == ["fc:in"]
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_every_listed_site_can_be_attached_to() -> None:
    model, x = Model(), torch.rand(2, 3, 8, 8)
    for row in sites(model, x):
        backbone = Backbone(model, row.address)
        assert tuple(backbone.represent(x).shape) == row.shape
        assert (str(backbone.layout), backbone.width) == (row.layout, row.size)


def test_the_table_is_text_and_html() -> None:
    table = sites(Model(), np.zeros((1, 8, 8, 3), np.uint8))
    lines = str(table).splitlines()
    assert lines[0].split() == ["site", "calls", "layout", "shape", "size"]
    assert len(lines) == 1 + len(table)
    assert lines[6].split() == ["fc:in", "1", "vector", "(1,", "4)", "4", "suggested"]
    assert len({line.index("(1,") for line in lines[1:]}) == 1
    assert repr(table) == "SiteTable(8 sites, suggested: 'fc:in')"
    assert table[0:2] == table.rows[:2]
    hostile = nn.ModuleDict({"<b>": nn.Linear(2, 2)})
    hostile.forward = lambda x: hostile["<b>"](x)  # type: ignore[method-assign]
    shown = sites(hostile, torch.rand(1, 2))._repr_html_()
    assert "<td>&lt;b&gt;</td>" in shown
    assert "<b>" not in shown


def test_a_backbone_lists_its_own_site() -> None:
    table = sites(Backbone(Model(), "conv"), torch.rand(1, 3, 8, 8))
    assert table.suggestion == "conv"
    assert "fc:in" not in [row.address for row in table]


def test_a_failing_model_leaves_no_hook() -> None:
    model = Model()
    with pytest.raises(BackboneError, match="Model raised on inputs float32"):
        sites(model, torch.rand(1, 1, 8, 8))
    assert not any(m._forward_hooks for m in model.modules())


def test_no_suggestion_where_none_is_plain() -> None:
    assert sites(nn.Sequential(nn.ReLU()), torch.rand(1, 2)).suggestion is None
    with pytest.raises(SiteError, match="Name a site"):
        default_site(nn.ReLU())
    assert default_site(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))) == "2:in"


def test_the_latents_of_a_generator_are_listed() -> None:
    generator = nn.Sequential(nn.Unflatten(1, (8, 1, 1)), nn.ConvTranspose2d(8, 3, 4))
    table = sites(generator, torch.rand(2, 8))
    assert [(row.address, row.size) for row in table if row.address.endswith(":in")] == [(".:in", 8)]
    assert table.suggestion is None
    with pytest.raises(SiteError, match=r"wrap\(model, backbone='generator'\)"):
        default_site(generator)


class Coder(nn.Module):
    """Encodes and decodes by methods, so that its code is no module's input."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Linear(8, 3), nn.Linear(3, 8)

    def encode(self, rows: torch.Tensor) -> torch.Tensor:
        return self.narrow(rows)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return self.wide(codes.tanh())

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(rows))


def test_the_code_of_an_autoencoder_is_suggested_and_not_its_last_layer() -> None:
    table = sites(Coder(), torch.rand(4, 8))
    assert table.suggestion == "decode:in"
    assert [row.address for row in table] == ["narrow", "wide", ".:in", "."]
    assert not any(row.suggested for row in table)
    last = (
        "suggested: the code between encode and decode, which interpret_inn.wrap(model) takes ('decode:in')"
    )
    assert str(table).splitlines()[-1] == last == table.note
    assert "<p>suggested: the code between" in table._repr_html_()
    assert "suggested: 'decode:in'" in repr(table)
    taken, typed = wrap(Coder()).backbone, wrap(Coder(), table.suggestion).backbone
    assert str(taken.address) == str(typed.address) == table.suggestion
    assert taken.kind == typed.kind == "autoencoder"
    assert not sites(nn.Sequential(nn.Linear(8, 2)), torch.rand(4, 8)).note


def test_a_decoder_that_is_a_module_has_a_row_of_its_own() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode, self.decode = nn.Linear(8, 3), nn.Linear(3, 8)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return self.decode(self.encode(rows))

    table = sites(Parts(), torch.rand(4, 8))
    assert [row.address for row in table if row.suggested] == ["decode:in"] and not table.note
