import dataclasses
import json
import math
import warnings

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError
from interpret_inn.testing import check_report_section, toy_classifier, toy_images
from interpret_inn.types import ReportSectionSpec
from interpret_inn_transforms import Nuisance, build, direct_changes, nuisances
from interpret_inn_transforms.section import render

pytestmark = [pytest.mark.usefixtures("hasty_probes"), pytest.mark.slow]


class Tinted(torch.nn.Module):
    """Answers to mean red minus mean blue, and to nothing else; its layer holds means of all channels."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Identity()
        self.register_buffer("weight", torch.tensor([[6.0, 0, -6, 0, 0, 0], [-6.0, 0, 6, 0, 0, 0]]))

    def forward(self, x):
        means = torch.cat([x.mean((2, 3)), x.std((2, 3))], 1)
        return self.layer(means) @ self.weight.T


@pytest.fixture(scope="module")
def tinted():
    """An interpreter of `Tinted`, fitted to hue, brightness and flip, and pictures that it has not seen."""
    images, _ = toy_images(170, seed=3)
    interpreter = inn.wrap(Tinted(), "layer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "transforms", data=images[:120], transforms=["hue", "brightness", "flip"], seed=0,
            steps=100, pairs=128, hidden=64, cache=None, checkpoint=None,
        )  # fmt: skip
    return interpreter, images[120:]


@pytest.fixture(scope="module")
def measured(tinted):
    return {one.name: one for one in nuisances(*tinted)}


def test_the_table_says_what_is_known_of_the_model(measured):
    found = measured
    assert list(found) == ["hue", "brightness", "flip"]
    assert all(isinstance(one, Nuisance) for one in found.values())
    # means of channels do not know left from right, and no output answers to it
    assert found["flip"].share == pytest.approx(0, abs=1e-6)
    assert found["flip"].direct == pytest.approx(0, abs=1e-6)
    assert found["hue"].direct > found["brightness"].direct > 0
    assert found["hue"].response > found["brightness"].response
    assert 0.3 < found["hue"].response / found["hue"].direct < 3
    assert found["hue"].response == pytest.approx(found["hue"].factor_response / found["hue"].captured)
    assert found["brightness"].known > 0.3
    for name in ("hue", "brightness"):
        assert found[name].share > 0.05
        assert 0 < found[name].captured <= 1


def test_the_redraw_is_that_of_a_swap_with_the_transformed_picture(tinted, measured):
    interpreter, fresh = tinted
    names = ["hue", "brightness", "flip"]
    made = build(fresh, transforms=names).samples
    hue = np.flatnonzero(made.transform == 0)
    before = interpreter.run(made.take((hue // 7 * 7).tolist()))
    edit = inn.edits.swap("hue", made.take(hue.tolist()))
    after = interpreter.run(made.take((hue // 7 * 7).tolist()), edit)
    p, q = before.double().log_softmax(1), after.double().log_softmax(1)
    expected = float((p.exp() * (p - q)).sum(1).mean())
    found = measured["hue"]
    assert found.factor_response == pytest.approx(expected, rel=1e-4)


def test_direct_changes_need_no_fit(tinted, measured):
    fresh = tinted[1]
    bare = inn.wrap(Tinted(), "layer")
    found = direct_changes(bare, fresh, transforms=["hue", "flip"])
    table = {name: one.direct for name, one in measured.items()}
    assert found == pytest.approx({name: table[name] for name in found}, abs=1e-9)
    weaker = direct_changes(bare, fresh, transforms=["hue"], strength=0.25)
    assert weaker["hue"] < found["hue"]


def test_direct_changes_are_divergences_by_hand():
    images = toy_images(12, seed=0)[0]
    bare = inn.wrap(Tinted(), "layer")
    found = direct_changes(bare, images, transforms={"dark": lambda p, a, g: p * 0.5})
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    half = (x * 0.5 * 255).round() / 255  # pictures of 8 bits stay of 8 bits
    p, q = (torch.log_softmax(bare.backbone.model(one).double(), 1) for one in (x, half))
    assert found["dark"] == pytest.approx(float((p.exp() * (p - q)).sum(1).mean()), rel=1e-5)


def test_outputs_that_are_no_classes_change_by_mean_squares():
    class Passing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Identity()

        def forward(self, x):
            return self.layer(x)

    images = toy_images(12, seed=0)[0]
    bare = inn.wrap(Passing(), "layer", layout="flat")
    found = direct_changes(bare, images, transforms={"light": lambda p, a, g: p + (1 - p) * 0.5})
    x = images.astype(np.float64) / 255
    moved = np.round((x + (1 - x) * 0.5) * 255) / 255 - x
    assert found["light"] == pytest.approx((moved**2).mean(), rel=1e-3)


def test_factors_that_are_no_transforms_are_refused():
    model = toy_classifier()
    images, labels = toy_images(60, seed=1)
    interpreter = inn.wrap(model, "head:in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(
            "labels", data=images, labels={"shape": labels["shape"]}, steps=5, cache=None, checkpoint=None
        )
    with pytest.raises(
        ConceptError, match=r"Expected factors that are transforms, found \['shape', 'residual'\]"
    ):
        nuisances(interpreter, images)


def test_the_report_has_a_table_and_pictures(tinted):
    interpreter, fresh = tinted
    report = interpreter.report(fresh[:24], localizer=None)
    page, found = report.to_html(), report.to_dict()
    assert "What the layer knows about transforms" in page
    assert "What the transforms do" in page
    section = next(
        one for one in found["sections"] if one["title"] == "What the layer knows about transforms"
    )
    assert set(section["data"]) == {"hue", "brightness", "flip"}
    json.dumps(section["data"])
    assert section["data"]["hue"]["moves the layer by"] > 0
    # the raw score of a conditional flow says nothing of how far a transform moves the layer
    flow = dataclasses.replace(report.explanation.flow, kind="conditional")
    other = render(dataclasses.replace(report.explanation, flow=flow))
    assert other.data["hue"]["moves the layer by"] is None


def test_the_section_keeps_its_contract_and_is_for_transforms_only(tinted, toy):
    spec = ReportSectionSpec("transforms", "What the layer knows.", render)
    check_report_section(spec)
    assert render(toy.interpreter.explain(toy.fresh[:16], localizer=None)) is None


@pytest.mark.slow
def test_together_with_labels(small):
    images, labels = toy_images(60, seed=1)
    interpreter = inn.wrap(toy_classifier(), "head:in")
    transforms = build(images, transforms=["rotation", "blur"])
    shapes = inn.concept_source("labels", data=images, labels={"shape": labels["shape"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit(shapes, transforms, **small)
        assert interpreter.factors.names == ("shape", "rotation", "blur", "residual")
        assert math.isfinite(interpreter.evaluation.leakage.scores["blur"]["blur"].linear.value)


@pytest.mark.real
@pytest.mark.slow
def test_a_real_network_answers_to_what_it_answers_to_directly(zoo):
    images = zoo.images("cifar10")[0][::10]
    own = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "channels": 3}
    interpreter = inn.wrap(zoo.cifar_resnet20(), "linear:in", preprocess=own)
    names = ["hue", "blur", "noise", "rotation", "flip", "greyscale"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", inn.InnWarning)
        interpreter.fit("transforms", data=images, transforms=names, steps=150, cache=None, checkpoint=None)
    found = {one.name: one for one in nuisances(interpreter, zoo.images("cifar10")[0][5::100])}
    assert found["noise"].response > found["greyscale"].response
    assert found["noise"].direct > found["greyscale"].direct
    assert found["blur"].known > 0.3
