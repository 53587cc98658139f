"""Pictures, contact sheets and animations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import interpret_inn as inn
from interpret_inn.explore import contact_sheet, save_animation, to_pictures

RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)
BLUE = np.full((4, 6, 3), (0, 0, 255), np.uint8)


def test_values_become_levels() -> None:
    images = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    assert to_pictures(images, value_range=(-1, 1))[:, 0, 0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    assert to_pictures(images * 7)[:, 0, 0, 0].tolist() == [0, 128, 255]
    assert to_pictures(torch.full((1, 2, 2), 5.0)).tolist() == np.zeros((2, 2, 3)).tolist()
    colours = torch.tensor([0.0, 0.5, 1.0, 9.0]).reshape(4, 1, 1)  # what is beyond the third is not shown
    assert to_pictures(colours, value_range=(0, 1)).tolist() == [[[0, 128, 255]]]
    assert to_pictures(torch.rand(2, 3, 3, 8, 9)).shape == (2, 3, 8, 9, 3)


@pytest.mark.parametrize("wrong", [torch.rand(3, 4), np.zeros((2, 3, 4)), torch.rand(0, 3, 4, 4)])
def test_what_is_no_image_is_no_picture(wrong: Any) -> None:
    with pytest.raises(inn.InputError, match=r"Expected images, a tensor"):
        to_pictures(wrong)


def test_a_range_has_two_ends() -> None:
    with pytest.raises(inn.InputError, match=r"from low to high, found 1 to 0"):
        to_pictures(torch.rand(3, 4, 4), value_range=(1, 0))


def test_a_sheet_puts_cells_where_they_belong() -> None:
    sheet = contact_sheet([[RED, BLUE], [BLUE]], gap=2)
    assert sheet.shape == (10, 14, 3)
    assert sheet[0, 0].tolist() == [255, 0, 0]
    assert sheet[0, 8].tolist() == sheet[6, 0].tolist() == [0, 0, 255]
    assert sheet[4, 0].tolist() == sheet[6, 8].tolist() == [255, 255, 255]
    headed = contact_sheet([[RED, BLUE]], rows=[BLUE], columns=[RED, "blue"], gap=2, enlarge=2)
    assert headed[-1, 0].tolist() == [0, 0, 255]
    assert headed.shape[0] == 22 + 6 + 8
    words = contact_sheet([["a", "four"]])
    assert words.min() < 100  # there is ink
    assert contact_sheet(np.stack([np.stack([RED, BLUE])])).shape == (4, 14, 3)


def test_a_sheet_says_what_it_takes() -> None:
    with pytest.raises(inn.InputError, match=r"at least one picture"):
        contact_sheet([[]])
    with pytest.raises(inn.InputError, match=r"Expected 2 heads of columns, or none, found 1"):
        contact_sheet([[RED, BLUE]], columns=["one"])
    with pytest.raises(inn.InputError, match=r"float64 \(4, 6, 3\).*Type to_pictures"):
        contact_sheet([[RED / 255.0]])


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_an_animation_has_all_frames(tmp_path: Path, ending: str) -> None:
    levels = torch.linspace(0, 1, 5).reshape(5, 1, 1, 1, 1).expand(5, 2, 1, 6, 7)
    path = save_animation(levels, tmp_path / "new" / f"traversal.{ending}", seconds=1, enlarge=3)
    with Image.open(path) as image:
        assert image.size == (42, 18)  # two traversals side by side, three times as large
        assert image.n_frames == 8  # there and back, the ends once
        image.load()
        assert image.info["duration"] == 200
        assert image.info["loop"] == 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with Image.open(save_animation(levels[:, 0], path, back_and_forth=False)) as image:
        assert (image.n_frames, image.size) == (5, (7, 6))


def test_pictures_are_animated_as_they_are(tmp_path: Path) -> None:
    path = save_animation(np.stack([RED, BLUE]), tmp_path / "two.webp")
    with Image.open(path) as image:
        red, green, blue = image.convert("RGB").getpixel((2, 2))
        assert red > 230
        assert max(green, blue) < 25


def test_one_frame_is_an_animation_that_stands_still(tmp_path: Path) -> None:
    with Image.open(save_animation(RED[None], tmp_path / "one.gif")) as image:
        assert image.n_frames == 1


def test_animations_say_what_they_take(tmp_path: Path) -> None:
    frames = np.stack([RED, BLUE])
    with pytest.raises(inn.InputError, match=r"ends in \.gif or \.webp"):
        save_animation(frames, tmp_path / "traversal.mp4")
    with pytest.raises(inn.InputError, match=r"positive number of seconds, found 0"):
        save_animation(frames, tmp_path / "traversal.gif", seconds=0)
    with pytest.raises(inn.InputError, match=r"whole number, at least 1, found 0"):
        save_animation(frames, tmp_path / "traversal.gif", enlarge=0)
    with pytest.raises(inn.InputError, match=r"found float64 \(2, 4, 6, 3\)"):
        save_animation(frames / 255, tmp_path / "traversal.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(inn.StoreError, match=r"cannot be written"):
        save_animation(frames, tmp_path / "file" / "traversal.gif")
