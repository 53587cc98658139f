"""Loading opens the folder and nothing that the folder names: no file, no network, no code."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn import hookimpl
from interpret_inn.backbones import adapt_module
from interpret_inn.types import BackboneSpec

NAMES = [
    "timm:resnet18", "timm:resnet18?download", "timm:test_resnet?random", "timm:hf-hub:somebody/model?download",
    "timm:local-dir:/tmp/weights", "timm:resnet18@/etc/passwd", "timm:resnet18@~/.ssh/id", "@/etc/passwd",
    "/etc/passwd", "../weights.pt", "https://example.org/model", "os:system", "torch.hub:load", "ToyClassifier",
    "$(touch mark)", "generator:x", "timm:rеsnet18", "timm:x\x1b[2J\r\nload it", "it's:\"a\" name", "a:" + "x" * 999,
]  # fmt: skip


@pytest.fixture
def copy(toy: Any, tmp_path: Path) -> Path:
    toy.interpreter.save(tmp_path / "saved")
    inn.load(tmp_path / "saved", toy.model)  # what is imported late is imported now
    return tmp_path / "saved"


def rewrite(folder: Path, change: Any, name: str = "interpreter.json") -> None:
    """Changes a file as somebody would who means harm: with the checksum put right."""
    about = json.loads((folder / name).read_text())
    change(about)
    (folder / name).write_text(json.dumps(about))
    sums = json.loads((folder / "checksums.json").read_text())
    sums[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


def stayed_inside(folder: Path, events: list[tuple[str, Any]]) -> None:
    """Only the files of the folder were opened, nothing was imported, run or asked of the network."""
    opened = {str(what) for event, what in events if event == "open"}
    assert opened <= {str(file) for file in folder.iterdir()}
    assert opened
    assert [event for event, _ in events if event not in ("open", "import", "exec")] == []
    modules = {str(what).partition(".")[0] for event, what in events if event == "import"}
    assert not modules & {"timm", "huggingface_hub", "urllib", "requests", "httpx", "socket", "subprocess"}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_the_model_is_asked_for_and_its_name_only_shown(
    name: str, toy: Any, copy: Path, events: list[tuple[str, Any]]
) -> None:
    rewrite(copy, lambda about: about["model"].update(name=name))
    events.clear()
    with pytest.raises(inn.ArtefactError) as caught:
        inn.load(copy)
    stayed_inside(copy, events)
    said = str(caught.value)
    told = ascii(name if len(name) < 300 else name[:200] + "…")
    assert f"fitted for {told}, which is not opened" in said
    assert said.isascii()
    assert said.isprintable()
    assert said.endswith("inn.load(path, model) with the model itself.")
    assert (f"inn.load(path, {told})" in said) == (":" in name and len(name) < 300)
    assert torch.equal(inn.load(copy, toy.model).encode(toy.fresh[:2]), toy.interpreter.encode(toy.fresh[:2]))


STORED = {
    "a kind that does not exist": {"backbone": {"kind": "os.system", "options": {}, "lost": []}},
    "timm as the kind": {"backbone": {"kind": "timm", "options": {"checkpoint": "/etc/passwd"}, "lost": []}},
    "latents from a file": {
        "backbone": {"kind": "generator", "options": {"latents": "/etc/passwd"}, "lost": []}
    },
    "an encoder by name": {"backbone": {"kind": "autoencoder", "options": {"encode": "double"}, "lost": []}},
    "an option that builds": {
        "backbone": {"kind": "generator", "options": {"latents": {"class_path": "os.system"}}, "lost": []}
    },
    "a function to prepare": {"preprocess": {"mode": "callable", "name": "os.system", "digest": "0"}},
    "another interpolation": {"preprocess": {"mode": "pictures", "interpolation": "os.system"}},
    "a site elsewhere": {"site": "/etc/passwd"},
    "a site in the code": {"site": "forward.__globals__"},
    "a part of the output": {"site": "head:__class__.__init__"},
    "classes": {"model": {"class_names": ["<script>", "$(touch mark)", "/etc/passwd"]}},
    "a layout": {"layout": {"name": "os.system", "order": "@/etc/passwd", "prefix": 0}},
    "notes": {"notes": ["file:///etc/passwd"]},
}


@pytest.mark.parametrize("what", STORED)
def test_nothing_that_is_stored_is_opened_or_called(
    what: str, toy: Any, copy: Path, events: list[tuple[str, Any]], monkeypatch: Any
) -> None:
    def change(about: Any) -> None:
        for key, value in STORED[what].items():
            about[key] = about[key] | value if key in ("model", "layout") else value

    monkeypatch.setattr(nn.Module, "double", lambda *_, **__: pytest.fail("a method was called by its name"))
    rewrite(copy, change)
    events.clear()
    try:
        inn.load(copy, toy.model)
    except inn.InnError as error:
        assert what not in ("classes", "notes")
        assert str(error).isprintable()
    stayed_inside(copy, events)


@pytest.mark.parametrize(
    "name", ["checksums.json", "interpreter.json", "evaluation.json", "tensors.safetensors"]
)
@pytest.mark.parametrize("kind", ["link", "link to a device", "pipe"])
def test_links_and_pipes_are_not_opened(
    name: str, kind: str, toy: Any, copy: Path, tmp_path: Path, events: list[tuple[str, Any]]
) -> None:
    (copy / name).rename(tmp_path / "elsewhere")
    if kind == "pipe":
        os.mkfifo(copy / name)
    else:
        (copy / name).symlink_to("/dev/zero" if "device" in kind else tmp_path / "elsewhere")
    events.clear()
    with pytest.raises(inn.ArtefactError, match=rf"Expected {name} as a file in .*a link or something else"):
        inn.load(copy, toy.model)
    opened = {str(what) for event, what in events if event == "open"}
    assert opened <= {str(file) for file in copy.iterdir()} - {str(copy / name)}


def test_names_in_the_checksums_are_not_opened(toy: Any, copy: Path, events: list[tuple[str, Any]]) -> None:
    sums = json.loads((copy / "checksums.json").read_text())
    (copy / "checksums.json").write_text(
        json.dumps(sums | {"/etc/passwd": "0", "../other": "0", "more.pt": "0"})
    )
    events.clear()
    inn.load(copy, toy.model)
    stayed_inside(copy, events)


def test_a_folder_may_itself_be_reached_by_a_link(toy: Any, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(copy)
    inn.load(tmp_path / "link", toy.model)


def test_messages_do_not_steer_the_terminal(toy: Any, copy: Path) -> None:
    bad = "\x1b[2J\r\u202e"
    rewrite(copy, lambda about: about["model"].update(architecture=bad, name=bad))
    with pytest.raises(inn.ArtefactError, match="another model: expected ") as caught:
        inn.load(copy, toy.model)
    assert str(caught.value).isprintable()
    rewrite(copy, lambda about: about["settings"].update({bad: 1}))
    with pytest.raises(inn.ArtefactError, match="is damaged: TypeError") as caught:
        inn.load(copy, toy.model)
    assert str(caught.value).isprintable()


class Kinds:
    """A kind of backbone with options that could name files."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def adapt(
        self, model: Any, site: Any = None, *, preprocess: Any = None, layout: Any = None, **told: Any
    ) -> Any:
        self.asked.append(told)
        return adapt_module(model, site, preprocess=preprocess, layout=layout)

    @hookimpl
    def inn_backbones(self) -> Any:
        def adapt(
            model: Any, site: Any = None, *, preprocess: Any = None, layout: Any = None,
            weights: Any = None, mode: Any = None, size: Any = None,
        ) -> Any:  # fmt: skip
            return self.adapt(
                model, site, preprocess=preprocess, layout=layout, weights=weights, mode=mode, size=size
            )

        yield BackboneSpec("kinds", "With files.", adapt, claims=lambda *_: False, restored=("mode",))


