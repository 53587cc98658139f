"""Bad input is named, and nothing is lost or left behind: one test for each kind that was asked for."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import ToyClassifier, toy_classifier, toy_images
from interpret_inn.types import ReportSectionSpec

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.fixture
def fresh() -> inn.Interpreter:
    return inn.wrap(toy_classifier(), "head:in")


@pytest.fixture
def caches(tmp_path: Path, folder_state: Any) -> Iterator[dict[str, Any]]:
    """Folders for rows and checkpoints that are empty again after a refused fit."""
    yield {"cache": tmp_path / "rows", "checkpoint": tmp_path / "fits"}
    assert folder_state(tmp_path) == []


def floats(images: Any) -> Any:
    return images.astype(np.float32) / 255


# --- sites ----------------------------------------------------------------------------------------------


def test_an_unknown_site_is_named_with_the_nearest() -> None:
    with pytest.raises(inn.SiteError, match=r"ToyClassifier has no module 'heads'\. Did you mean 'head'"):
        inn.wrap(toy_classifier(), "heads:in")


class Unused(ToyClassifier):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(4, 4)


def test_a_site_that_never_fires(small: Any, caches: Any) -> None:
    images, labels = toy_images(40)
    model = Unused()
    with pytest.raises(
        inn.SiteError, match=r"The site 'spare' was not reached: 'spare' did not run.*interpret_inn\.sites"
    ):
        inn.wrap(model, "spare").fit("labels", data=images, labels=labels["shape"], **small | caches)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_model_that_is_none() -> None:
    with pytest.raises(
        inn.BackboneError, match=r"Expected a torch\.nn\.Module or a name that a plugin knows, found 'resnet'"
    ):
        inn.wrap("resnet")
    with pytest.raises(inn.BackboneError, match=r"Expected a torch\.nn\.Module"):
        inn.wrap(5)  # type: ignore[arg-type]


# --- images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda images: floats(images) * 4 - 2,
            r"values in \[0, 1\] \(or uint8\), found -1\.\d+ to .*preprocess='identity'",
        ),
        (lambda images: floats(images)[..., 0], r"Expected|raised on inputs"),
        (lambda images: floats(images)[:, None], r"Expected"),
    ],
)
def test_images_of_the_wrong_shape_or_range(
    change: Any, text: str, fresh: Any, small: Any, caches: Any
) -> None:
    images, labels = toy_images(40)
    with pytest.raises(inn.InnError, match=text):
        fresh.fit("labels", data=change(images), labels=labels["shape"], **small | caches)


def test_images_with_nan_are_named_by_their_place_in_the_data(fresh: Any, small: Any, caches: Any) -> None:
    images, labels = toy_images(150)
    spoiled = floats(images)
    spoiled[[101, 140], 3] = np.nan
    with pytest.raises(inn.InputError, match=r"Input 101 of the data: .*found NaN or infinity"):
        fresh.fit("labels", data=spoiled, labels=labels["shape"], **small | caches)


def test_images_with_nan_are_named_by_their_place_among_those_of_a_call(toy: Any) -> None:
    for place in (3, 101):
        spoiled = floats(toy.fresh)
        spoiled[place, 3] = np.nan
        with pytest.raises(inn.InputError) as caught:
            toy.interpreter.run(spoiled)
        assert str(caught.value).startswith(f"Input {place} of the data: ") == (place >= 64)


def test_a_stream_of_nothing_is_refused(toy: Any) -> None:
    with pytest.raises(inn.InputError, match=r"Expected at least one input, found none\."):
        toy.interpreter.encode(iter([]))


class Exploding(ToyClassifier):
    """Gives NaN for images that are all black."""

    def forward(self, inputs: Tensor) -> Tensor:
        scale = inputs.amax((1, 2, 3), keepdim=True)
        return super().forward(inputs / scale)


def test_inputs_that_the_model_makes_nan_of(small: Any, caches: Any) -> None:
    images, labels = toy_images(100)
    images[70] = 0
    with pytest.raises(
        inn.InputError, match=r"Expected finite representations, found NaN or infinity for the inputs 70"
    ):
        inn.wrap(Exploding(), "head:in").fit("labels", data=images, labels=labels["shape"], **small | caches)


def test_an_unreadable_image_in_a_folder_is_named_skipped_counted_and_reported(
    fresh: Any, small: Any, tmp_path: Path
) -> None:
    images, labels = toy_images(160)
    for index, (image, shape) in enumerate(zip(images, labels["shape"], strict=True)):
        place = tmp_path / "data" / f"shape{shape}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:03d}.png")
    whole = next((tmp_path / "data" / "shape0").glob("*.png"))
    whole.with_name("broken.png").write_bytes(whole.read_bytes()[:200])
    with pytest.warns(
        inn.InnWarning, match=r"1 input was left out of the fit: shape0/broken\.png: cannot be read"
    ):
        fresh.fit("labels", data=tmp_path / "data", **small)
    assert sum(fresh.fitted.split) == 160
    assert fresh.fitted.concepts[0].classes == ("shape0", "shape1", "shape2")
    report = fresh.report(examples=2, resamples=1, localizer=None)
    content = report.to_dict()
    assert len(content["skipped"]) == 1
    assert content["skipped"][0].startswith("shape0/broken.png: cannot be read")
    assert "broken.png" in report.to_html()
    assert all(example["name"].endswith(".png") for example in content["examples"])
    # the fit's loss shows here as well
    elsewhere = fresh.explain(images[:8], examples=2, resamples=1, localizer=None)
    assert any("1 input was left out" in line and "broken.png" in line for line in elsewhere.warnings)


def test_a_folder_of_nothing_readable(fresh: Any, small: Any, caches: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    with pytest.raises(inn.DataError, match=r"Expected at least one readable image in .*, found none"):
        fresh.fit("labels", data=folder, labels=[], **small | caches)
    (folder / "a.png").write_bytes(b"no image")
    with pytest.raises(inn.DataError, match=r"found none\. Skipped: a\.png: cannot be read"):
        fresh.fit("labels", data=folder, **small | caches)


# --- labels and amounts ---------------------------------------------------------------------------------


def test_one_class_only(fresh: Any, small: Any, caches: Any) -> None:
    images, _ = toy_images(40)
    with pytest.raises(
        inn.ConceptError, match=r"Expected at least 2 classes of 'label', found one only: '3'"
    ):
        fresh.fit(
            "labels", data=images, labels=np.full(40, 3), kinds={"label": "categorical"}, **small | caches
        )


def test_empty_data(fresh: Any, small: Any, caches: Any) -> None:
    with pytest.raises(inn.DataError, match="Expected at least one input"):
        fresh.fit("labels", data=np.zeros((0, 24, 24, 3), np.uint8), labels=[], **small | caches)


def test_fewer_samples_than_a_split_needs(fresh: Any, small: Any, caches: Any) -> None:
    images, labels = toy_images(9)
    with pytest.raises(inn.DataError, match=r"Expected at least 10 samples .* found 9\. Give more data"):
        fresh.fit("labels", data=images, labels=labels["shape"] % 2, **small | caches)


def test_fewer_samples_than_dimensions_cap_the_axes_and_say_so(fresh: Any, small: Any) -> None:
    images, labels = toy_images(60, seed=1)
    settings = {name: value for name, value in small.items() if name not in ("axes", "samples_per_axis")}
    with pytest.warns(inn.InnWarning) as caught:
        fresh.fit("labels", data=images, labels={"hue": labels["hue"]}, kinds={"hue": "cyclic"}, **settings)
    text = next(str(one.message) for one in caught if "axes" in str(one.message))
    assert text.startswith("42 training samples carry at most 14 of 32 axes (samples_per_axis=3)")
    assert fresh.fitted.network.shape.leading <= 14
    assert fresh.factors.total == 32
    explanation = fresh.explain(images[:8], examples=2, resamples=1, localizer=None)
    assert text in explanation.warnings
    assert explanation.checks.passed
    torch.testing.assert_close(
        fresh.invert(fresh.encode(images)),
        fresh.backbone.represent(fresh.backbone.prepare(images)),
        atol=1e-4,
        rtol=1e-4,
    )


class Narrow(nn.Module):
    """A vector of `width` numbers before the head, of which only the first `alive` ever change."""

    def __init__(self, width: int, alive: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, width))
        self.head = nn.Linear(width, 3)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(generator=generator)
            self.body[2].weight[alive:] = 0

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(inputs))
        return logits


def test_a_site_of_one_axis(small: Any, tmp_path: Path) -> None:
    images, labels = toy_images(100)
    with pytest.raises(
        inn.FitError, match=r"at least 2 axes, found 1: one number cannot be split.*Choose a wider site"
    ):
        inn.wrap(Narrow(1, 1), "head:in").fit(
            "labels", data=images, labels=labels["shape"], **small | {"checkpoint": tmp_path}
        )
    assert not list(tmp_path.iterdir())


def test_as_many_concepts_as_axes(small: Any, tmp_path: Path) -> None:
    images, labels = toy_images(200)
    with pytest.raises(
        inn.ConceptError, match=r"fewer concepts than axes, found 2 concepts and 2 axes.*wider site"
    ):
        inn.wrap(Narrow(2, 2), "head:in").fit(
            "labels", data=images, labels=labels, kinds={"hue": "cyclic", "shape": "categorical"},
            **small | {"checkpoint": tmp_path},
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_dead_features_are_carried_along_exactly(small: Any) -> None:
    images, labels = toy_images(200)
    it = inn.wrap(Narrow(24, 10), "head:in")
    it.fit("labels", data=images, labels=labels["hue"], kinds={"label": "cyclic"}, **small | {"axes": 24})
    explanation = it.explain(images[:20], examples=2, resamples=2, localizer=None)
    assert explanation.checks.passed, explanation.checks
    z = it.backbone.represent(it.backbone.prepare(images[:20]))
    torch.testing.assert_close(it.invert(it.encode(images[:20])), z, atol=1e-4, rtol=1e-4)
    edited = it.invert(it.translator.edited(it.encode(images[:20]), [inn.edits.resample("label")]))
    assert bool(edited.isfinite().all())


def test_features_that_are_all_dead(small: Any, tmp_path: Path) -> None:
    images, labels = toy_images(100)
    with pytest.raises(
        inn.FitError, match=r"differs between samples, found the same for all of them\. Choose another site"
    ):
        inn.wrap(Narrow(8, 0), "head:in").fit(
            "labels", data=images, labels=labels["shape"], **small | {"checkpoint": tmp_path}
        )
    assert not list(tmp_path.iterdir())


# --- plugins --------------------------------------------------------------------------------------------


class BrokenSource:
    """A concept source that fails when pairs are drawn, or draws what it was not asked for."""

    name = "mine"

    def __init__(self, whole: Any, fault: str) -> None:
        self.concepts, self.samples, self._whole, self._fault = whole.concepts, whole.samples, whole, fault

    def sample_pairs(self, n: int, generator: torch.Generator, among: Tensor) -> Any:
        pairs = self._whole.sample_pairs(n, generator, among)
        if self._fault == "raises":
            raise ZeroDivisionError("no luck")
        if self._fault == "one":
            return pairs._replace(rho=torch.ones_like(pairs.rho))
        if self._fault == "shape":
            return pairs._replace(rho=pairs.rho[:, :1])
        return pairs._replace(first=pairs.first + 1000)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("raises", r"'mine'.*ZeroDivisionError: no luck"),
        ("one", r"The concept source 'mine' gave a rho of 1; expected values between −1 and 1"),
        ("shape", r"The concept source 'mine' gave pairs with rho of shape"),
        ("outside", r"The concept source 'mine' gave pairs of samples that it was not asked for"),
    ],
)
def test_a_broken_concept_source_is_named(
    fault: str, text: str, fresh: Any, small: Any, tmp_path: Path
) -> None:
    images, labels = toy_images(200)
    whole = inn.concept_source("labels", data=images, labels=labels["hue"], kinds={"label": "cyclic"})
    with pytest.raises(inn.PluginError, match=text):
        fresh.fit(BrokenSource(whole, fault), **small | {"checkpoint": tmp_path})
    assert not list(tmp_path.iterdir())
    with pytest.raises(inn.NotFittedError):
        _ = fresh.fitted


class BrokenHelpers:
    @inn.hookimpl
    def inn_after_fit_step(self, step: Any) -> None:
        raise ZeroDivisionError("a step")

    @inn.hookimpl
    def inn_after_explain(self, explanation: Any) -> None:
        raise ZeroDivisionError("an explanation")

    @inn.hookimpl
    def inn_report_sections(self) -> Iterable[ReportSectionSpec]:
        def render(explanation: Any) -> Any:
            raise ZeroDivisionError("a section")

        yield ReportSectionSpec("broken", "Fails.", render)


def test_broken_observers_and_sections_are_named_and_passed_over(fresh: Any, small: Any) -> None:
    images, labels = toy_images(200)
    name = inn.register(BrokenHelpers(), name="broken-helpers")
    try:
        with pytest.warns(inn.InnWarning) as caught:
            fresh.fit("labels", data=images, labels=labels["hue"], kinds={"label": "cyclic"}, **small)
            report = fresh.report(images[:8], examples=2, resamples=1, localizer=None)
    finally:
        inn.unregister(name)
    texts = [str(one.message) for one in caught if "broken-helpers" in str(one.message)]
    assert len(texts) == 3
    for part in ("a step", "an explanation", "a section"):
        assert sum(part in text for text in texts) == 1
    assert json.dumps(report.to_dict(), allow_nan=False)


# --- weights --------------------------------------------------------------------------------------------


def test_missing_weights_offline_say_what_to_type(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(
        inn.BackboneError,
        match=r"weights of 'timm:resnet50' are not on this machine.*'timm:resnet50\?download'",
    ):
        inn.wrap("timm:resnet50")
    assert not list(tmp_path.iterdir())
