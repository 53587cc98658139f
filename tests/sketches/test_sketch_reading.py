"""Sketches of all sizes, modes and kinds; and those that cannot be used."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.errors import ConceptError, DataError
from interpret_inn_sketches.pixels import as_pixels
from interpret_inn_sketches.sketch_files import Sketch, read_sketches
from interpret_inn_sketches.sketch_parts import assign, cut


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)


def forms(noise: np.ndarray) -> dict[str, object]:
    grey = noise[..., 0]
    return {
        "RGB": Image.fromarray(noise),
        "L": Image.fromarray(grey),
        "1": Image.fromarray(grey).convert("1"),
        "P": Image.fromarray(noise).convert("P"),
        "RGBA": Image.fromarray(noise).convert("RGBA"),
        "LA": Image.fromarray(grey).convert("LA"),
        "16 bit": Image.fromarray(grey.astype(np.uint16) * 257),
        "16 bit array": grey.astype(np.uint16) * 257,
        "floats": noise.astype(np.float32) / 255,
        "tensor": torch.from_numpy(noise).permute(2, 0, 1),
        "CMYK": Image.fromarray(noise).convert("CMYK"),
        "grey array": grey,
    }


@pytest.mark.parametrize("form", list(forms(np.zeros((8, 8, 3), np.uint8))))
def test_every_form_is_read(noise, form) -> None:
    other = Image.fromarray(255 - noise)
    (first, second), notes = read_sketches({"one": forms(noise)[form], "two": other})
    assert first.pixels.dtype == np.uint8 and first.pixels.shape[:2] == (40, 50)
    assert first.planes(3).shape == (3, 40, 50) and first.planes(1).shape == (1, 40, 50)
    assert (first.name, second.name) == ("one", "two")
    assert not notes
    if form not in ("1", "P", "CMYK"):
        wanted = noise[..., :1] if first.pixels.shape[2] == 1 else noise
        grey = form in ("L", "LA", "16 bit", "16 bit array", "grey array")
        assert np.abs(first.pixels - (noise[..., :1] if grey else wanted).astype(int)).max() <= 1


def test_what_is_transparent_lies_over_white_and_is_said(noise, tmp_path) -> None:
    clear = np.dstack([noise, np.where(np.arange(50) < 25, 255, 0)[None].repeat(40, 0)]).astype(np.uint8)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    for picture in (clear, Image.fromarray(clear), tmp_path / "clear.png"):
        (sketch, _), notes = read_sketches({"clear": picture, "other": noise})
        assert (sketch.pixels[:, 25:] == 255).all() and (sketch.pixels[:, :25] == noise[:, :25]).all()
        assert notes == ["The sketch 'clear' is partly transparent; it was laid over white."]


def test_arrays_that_cannot_be_written_are_copied(noise) -> None:
    fixed = np.asarray(Image.fromarray(noise))
    assert not fixed.flags.writeable, "or this shows nothing"
    (first, _), _ = read_sketches({"one": fixed, "two": np.asarray(Image.fromarray(noise[..., 0]))})
    assert np.array_equal(first.pixels, noise)
    planes = torch.rand(3, 8, 8).numpy()
    planes.flags.writeable = False  # warnings are errors in tests
    assert as_pixels(planes, place=0).shape == (8, 8, 3)


def test_files_name_the_ends(noise, tmp_path) -> None:
    Image.fromarray(noise).save(tmp_path / "lines.png")
    Image.fromarray(255 - noise).save(tmp_path / "circles.png")
    (first, second), _ = read_sketches([tmp_path / "lines.png", str(tmp_path / "circles.png")])
    assert (first.name, second.name) == ("lines", "circles")
    (first, second), _ = read_sketches((noise, 255 - noise))
    assert (first.name, second.name) == ("first", "second")


def test_files_of_one_name_are_told_apart(noise, tmp_path) -> None:
    for folder, picture in (("a", noise), ("b", 255 - noise)):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture).save(tmp_path / folder / "it.png")
    both, _ = read_sketches([tmp_path / "a" / "it.png", tmp_path / "b" / "it.png"])
    assert [sketch.name for sketch in both] == ["it 1", "it 2"]


BLANK = np.full((40, 40, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("sketches", "error", "text"),
    [
        (
            lambda n: {"a": BLANK, "b": n},
            ConceptError,
            "The sketch 'a' is blank: its values spread by 0.0000",
        ),
        (
            lambda n: {"a": np.dstack([BLANK[..., :1] * 0 + n[:40, :40], BLANK[..., :1] * 0]), "b": n},
            ConceptError,
            "The sketch 'a' is blank once it is laid over white, as transparent pictures are: .*convert",
        ),
        (
            lambda n: {"a": Image.fromarray(BLANK).convert("RGBA"), "b": n},
            ConceptError,
            "The sketch 'a' is blank: its values",
        ),
        (
            lambda n: {"a": n[:1, :1], "b": n},
            ConceptError,
            "The sketch 'a' is a single pixel, found 1x1. Give a picture of at least 32x32 pixels",
        ),
        (lambda n: {"a": n, "b": n.copy()}, ConceptError, "found the same picture for 'a' and 'b'"),
        (lambda n: [n], ConceptError, "one for each end of the concept, found 1. Type sketches="),
        (lambda n: [n, n, n], ConceptError, "one for each end of the concept, found 3"),
        (lambda n: n, ConceptError, r"Expected two sketches, found an array of shape \(40, 50, 3\)"),
        (lambda n: "a.png", ConceptError, "Expected two sketches, found an object of type str"),
        (lambda n: ["nowhere.png", n], DataError, "the sketch 'nowhere', but there is no file nowhere.png"),
        (lambda n: [3, n], DataError, "The sketch 'first' cannot be used. Expected pictures"),
        (lambda n: [n * 2.0, n], DataError, "The sketch 'first' cannot be used.*found values from"),
        (lambda n: [n[..., :2].repeat(3, 2)[..., :5], n], DataError, "The sketch 'first' cannot be used"),
    ],
)
def test_what_cannot_be_used_is_refused(noise, sketches, error, text) -> None:
    with pytest.raises(error, match=text):
        read_sketches(sketches(noise))


def test_a_damaged_file_is_refused(noise, tmp_path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(DataError, match=r"'bad', but .*bad\.png cannot be read"):
        read_sketches([tmp_path / "bad.png", noise])


# --- parts -----------------------------------------------------------------------------------------------


def textured(height: int, width: int, seed: int = 0) -> Sketch:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Sketch(f"{height}x{width}", values)


def parts_of(*sketches: Sketch, side: int = 32, sketch_size: int | None = None, channels: int = 3):
    notes: list[str] = []
    found = cut(sketches, channels=channels, side=side, sketch_size=sketch_size, seed=0, notes=notes)
    return found, notes


def test_sketches_of_other_sizes_give_equally_many_parts_of_one_size() -> None:
    found, notes = parts_of(textured(256, 256), textured(400, 300, 1))
    assert [tuple(part.shape) for part in found] == [(64, 3, 32, 32)] * 2
    assert not notes


def test_parts_are_disjoint_pieces_of_the_sketch() -> None:
    rows, columns = np.indices((128, 128))
    noise = np.random.default_rng(2).integers(0, 256, (128, 128))  # so that no part is empty
    sketch = Sketch("places", np.stack([rows, columns, noise], 2).astype(np.uint8))
    (places, _), _ = parts_of(sketch, textured(128, 128))
    corners = {(int(p[0, 0, 0] * 255 + 0.5), int(p[1, 0, 0] * 255 + 0.5)) for p in places}
    assert corners == {(16 * row, 16 * column) for row in range(8) for column in range(8)}


def test_small_sketches_are_magnified_and_large_ones_shrunk() -> None:
    found, notes = parts_of(textured(40, 40), textured(1000, 800, 1))
    assert found[0].shape == found[1].shape and found[0].shape[-1] == 12
    assert notes == [
        "The sketch '40x40' is small (40 pixels); it was magnified to 96 to be cut into parts. "
        "A larger one shows more of its style."
    ]
    found, _ = parts_of(textured(1000, 800, 1), textured(1000, 800))
    assert found[0].shape[-1] == 32
    found, notes = parts_of(textured(400, 300), textured(400, 300, 1), sketch_size=120)
    assert found[0].shape[-1] == 17 and not notes


def test_empty_parts_are_left_out_and_too_few_refused() -> None:
    values = np.full((128, 128, 3), 255, np.uint8)
    values[:64] = textured(64, 128).pixels
    half = Sketch("half", values)
    found, _ = parts_of(half, textured(128, 128, 1))
    assert len(found[0]) == len(found[1]) == 32
    values = values.copy()
    values[:64, 64:] = 255
    found, notes = parts_of(Sketch("quarter", values), textured(128, 128, 1))
    assert len(found[0]) == 16
    assert notes[0].startswith("Only 16 parts of the sketches show anything, too few to test")
    values = values.copy()
    values[32:] = 255
    with pytest.raises(
        ConceptError, match=r"Only 8 parts \(16 by 16 pixels\) of the sketch 'eighth' show anything"
    ):
        parts_of(Sketch("eighth", values), textured(128, 128, 1))


def test_images_of_a_group_share_a_part_and_parts_are_filled_evenly() -> None:
    groups = np.repeat(np.arange(50), 3)
    chosen = assign(150, 10, groups=groups, seed=0)
    assert all(len(set(chosen[groups == group])) == 1 for group in range(50))
    assert np.bincount(chosen).tolist() == [15] * 10
    assert np.bincount(assign(64, 64, groups=None, seed=1)).tolist() == [1] * 64
    assert not np.array_equal(assign(150, 10, groups=groups, seed=1), chosen)


def test_no_program_is_started_for_a_file_in_another_format(noise, tmp_path, monkeypatch) -> None:
    """Pillow reads EPS, whatever the file is called, by running Ghostscript on the program that it holds."""
    from PIL import EpsImagePlugin

    started: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **_: started.append(given))
    Image.fromarray(noise).save(tmp_path / "program.eps")
    path = (tmp_path / "program.eps").rename(tmp_path / "picture.png")
    with pytest.raises(
        DataError, match=r"Expected a picture for the sketch 'one', but .*picture\.png cannot"
    ):
        read_sketches({"one": path, "two": noise})
    assert started == []
