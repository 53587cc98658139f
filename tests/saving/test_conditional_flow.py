"""An artefact of a conditional flow: it comes back bit for bit, and sizes that it only states build nothing."""

import copy
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Generator, nn

import interpret_inn as inn
from interpret_inn.flows import ConditionalShape, FlowShape, InvertibleNetwork, StepShape
from interpret_inn.saving.bounds import require_stored


def model() -> nn.Module:
    return nn.Sequential(nn.Identity()).eval()


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory, hasty_probes: None
) -> tuple[Path, inn.Interpreter, torch.Tensor]:
    """A fit with two concepts, and outer axes that follow one of them."""
    generator = Generator().manual_seed(0)
    rows = torch.randn(300, 10, generator=generator) * torch.logspace(0.5, -0.3, 10)
    rows[:, 6:] += torch.cos(rows[:, :1] + torch.arange(4))
    labels = {"number": rows[:, 0].double().numpy(), "side": (rows[:, 1] > 0).long().numpy()}
    rows[:, 2] *= 1 + (rows[:, 1] > 0)
    interpreter = inn.wrap(model(), "0", preprocess="identity")
    interpreter.fit("labels", data=rows, labels=labels, axes=5, cache=None, checkpoint=None)
    assert interpreter.fitted.network.shape.outer > 0
    path = tmp_path_factory.mktemp("saved") / "interpreter"
    interpreter.save(path)
    return path, interpreter, rows


@pytest.fixture
def folder(saved: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[0], tmp_path / "copy"))


def sign(folder: Path) -> None:
    """Puts the checksums right, as somebody would who means harm."""
    sums = json.loads((folder / "checksums.json").read_text())
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sums}
    (folder / "checksums.json").write_text(json.dumps(sums))


def test_it_comes_back_bit_for_bit(saved: Any) -> None:
    path, interpreter, rows = saved
    loaded = inn.load(path, model())
    assert loaded.fitted.network.shape == interpreter.fitted.network.shape
    mine, theirs = (one.fitted.network.state_dict() for one in (interpreter, loaded))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    codes = interpreter.encode(rows[:20])
    assert torch.equal(loaded.encode(rows[:20]), codes)
    assert torch.equal(loaded.invert(codes), interpreter.invert(codes))


HUGE = 10**12


def of_step(name: str, value: Any) -> Any:
    return lambda flow: flow["conditional"]["steps"][-1].update({name: value})


def moved_twice(flow: Any) -> None:
    flow["conditional"]["steps"].append(copy.deepcopy(flow["conditional"]["steps"][-1]))


def another_size(flow: Any) -> None:
    flow["conditional"]["sizes"][0] += 1
    flow["conditional"]["sizes"][-1] -= 1


def negative_size(flow: Any) -> None:
    sizes = flow["conditional"]["sizes"]
    sizes[-1] += sizes[0] + 1
    sizes[0] = -1