@pytest.mark.parametrize("weights", ["/etc/passwd", "weights", ["a", "b"], {"from": 1}])
def test_text_that_may_name_something_is_asked_for_again(toy: Any, tmp_path: Path, weights: Any) -> None:
    plugin = Kinds()
    name = inn.register(plugin, name="kinds")
    try:
        it = inn.wrap(
            toy.model, "head:in", backbone="kinds", weights=weights, mode="fast", size=[3, None, True]
        )
        saved = inn.Interpreter(
            it.backbone, fitted=toy.interpreter.fitted, evaluation=toy.interpreter.evaluation
        )
        saved.save(tmp_path / "saved")
        plugin.asked.clear()
        with pytest.raises(
            inn.ArtefactError, match=r"wrapped with weights=.*give it yourself: load\(path, model, w"
        ):
            inn.load(tmp_path / "saved", toy.model)
        assert plugin.asked == []
        inn.load(tmp_path / "saved", toy.model, weights=weights)
        assert plugin.asked == [{"weights": weights, "mode": "fast", "size": [3, None, True]}]
    finally:
        inn.unregister(name)


def test_a_damaged_copy_of_the_whole_is_refused_before_it_is_read(
    toy: Any, copy: Path, tmp_path: Path
) -> None:
    shutil.copytree(copy, tmp_path / "second")
    rewrite(tmp_path / "second", lambda about: about.update(format=9, library="2.0\x1b"))
    with pytest.raises(
        inn.ArtefactError, match=r"format 9, written by version 2\.0\\x1b; this version reads up"
    ):
        inn.load(tmp_path / "second", toy.model)
