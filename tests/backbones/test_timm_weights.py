"""Weights of timm's models are read from files, folders and caches, run no code, and are downloaded when asked for."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from interpret_inn.backbones import Backbone
from interpret_inn.errors import BackboneError
from interpret_inn_timm import adapt

from .timm_models import adapted

pytestmark = pytest.mark.usefixtures("no_network")


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


@pytest.mark.slow
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