TAMPERED = {
    "centres, huge": of_step("centres", HUGE),
    "centres, negative": of_step("centres", -1),
    "centres, none": of_step("centres", 0),
    "centres, a fraction": of_step("centres", 1.5),
    "centres, true": of_step("centres", True),
    "centres, a list": of_step("centres", [3]),
    "moved, no such group": of_step("moved", 3),
    "moved, negative": of_step("moved", -1),
    "moved, a name": of_step("moved", "residual"),
    "given, no such group": of_step("given", [0, 7]),
    "given, none": of_step("given", []),
    "given, itself": of_step("given", [0, 2]),
    "given, no list": of_step("given", 1),
    "gates, huge": of_step("gates", [[0, HUGE]]),
    "gates, no such group": of_step("gates", [[9, 2]]),
    "gates, negative": of_step("gates", [[0, -2]]),
    "gates, none": of_step("gates", []),
    "gates, of three": of_step("gates", [[0, 2, 2]]),
    "moved twice": moved_twice,
    "no steps": lambda flow: flow["conditional"].update(steps=[]),
    "steps, a number": lambda flow: flow["conditional"].update(steps=3),
    "another size": another_size,
    "a negative size": negative_size,
    "more groups": lambda flow: flow["conditional"]["sizes"].append(1),
    "an empty group": lambda flow: flow["conditional"]["sizes"].insert(2, 0),
    "huge groups": lambda flow: flow["conditional"].update(sizes=[HUGE, 1, 1]),
    "outer, huge": lambda flow: flow.update(outer=HUGE),
    "outer, negative": lambda flow: flow.update(outer=-1),
    "outer, none": lambda flow: flow.update(outer=0),
    "a joint flow": lambda flow: flow.update(conditional=None),
    "no mapping": lambda flow: flow.update(conditional=[1]),
    "without steps": lambda flow: flow["conditional"].pop("steps"),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_what_is_stated_and_not_stored_builds_nothing(
    change: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InvertibleNetwork, "empty", lambda *_: pytest.fail("the flow was built"))
    about = json.loads((folder / "interpreter.json").read_text())
    change(about["flow"])
    (folder / "interpreter.json").write_text(json.dumps(about))
    sign(folder)
    with pytest.raises(inn.ArtefactError, match="is damaged"):
        inn.load(folder, model())


@pytest.mark.parametrize("part", ["weights", "centres", "scales", "factors", "slopes", "offsets", "0.back"])
def test_tensors_of_another_shape_are_refused(part: str, folder: Path) -> None:
    tensors = load_file(folder / "tensors.safetensors")
    name = next(name for name in tensors if name.endswith(part) and ".blocks." in name)
    save_file(tensors | {name: tensors[name][:-1].clone()}, folder / "tensors.safetensors")
    sign(folder)
    with pytest.raises(inn.ArtefactError, match="is damaged: ValueError: expected the tensors of"):
        inn.load(folder, model())


SHAPES = [
    FlowShape(
        9,
        6,
        0,
        conditional=ConditionalShape((2, 1, 3), (StepShape(2, (1, 0), 4, ((1, 2), (0, 5))),)),
        outer=3,
    ),
    FlowShape(6, 6, 0, conditional=ConditionalShape((1, 5), (StepShape(1, (0,), 0, ()),))),
    FlowShape(6, 4, 0, conditional=ConditionalShape((1, 3), ())),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_tensors_of_every_conditional_flow_are_known(shape: FlowShape) -> None:
    stored = {f"flow.{name}": value for name, value in InvertibleNetwork.empty(shape).state_dict().items()}
    require_stored(shape, stored)
    for name in stored:
        with pytest.raises(ValueError, match="expected the tensors of FlowShape"):
            require_stored(shape, {other: value for other, value in stored.items() if other != name})
    with pytest.raises(ValueError, match="expected the tensors of FlowShape"):
        require_stored(shape, stored | {"flow.other": torch.zeros(1)})


@pytest.mark.parametrize(
    ("sizes", "steps", "outer"),
    [
        ((0, 4), (StepShape(0, (), HUGE, ()),), 0),  # centres without inputs and axes take no room in a file
        ((2, 2), (StepShape(1, (), 3, ()),), 0),
        ((4,), (), HUGE),
        ((2, 2), (StepShape(1, (0,), 2, ((0, 0),)),), 0),  # no anchor: everything becomes 0
        ((2, 2), (StepShape(1, (1,), 2, ()),), 0),  # groups that are moved as they tell: there is no inverse
        ((1, 1, 2), (StepShape(1, (2,), 2, ()), StepShape(2, (0,), 2, ())), 0),
        ((1, 1, 2), (StepShape(1, (0,), 2, ((2, 2),)), StepShape(2, (0,), 2, ())), 0),
    ],
)
def test_steps_that_no_fit_makes_are_refused_even_if_they_are_stored(
    sizes: tuple[int, ...], steps: tuple[StepShape, ...], outer: int
) -> None:
    shape = FlowShape(4, 4, 0, conditional=ConditionalShape(sizes, steps), outer=outer)
    network = InvertibleNetwork.empty(shape)  # builds no large tensor: a side of each is 0
    stored = {f"flow.{name}": value for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match="expected steps between groups"):
        require_stored(shape, stored)
