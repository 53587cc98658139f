"""Pictures for the commands, and an interpreter that was fitted to them and saved."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interpret_inn.cli import main
from interpret_inn.testing import toy_images

from .commands import MODEL, QUICK


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: Any) -> Path:
    """Sixty pictures in one folder a class, and a table of their hues."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    images, labels = toy_images(60, seed=5)
    lines = ["file,hue"]
    for index, (image, hue) in enumerate(zip(images, labels["hue"], strict=True)):
        place = folder / ("warm" if np.cos(hue) > 0 else "cold")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).resize((40, 40)).save(place / f"{index:02d}.png")
        lines.append(f"{place.name}/{index:02d}.png,{hue:.3f}")
    (folder / "hues.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def few(pictures: Path, tmp_path_factory: Any) -> Path:
    """Ten of the pictures, to look at."""
    folder: Path = tmp_path_factory.mktemp("few")
    for file in sorted(pictures.rglob("*.png"))[:10]:
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def artefact(pictures: Path, tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("saved") / "interpreter"
    main(["fit", MODEL, str(pictures), str(out), *QUICK])
    return out
