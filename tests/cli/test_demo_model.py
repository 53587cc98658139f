"""The demo's classifier sees the images that it was trained on."""

from pathlib import Path
from typing import Any

import pytest
import timm

from interpret_inn import demo


class Stopped(Exception):
    """Ends the demo before its fit."""


@pytest.mark.slow
def test_the_classifier_keeps_its_own_normalisation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is trained on images of mean 0.5 and standard deviation 0.5; plain [0, 1] would be another input."""
    found = []

    def wrapped(*given: Any, **options: Any) -> Any:
        found.append(wrap(*given, **options).backbone.preprocess)
        raise Stopped

    wrap = demo.wrap
    monkeypatch.setattr(demo, "wrap", wrapped)
    monkeypatch.setattr(
        demo, "digit_classifier", lambda *_, **__: timm.create_model("test_resnet", num_classes=10).eval()
    )
    with pytest.raises(Stopped):
        demo.demo(tmp_path)
    assert [(own.mean, own.std) for own in found] == [((0.5,) * 3, (0.5,) * 3)]
