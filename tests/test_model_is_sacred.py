"""The model is given back as found: after every public call, also when it raises."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.explaining.evaluation import evaluate
from interpret_inn.testing import toy_images

pytestmark = pytest.mark.usefixtures("hasty_probes")

HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
    "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs", "_forward_hooks_always_called",
    "_state_dict_hooks", "_load_state_dict_pre_hooks",
)  # fmt: skip

FUSE: dict[str, int | None] = {"left": None}
"""How many forwards the model still does before it raises; None: it never does."""


class Restless(nn.Module):
    """Does all that a model may do: counts, normalises by batch, drops out, draws, writes on itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.frozen = nn.Linear(32, 16)
        self.head = nn.Linear(16, 3)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.frozen.requires_grad_(False)
        self.notes = ["mine"]

    def forward(self, inputs: Tensor) -> Tensor:
        if FUSE["left"] is not None:
            FUSE["left"] -= 1
            if FUSE["left"] < 0:
                raise ValueError("the fuse has blown")
        self.seen += 1
        self.last_inputs = inputs
        shake = torch.rand(()) + random.random() + np.random.rand()  # noqa: NPY002 - models do
        logits: Tensor = self.head(self.frozen(self.body(inputs)).relu_()) + 0 * shake
        return logits


def surroundings() -> list[Any]:
    """All that belongs to the process and not to us."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    return [
        torch.get_rng_state().tolist(),
        random.getstate(),
        (numpy_state[0], numpy_state[1].tolist(), *numpy_state[2:]),  # type: ignore[index, union-attr]
        torch.get_num_threads(),
        torch.get_num_interop_threads(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.backends.mkldnn.enabled,  # type: ignore[attr-defined]
        torch.get_float32_matmul_precision(),
        np.geterr(),
    ]


def state_of(model: nn.Module) -> list[Any]:
    """Everything of a model that a call might change, in a form that can be compared."""
    found: list[Any] = []
    for path, module in model.named_modules():
        tables = [list(getattr(module, name)) for name in HOOKS]
        attributes = {name: id(value) for name, value in vars(module).items() if name != "training"}
        found.append((path, module.training, tables, attributes, type(module).forward))
    for name, parameter in model.named_parameters():
        gradient = None if parameter.grad is None else (id(parameter.grad), parameter.grad.tolist())
        found.append((name, id(parameter), parameter.requires_grad, parameter.data_ptr(), gradient))
        found.append((name, parameter._version, parameter.tolist()))
    found.extend((name, id(buffer), buffer.tolist()) for name, buffer in model.named_buffers())
    return found


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    images, labels = toy_images(120, seed=31)
    return images, labels["hue"]


@pytest.fixture(scope="module")
def made(data: Any, small: Any, tmp_path_factory: Any) -> dict[str, Any]:
    """A fitted interpreter of a model in training mode, with gradients, and where it is saved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Restless()
        model(torch.rand(8, 3, 24, 24)).sum().backward()  # type: ignore[no-untyped-call]
    model.train()
    model.body[4].eval()
    del model.last_inputs
    it = inn.wrap(model, "head:in")
    it.fit("labels", data=data[0], labels=data[1], kinds={"label": "cyclic"}, **small)
    path = tmp_path_factory.mktemp("artefacts") / "it"
    it.save(path)
    return {"it": it, "model": model, "path": path, "images": data[0], "labels": data[1], "small": small}


def fit(made: dict[str, Any]) -> Any:
    options = {"labels": made["labels"], "kinds": {"label": "cyclic"}, **made["small"]}
    return inn.wrap(made["model"], "head:in").fit("labels", data=made["images"], **options)


def attach(made: dict[str, Any]) -> None:
    with made["it"] as attached:
        attached.run(made["images"][:3])


CALLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "wrap": lambda made: inn.wrap(made["model"], "head:in"),
    "sites": lambda made: inn.sites(made["model"], torch.zeros(1, 3, 24, 24)),
    "fit": fit,
    "encode": lambda made: made["it"].encode(made["images"][:5]),
    "invert": lambda made: made["it"].invert(made["it"].encode(made["images"][:5]), made["images"][:5]),
    "run": lambda made: made["it"].run(made["images"][:5]),
    "run edited": lambda made: made["it"].run(
        made["images"][:5],
        [inn.edits.swap("label", made["images"][5:10], hold=[]), inn.edits.resample("residual")],
    ),
    "hold": lambda made: made["it"].run(made["images"][:5], inn.edits.resample("residual", hold=["label"])),
    "traversal": lambda made: made["it"].traverse(made["images"][:5], "label", 3),
    "explain": lambda made: made["it"].explain(
        made["images"][:5], examples=2, resamples=2, localizer=inn.localizer("masks", steps=2)
    ),
    "explain the test split": lambda made: made["it"].explain(examples=2, resamples=2, localizer=None),
    "report": lambda made: made["it"].report(made["images"][:5], examples=2, resamples=2).to_html(),
    "test": lambda made: evaluate(made["it"].translator, made["it"]._data),
    "check": lambda made: made["it"].check(made["images"][:5]),
    "save": lambda made: made["it"].save(made["path"].with_name("again")),
    "load": lambda made: inn.load(made["path"], made["model"]),
    "attach": attach,
}

