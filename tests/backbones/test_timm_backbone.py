from __future__ import annotations

import functools
import inspect
import json
import os
import random
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from torch import nn

import interpret_inn_timm
from interpret_inn.backbones import Backbone, Layout, sites
from interpret_inn.errors import BackboneError, SiteError
from interpret_inn_timm import adapt, inn_backbones

ARCHITECTURES = timm.list_models("test_*")
TOKENS = Layout("pooled", "channels_last", 1)
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Any connection fails, and the caches are empty."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def adapted(model: Any, site: str | None = None, **options: Any) -> Backbone:
    backbone = adapt(model, site, **options)
    assert backbone is not None
    return backbone


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


@pytest.mark.parametrize("ending", [".safetensors", ".pt", ".pth"])
def test_weights_of_a_file(ending: str, tmp_path: Path) -> None:
    model, path = timm.create_model("test_resnet"), tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        safetensors.torch.save_file(model.state_dict(), path)
    else:
        torch.save({"state_dict": model.state_dict(), "epoch": 3}, path)
    backbone = adapted(f"timm:test_resnet@{path}")
    assert backbone.fingerprint() == Backbone(model, "fc").fingerprint()
    assert "state_dict" not in backbone.model.pretrained_cfg


class Hostile:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["HOSTILE_PATH"],)


def test_files_that_run_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_PATH", str(tmp_path / "was_here"))
    torch.save({"state_dict": Hostile()}, tmp_path / "weights.pt")
    with pytest.raises(
        BackboneError, match=r"Expected weights \(.safetensors, or a .pt or .pth file that holds tensors"
    ):
        adapt(f"timm:test_resnet@{tmp_path / 'weights.pt'}")
    assert not (tmp_path / "was_here").exists()


