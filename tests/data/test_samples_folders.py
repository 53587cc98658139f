import numpy as np
import pytest
from PIL import Image

from interpret_inn.data import samples
from interpret_inn.data.image_files import decode
from interpret_inn.errors import DataError

RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(path, colour=RED, size=(6, 4), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


def noisy(path, size=(64, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)


def test_folders_are_labels(tmp_path):
    picture(tmp_path / "dog" / "b.png")
    picture(tmp_path / "cat" / "deep" / "a.JPG", BLUE, (3, 3))
    picture(tmp_path / "cat" / ".hidden.png")
    picture(tmp_path / "__MACOSX" / "c.png")
    (tmp_path / "notes.txt").write_text("not an image")
    found = samples(tmp_path)

    assert found.names == ["cat/deep/a.JPG", "dog/b.png"]
    assert found.scan() == {"label": ["cat", "dog"]}
    assert found.skipped == ()
    assert [(image.mode, image.size) for image in found.take([1, 0])] == [("RGB", (6, 4)), ("RGB", (3, 3))]
    assert [len(part) for part in samples(str(tmp_path)).batches(1)] == [1, 1]


def test_a_flat_folder_and_a_single_one_have_no_labels(tmp_path):
    picture(tmp_path / "flat" / "a.png")
    assert samples(tmp_path / "flat").scan() is None

    found = samples(tmp_path)
    assert found.scan() is None
    assert found.notes == ("There is only one folder, 'flat', so folders are not taken as labels.",)


def test_unreadable_files_are_named_and_left_out(tmp_path):
    picture(tmp_path / "a" / "good.png")
    noisy(tmp_path / "b" / "cut.jpg")
    content = (tmp_path / "b" / "cut.jpg").read_bytes()
    (tmp_path / "b" / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "b" / "text.png").write_text("hello")
    (tmp_path / "b" / "empty.gif").write_bytes(b"")
    (tmp_path / "b" / "phone.heic").write_bytes(b"x")
    found = samples(tmp_path)

    assert found.names == ["a/good.png"]
    assert found.targets == {"label": ["a"]}
    assert len(found.skipped) == 4
    assert "b/phone.heic: .heic files are not read; convert it to PNG or JPEG" in found.skipped
    assert "b/text.png: cannot be read (not an image)" in found.skipped
    assert any(
        entry.startswith("b/cut.jpg: cannot be read (image file is truncated") for entry in found.skipped
    )


def test_a_folder_without_a_readable_image_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"at least one readable image in .*, found none.$"):
        samples(tmp_path)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(DataError, match=r"Skipped: text.png: cannot be read \(not an image\)"):
        samples(tmp_path)
    with pytest.raises(DataError, match=r"but there is nothing at .*gone"):
        samples(tmp_path / "gone")
    (tmp_path / "data.bin").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a folder of images, an image, or a CSV file, found .*data.bin"):
        samples(tmp_path / "data.bin")


def test_one_file_and_lists_of_files(tmp_path):
    picture(tmp_path / "b.png", BLUE)
    picture(tmp_path / "a.png")
    assert len(samples(tmp_path / "a.png")) == 1

    found = samples([tmp_path / "b.png", str(tmp_path / "a.png")])
    assert found.names == [str(tmp_path / "b.png"), str(tmp_path / "a.png")]
    assert found.take([0])[0].getpixel((0, 0)) == BLUE
    assert samples([(tmp_path / "b.png", "blue")]).scan() == {"label": ["blue"]}

    with pytest.raises(
        DataError, match=r"Expected 2 image files, but 1 cannot be read: .*gone.png \(No such file"
    ):
        samples([tmp_path / "a.png", tmp_path / "gone.png"])


def test_contents_make_the_fingerprint_and_not_the_place(tmp_path):
    for folder in ("one", "two"):
        picture(tmp_path / folder / "a.png")
    assert samples(tmp_path / "one").fingerprint() == samples(tmp_path / "two").fingerprint()
    picture(tmp_path / "two" / "a.png", BLUE)
    assert samples(tmp_path / "one").fingerprint() != samples(tmp_path / "two").fingerprint()


def test_a_file_that_changes_or_goes_is_noticed(tmp_path):
    picture(tmp_path / "a.png")
    found = samples(tmp_path)
    picture(tmp_path / "a.png", BLUE)
    with pytest.raises(DataError, match=r"a.png has changed since it was read first"):
        found.take([0])
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a.png could be read before, but not any more: No such file"):
        found.take([0])


def test_pictures_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    picture(tmp_path / "turned.jpg", size=(6, 4), exif=exif)
    assert samples(tmp_path).take([0])[0].size == (4, 6)


def test_grey_folders_stay_grey_and_mixed_ones_are_rgb(tmp_path):
    Image.new("L", (4, 4), 7).save(tmp_path / "a.png")
    Image.fromarray(np.full((4, 4), 65535, np.uint16)).save(tmp_path / "b.png")
    Image.new("1", (4, 4), 1).save(tmp_path / "c.png")
    grey = samples(tmp_path).take([0, 1, 2])
    assert [image.mode for image in grey] == ["L"] * 3
    assert [image.getpixel((0, 0)) for image in grey] == [7, 255, 255]

    picture(tmp_path / "d.png")
    assert {image.mode for image in samples(tmp_path).take([0, 1, 2, 3])} == {"RGB"}


@pytest.mark.parametrize(
    ("image", "ending", "pixel"),
    [
        (Image.new("P", (4, 4), 1), "png", None),
        (Image.new("RGBA", (4, 4), (*RED, 0)), "png", RED),
        (Image.new("LA", (4, 4), (9, 3)), "png", 9),
        (Image.new("CMYK", (4, 4), (0, 0, 0, 0)), "tif", (255, 255, 255)),
        (Image.fromarray(np.full((4, 4), 257 * 40, np.uint16)), "png", 40),
        (Image.fromarray(np.full((4, 4), 257 * 40, np.int32)), "tif", 40),
        (Image.fromarray(np.full((4, 4), 40, np.int32)), "tif", 40),
        (Image.fromarray(np.full((4, 4), 0.2, np.float32)), "tif", 51),
        (Image.fromarray(np.full((4, 4), 80.4, np.float32)), "tif", 80),
    ],
)
def test_every_mode_becomes_eight_bits(tmp_path, image, ending, pixel):
    image.save(tmp_path / f"a.{ending}")
    found = decode(tmp_path / f"a.{ending}")
    assert found.mode in ("L", "RGB")
    assert pixel is None or found.getpixel((0, 0)) == pixel


def test_a_palette_with_transparent_entries_does_not_warn(tmp_path):
    Image.new("P", (4, 4), 0).save(tmp_path / "a.png", transparency=b"\x00\x80")
    assert decode(tmp_path / "a.png").mode == "RGB"


def test_no_other_program_is_started_for_postscript_in_disguise(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    assert samples(tmp_path).skipped == ("b.png: cannot be read (not an image)",)


def test_columns_of_a_table_become_labels(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / name)
    table = "kind;image;age;patient;note\ncat;b.png;1.5;p1;x\ndog;a.png;;p2;\nfox;gone.png;2;p1;\n"
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8-sig")
    found = samples(tmp_path, csv="labels.csv")

    assert found.names == ["a.png", "b.png"]
    targets = found.scan()
    assert targets["kind"] == ["dog", "cat"]
    assert np.isnan(targets["age"][0])
    assert targets["age"][1] == 1.5
    assert targets["note"] == [None, "x"]
    assert found.notes == ("The column 'image' of labels.csv names the images; it matches 2 of them.",)
    assert found.skipped == ("c.png: not in labels.csv", "gone.png: in labels.csv, but not in the folder")

    assert samples(tmp_path, csv=tmp_path / "labels.csv", groups="patient").groups.tolist() == [1, 0]
    assert samples(tmp_path / "labels.csv").scan()["kind"] == ["dog", "cat"]


def test_tables_may_name_images_by_path_or_without_ending(tmp_path):
    picture(tmp_path / "x" / "1.png")
    picture(tmp_path / "y" / "1.png")
    (tmp_path / "paths.csv").write_text("file,n\nx\\1.png,3\ny/1.png,4\n")
    found = samples(tmp_path, csv="paths.csv")
    assert found.scan() == {"label": ["x", "y"], "n": [3, 4]}

    (tmp_path / "stems.csv").write_text("id,n\n1,3\n")
    with pytest.raises(DataError, match=r"stems.csv to tell 'x/1.png' and 'y/1.png' apart, found only '1'"):
        samples(tmp_path, csv="stems.csv")
    assert samples(tmp_path / "x", csv=tmp_path / "stems.csv").scan() == {"n": [3]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "file,n\nb.png,1\n",
            r"a column of labels.csv that names the images \(such as 'a.png'\), found none",
        ),
        ("file,n\na.png,1\na.png,2\n", "every image once in column 'file' of labels.csv, not 'a.png' twice"),
        ("file,n\na.png\n", "Expected 2 cells in row 2 of labels.csv, not 1"),
        ("file,file\na.png,1\n", "a different name for every column of labels.csv"),
        ("file,n\n", "a heading and at least one row in labels.csv, found 1 line"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, text, said):
    picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        samples(tmp_path, csv="labels.csv")


def test_a_missing_table_is_named(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a CSV file in UTF-8, but .*gone.csv cannot be read"):
        samples(tmp_path, csv="gone.csv")


def test_an_unreadable_exif_note_does_not_cost_the_picture(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")

    def fail(image):
        raise SyntaxError("broken note")

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", fail)
    assert samples(tmp_path).take([0])[0].getpixel((0, 0)) == RED