WITHOUT_FORWARD = {"wrap", "save", "load", "test"}


@pytest.fixture
def watched(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    FUSE["left"] = None
    before, around = state_of(made["model"]), surroundings()
    yield made
    FUSE["left"] = None
    assert state_of(made["model"]) == before
    assert surroundings() == around


@pytest.mark.parametrize("call", CALLS)
def test_a_call_leaves_all_as_it_was(call: str, watched: dict[str, Any]) -> None:
    CALLS[call](watched)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("call", ["encode", "traversal", "explain", "hold"])
def test_the_callers_grad_mode_is_kept(call: str, gradients: bool, watched: dict[str, Any]) -> None:
    with torch.set_grad_enabled(gradients):
        CALLS[call](watched)
        assert torch.is_grad_enabled() == gradients


@pytest.mark.parametrize("forwards", [0, 1, 3])
@pytest.mark.parametrize("call", sorted(set(CALLS) - WITHOUT_FORWARD))
def test_a_call_whose_model_raises_leaves_all_as_it_was(
    call: str, forwards: int, watched: dict[str, Any]
) -> None:
    FUSE["left"] = forwards
    try:
        CALLS[call](watched)
    except inn.InnError as error:
        assert "the fuse has blown" in str(error)
    else:
        assert forwards, "the model was never run"


OTHER = nn.utils.skip_init(nn.Linear, 3, 3)

WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no such site": lambda made: inn.wrap(made["model"], "heads"),
    "no such layout": lambda made: inn.wrap(made["model"], "head:in", layout="pooled").encode(made["images"]),
    "fit of one class": lambda made: inn.wrap(made["model"], "head:in").fit(
        "labels", data=made["images"], labels=np.zeros(120, np.int64), kinds={"label": "categorical"}
    ),
    "images of another range": lambda made: made["it"].encode(made["images"] * 3.0),
    "images that are too small": lambda made: made["it"].run(np.zeros((2, 2, 2, 3), np.uint8)),
    "codes of another width": lambda made: made["it"].invert(torch.zeros(2, 3)),
    "no such factor": lambda made: made["it"].run(made["images"][:2], inn.edits.add("colour", 1.0)),
    "donors that do not fit": lambda made: made["it"].run(
        made["images"][:5], inn.edits.swap("label", made["images"][:2])
    ),
    "no such target": lambda made: made["it"].explain(made["images"][:2], target=99),
    "no steps": lambda made: made["it"].traverse(made["images"][:2], "label", 0),
    "another model": lambda made: inn.load(made["path"], OTHER),
    "nothing to check": lambda made: made["it"].check([]),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_call_leaves_all_as_it_was(call: str, watched: dict[str, Any]) -> None:
    with pytest.raises(inn.InnError):
        WRONG[call](watched)


def test_a_target_that_raises_leaves_all_as_it_was(watched: dict[str, Any]) -> None:
    def target(outputs: Tensor) -> Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        watched["it"].explain(watched["images"][:5], target=target, localizer=None)


def test_an_interrupt_leaves_all_as_it_was(watched: dict[str, Any], monkeypatch: Any) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    for call in ("encode", "traversal", "explain", "check", "fit"):
        with monkeypatch.context() as patch:
            patch.setattr("interpret_inn.backbones.layouts.Layout.to_rows", interrupted)
            with pytest.raises(KeyboardInterrupt):
                CALLS[call](watched)


def test_unedited_outputs_are_bit_for_bit_the_bare_models(made: dict[str, Any]) -> None:
    model, it, images = made["model"], made["it"], made["images"][:70]
    prepared = torch.from_numpy(images).movedim(-1, 1).float() / 255
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            bare = [model(part) for part in prepared.split(64)]
            with it:
                attached = [model(part) for part in prepared.split(64)]
            after = [model(part) for part in prepared.split(64)]
    finally:
        for module, training in flags:
            module.training = training
    assert all(torch.equal(a, b) for a, b in zip(bare, attached, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(bare, after, strict=True))
    assert torch.equal(it.run(images), torch.cat(bare))
    assert it.check(images).unedited_identical
    model.seen.zero_()
    del model.last_inputs


def test_nothing_is_written_outside_the_cache_and_the_given_path(
    made: dict[str, Any], tmp_path: Path, monkeypatch: Any, folder_state: Any
) -> None:
    for name in ("here", "home", "cache"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))
    settings = {name: value for name, value in made["small"].items() if name not in ("cache", "checkpoint")}
    it = inn.wrap(made["model"], "head:in")
    it.fit("labels", data=made["images"], labels=made["labels"], kinds={"label": "cyclic"}, **settings)
    it.report(made["images"][:5], examples=2, resamples=1).save(tmp_path / "given" / "page.html")
    it.save(tmp_path / "given" / "artefact")
    assert folder_state(tmp_path / "here") == []
    assert folder_state(tmp_path / "home") == []
    assert all(name.startswith("representations/") for name in folder_state(tmp_path / "cache"))
    assert {name.split("/")[0] for name in folder_state(tmp_path / "given")} == {
        "artefact",
        "page.html",
        "page.json",
    }