def old_timm(path: Any, *_: Any, **__: Any) -> Any:
    """Reads weights as timm 1.0.10 to 1.0.20 do unless told otherwise."""
    return torch.load(path, weights_only=False)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a file that makes a folder when it is unpickled; gives whether it was made."""
    monkeypatch.setenv("HOSTILE_PATH", str(tmp_path / "was_here"))
    for place in ("timm.models._builder.load_state_dict", "timm.models._hub.load_state_dict"):
        monkeypatch.setattr(place, old_timm, raising=False)  # one of them is new

    def write(path: Path) -> Any:
        torch.save({"state_dict": Hostile()}, path)
        return (tmp_path / "was_here").exists

    return write


@pytest.mark.parametrize("ending", [".npz", ".NPZ", ".bin", ".ckpt", ".safetensors", ""])
@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_files_of_any_ending_run_no_code(name: str, ending: str, tmp_path: Path, hostile: Any) -> None:
    made = hostile(tmp_path / f"weights{ending}")
    with pytest.raises(BackboneError, match=r"Expected (weights|an archive of numpy arrays)"):
        adapt(f"timm:{name}@{tmp_path / f'weights{ending}'}")
    assert not made()


def test_archives_of_pickled_arrays_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_PATH", str(tmp_path / "was_here"))
    np.savez(tmp_path / "weights.npz", **{"embedding/kernel": np.array([Hostile()], dtype=object)})
    with pytest.raises(BackboneError, match=r"Expected an archive of numpy arrays .* as \.safetensors"):
        adapt(f"timm:test_vit@{tmp_path / 'weights.npz'}")
    assert not (tmp_path / "was_here").exists()


def test_archives_of_arrays_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    path = tmp_path / "weights.npz"
    np.savez(path, **{"embedding/kernel": np.zeros(3)})
    monkeypatch.setattr(
        "timm.models.vision_transformer.VisionTransformer.load_pretrained", lambda _, file: read.append(file)
    )
    assert not adapted(f"timm:test_vit@{path}").model.training
    assert read == [str(path)]


def configured(folder: Path) -> Path:
    """A folder as timm saves models; its configuration names weights on the network, too."""
    folder.mkdir()
    elsewhere = {"url": "https://example.org/x.pth", "hf_hub_id": "some/where"}
    config = {"architecture": "test_resnet", "num_classes": 1000, "pretrained_cfg": elsewhere}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.skipif(
    "local-dir" not in inspect.getsource(timm.models._factory), reason="timm 1.0.10 knows no folders"
)
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin", "other.pth"])
def test_weights_of_a_folder(file: str, tmp_path: Path) -> None:
    model, folder = timm.create_model("test_resnet"), configured(tmp_path / "folder")
    save = safetensors.torch.save_file if file.endswith("safetensors") else torch.save
    save(model.state_dict(), folder / file)
    assert adapted(f"timm:local-dir:{folder}").fingerprint() == Backbone(model, "fc").fingerprint()


def test_weights_of_a_folder_run_no_code(tmp_path: Path, hostile: Any) -> None:
    folder = configured(tmp_path / "folder")
    with pytest.raises(BackboneError, match=r"Expected model\.safetensors or pytorch_model\.bin in"):
        adapt(f"timm:local-dir:{folder}")
    made = hostile(folder / "pytorch_model.bin")
    with pytest.raises(BackboneError, match="Expected weights"):
        adapt(f"timm:local-dir:{folder}")
    assert not made()


def test_downloads_are_read_by_us(tmp_path: Path, hostile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The .safetensors first; a pickle that is there alone is not run."""
    from huggingface_hub.utils import EntryNotFoundError

    def download(repository: str, file: str, **_: Any) -> str:
        if not (tmp_path / file).exists():
            raise EntryNotFoundError("not there")
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    made, model = hostile(tmp_path / "pytorch_model.bin"), timm.create_model("test_resnet")
    configured(tmp_path / "folder")
    (tmp_path / "folder" / "config.json").rename(tmp_path / "config.json")
    for name in ("timm:test_resnet?download", "timm:hf-hub:some/where?download"):
        (tmp_path / "model.safetensors").unlink(missing_ok=True)
        with pytest.raises(BackboneError, match=r"Expected weights .*pytorch_model\.bin"):
            adapt(name)
        safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
        assert adapted(name).fingerprint() == Backbone(model, "fc").fingerprint()
    assert not made()


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_empty_weights_do_not_lead_to_the_network(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{ending}"
    for content in ({},) if ending == ".safetensors" else ({}, {"state_dict": {}}):
        (safetensors.torch.save_file if ending == ".safetensors" else torch.save)(content, path)
        with pytest.raises(BackboneError, match=r"found no tensor in it\. Give another file"):
            adapt(f"timm:resnet18@{path}")


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0{}"])
def test_empty_files_in_the_caches_do_not_lead_to_the_network(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "models--timm--resnet18.a1_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "model.safetensors").write_bytes(content)
    with pytest.raises(BackboneError, match=r"Expected weights .*model\.safetensors"):
        adapt("timm:resnet18")


def test_timm_is_told_of_no_other_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **o: asked.append(o) or create(*a, **o))
    safetensors.torch.save_file(create("resnet18").state_dict(), tmp_path / "weights.safetensors")
    adapt(f"timm:resnet18@{tmp_path / 'weights.safetensors'}")
    overlay = asked[0]["pretrained_cfg_overlay"]
    assert overlay["state_dict"]
    assert [overlay[key] for key in ("url", "hf_hub_id", "hf_hub_filename", "file")] == [None] * 4


def test_weights_in_the_caches_are_found_without_the_network(tmp_path: Path) -> None:
    config, model = timm.get_pretrained_cfg("test_resnet"), timm.create_model("test_resnet")
    folder = tmp_path / "hub" / f"models--{config.hf_hub_id.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    safetensors.torch.save_file(model.state_dict(), folder / "snapshots" / "abc" / "model.safetensors")
    assert adapted("timm:test_resnet").fingerprint() == Backbone(model, "fc").fingerprint()


def test_weights_in_torchs_own_cache_are_found(tmp_path: Path) -> None:
    config, model = timm.get_pretrained_cfg("resnet18"), timm.create_model("resnet18")
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(model.state_dict(), folder / config.url.rsplit("/", 1)[1])
    assert adapted("timm:resnet18").fingerprint() == Backbone(model, "fc").fingerprint()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "timm:resnet50",
            r"not on this machine, and nothing is downloaded unasked. Type 'timm:resnet50\?download'",
        ),
        ("timm:resnet5", "timm has no model 'resnet5'. Did you mean 'resnet50'"),
        ("timm:resnet50?fast", r"no option '\?fast' of timm models.*Type 'timm:resnet50\?download' or"),
        (
            "timm:hf-hub:timm/resnet50",
            r"stands on the Hugging Face hub.*Type 'timm:hf-hub:timm/resnet50\?download'",
        ),
        ("timm:resnet18@/none.pt", r"names the weights '/none.pt', but there is no such file"),
        (
            "timm:test_resnet.r16",
            r"no weights 'test_resnet.r16' of 'test_resnet'. Did you mean 'test_resnet.r160_in1k'",
        ),
        ("timm:local-dir:/none", r"timm could not make 'timm:local-dir:/none'"),
    ],
)
def test_what_is_not_at_hand(name: str, message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        adapt(name)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(timm.create_model("test_resnet", num_classes=3).state_dict(), path)
    with pytest.raises(BackboneError, match=r"timm could not make .*create the model yourself and pass it"):
        adapt(f"timm:test_resnet@{path}")


def test_architectures_without_weights() -> None:
    name = next(n for n in timm.list_models("resnet*") if not timm.get_pretrained_cfg(n).has_weights)
    with pytest.raises(
        BackboneError, match=rf"no pretrained weights for '{name}'. Type 'timm:{name}\?random'"
    ):
        adapt(f"timm:{name}")


def test_a_download_that_was_asked_for_and_fails_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(repository: str, file: str, **_: Any) -> str:
        asked.append(file)
        raise OSError("no network")

    asked: list[str] = []
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(
        BackboneError, match=r"'timm:resnet18\?download' could not be downloaded: OSError: no network"
    ):
        adapt("timm:resnet18?download")
    assert asked == ["model.safetensors"]


def test_unknown_sites_name_the_nearest() -> None:
    with pytest.raises(SiteError, match=r"Did you mean 'layer[1-4]'"):
        adapt("timm:test_resnet?random", "layer5")
