"""Models of timm become backbones with their own sites, layouts, preprocessing and classes."""

from __future__ import annotations

import functools
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import nn

import interpret_inn_timm
from interpret_inn.backbones import Layout, sites
from interpret_inn.errors import SiteError
from interpret_inn_timm import adapt, inn_backbones

from .timm_models import adapted

pytestmark = pytest.mark.usefixtures("no_network")

ARCHITECTURES = timm.list_models("test_*")
TOKENS = Layout("pooled", "channels_last", 1)
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)


def test_the_hook_lists_without_importing_timm() -> None:
    (spec,) = inn_backbones()
    assert spec.name == "timm"
    assert spec.adapt is adapt
    for file in Path(interpret_inn_timm.__file__).parent.glob("*.py"):
        assert not re.search(r"^(import|from) (timm|huggingface_hub)", file.read_text(), re.MULTILINE)


@functools.cache
def made(name: str) -> nn.Module:
    return adapted(f"timm:{name}?random").model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name: str) -> None:
    backbone = adapted(made(name))
    x = backbone.prepare(PICTURES)
    model = backbone.model
    with torch.no_grad():
        bare = model(x)
    z = backbone.represent(x)
    assert torch.equal(backbone.outputs(x), bare)
    assert torch.equal(backbone.rewritten(x, lambda found: found), bare)
    assert backbone.has_tail
    assert torch.equal(backbone.tail(z), bare)
    assert backbone.layout.name in ("vector", "flat")
    rows, carried = backbone.layout.to_rows(z)
    assert rows.shape == (2, backbone.width)
    assert torch.equal(backbone.tail(backbone.layout.from_rows(rows, carried)), bare)
    assert backbone.kind == "classifier"
    assert backbone.class_names is not None
    assert len(backbone.class_names) == bare.shape[1]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sites_of_every_architecture_can_be_read_and_written(name: str) -> None:
    model = made(name)
    x = adapted(model).prepare(PICTURES)
    with torch.no_grad():
        bare = model(x)
    table = sites(model, x)
    assert table.suggestion is not None
    rows = [row for row in table if row.address.count(".") <= 1][:: max(1, len(table) // 5)]
    for row in rows:
        backbone = adapted(model, row.address)
        z = backbone.represent(x)
        assert torch.equal(backbone.rewritten(x, lambda found: found), bare), row
        back = backbone.layout.from_rows(*backbone.layout.to_rows(z))
        assert torch.equal(back, z), row


@pytest.mark.parametrize(
    ("name", "site", "layout", "width"),
    [
        ("test_vit", "blocks.3", TOKENS, 64),
        ("test_vit", "patch_embed", Layout("pooled", "channels_last", 0), 64),
        ("test_resnet", "layer3", Layout("pooled"), 192),
        ("test_convnext", "stages.1", Layout("pooled"), 32),
        ("test_vit3", "blocks.1", TOKENS, 96),
    ],
)
def test_layouts(name: str, site: str, layout: Layout, width: int) -> None:
    backbone = adapted(f"timm:{name}?random", site)
    backbone.represent(backbone.prepare(PICTURES))
    assert backbone.layout == layout
    assert backbone.width == width


def test_channels_last_maps_of_a_swin() -> None:
    model = timm.create_model(
        "swin_tiny_patch4_window7_224", embed_dim=8, depths=(1, 1), num_heads=(1, 2), img_size=56
    )
    backbone = adapted(model, "layers.1", preprocess={"size": (56, 56)})
    z = backbone.represent(backbone.prepare(PICTURES))
    assert z.shape == (2, 7, 7, 16)
    assert backbone.layout == Layout("pooled", "channels_last")
    assert backbone.width == 16


def test_preprocessing_is_timms_evaluation() -> None:
    from PIL import Image
    from timm.data import create_transform, resolve_model_data_config

    model = timm.create_model("test_vit")
    backbone = adapted(model)
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    expected = torch.stack([transform(Image.fromarray(picture)) for picture in PICTURES])
    torch.testing.assert_close(backbone.prepare(PICTURES), expected, rtol=0, atol=1e-5)


def test_preprocessing_can_be_changed_in_part_or_whole() -> None:
    model = timm.create_model("test_vit")
    changed = adapted(model, preprocess={"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}).preprocess
    assert (changed.mean, changed.size, changed.crop_pct) == ((0.0, 0.0, 0.0), (160, 160), 0.95)
    assert adapted(model, preprocess="identity").preprocess.mode == "identity"
    assert adapted(model, layout="positions", site="blocks.0").layout_name == "positions"


def test_other_numbers_of_channels_and_classes() -> None:
    backbone = adapted(timm.create_model("test_resnet", in_chans=1, num_classes=7))
    assert backbone.preprocess.channels == 1
    assert backbone.preprocess.mean == (0.5,)
    assert backbone.class_names is None
    assert backbone.outputs(backbone.prepare(PICTURES[:, :, :, 0])).shape == (2, 7)


def test_models_without_a_classifier_give_their_features() -> None:
    backbone = adapted(timm.create_model("test_resnet", num_classes=0))
    assert (str(backbone.address), backbone.kind) == (".", "module")
    assert backbone.represent(backbone.prepare(PICTURES)).shape == (2, 96)


def test_label_names_of_the_model_come_first() -> None:
    model = timm.create_model("test_resnet", num_classes=2)
    model.pretrained_cfg = {**model.pretrained_cfg, "label_names": ["cat", "dog"]}
    assert adapted(model).class_names == ("cat", "dog")


@pytest.mark.parametrize("thing", ["resnet50", "hub:timm", nn.Linear(1, 1), None, 3])
def test_what_is_not_timms_is_left_to_others(thing: Any) -> None:
    assert adapt(thing) is None


def test_a_model_in_training_is_given_back_so() -> None:
    model = timm.create_model("test_resnet").train()
    flags = [module.training for module in model.modules()]
    backbone = adapted(model, "layer4")
    backbone.rewritten(backbone.prepare(PICTURES), lambda z: z)
    assert [module.training for module in model.modules()] == flags


def test_random_weights_are_the_same_each_time_and_draw_nothing() -> None:
    states = torch.get_rng_state(), random.getstate()
    first, second = adapted("timm:test_vit?random"), adapted("timm:test_vit?random")
    assert first.fingerprint() == second.fingerprint()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert first.name == "timm:test_vit?random"


def test_unknown_sites_name_the_nearest() -> None:
    with pytest.raises(SiteError, match=r"Did you mean 'layer[1-4]'"):
        adapt("timm:test_resnet?random", "layer5")
