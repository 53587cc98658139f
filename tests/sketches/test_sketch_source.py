"""The source: its pairs, its samples, what it keeps, and a whole fit."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import interpret_inn as inn
from interpret_inn.data import cache_folder
from interpret_inn.errors import ConceptError, DataError, InnWarning
from interpret_inn.fitting.splitting import split
from interpret_inn.testing import check_concept_source, toy_classifier, toy_images
from interpret_inn.types import SAME, ConceptSource
from interpret_inn_sketches import build

IMAGES = toy_images(120, seed=5)[0]


@pytest.fixture(scope="module")
def source(both):
    return build(IMAGES, sketches=both, concept="fill", keep=None)


def test_it_keeps_the_contract(source) -> None:
    assert isinstance(source, ConceptSource)
    assert check_concept_source(source)


def test_samples_are_every_image_in_both_styles(source) -> None:
    samples = source.samples
    assert len(samples) == 240
    (concept,) = source.concepts
    assert (concept.name, concept.kind, concept.classes) == ("fill", "categorical", ("outlines", "filled"))
    assert concept.values.tolist() == [0] * 120 + [1] * 120
    assert source.prepare(None).sizes == {"fill": 2}
    assert samples.names[3] == "3, outlines" and samples.names[123] == "3, filled"
    assert np.array_equal(samples.groups[:120], samples.groups[120:])
    assert np.array_equal(samples.origins, np.tile(np.arange(120), 2))
    assert samples.take([0, 130]).shape == (2, 24, 24, 3)


@pytest.mark.parametrize("given", [bool, np.uint16])
def test_masks_and_deep_greys_are_rendered_in_greys(both, given) -> None:
    """All greys of a rendered picture would be white as bool, and black as uint16."""
    high = 1 if given is bool else 65535
    images = (np.random.default_rng(0).random((30, 24, 24)) * high).round().astype(given)
    found = build(images, sketches=both, concept="fill", keep=None).samples.take([0, 31])
    assert found.dtype == np.float32
    assert found.std() > 0.02
    assert found.min() >= 0 and found.max() <= 1
    assert len(np.unique(found)) > 20


def test_no_part_of_a_sketch_is_in_two_parts_of_the_data(source) -> None:
    parts = split(240, groups=source.samples.groups, seed=0)
    groups = [set(source.samples.groups[part.numpy()].tolist()) for part in parts]
    assert not groups[0] & groups[2] and not groups[0] & groups[1] and not groups[1] & groups[2]
    assert len(groups[2]) >= 8


def test_pairs_share_a_style_or_an_image(source) -> None:
    among = split(240, groups=source.samples.groups, seed=0).train
    first, second, rho = source.sample_pairs(2001, torch.Generator().manual_seed(0), among)
    style, image = (first >= 120, second >= 120), (first % 120, second % 120)
    alike = rho[:, 0] > 0
    assert int(alike.sum()) == 1001
    assert torch.equal(rho[alike].unique(dim=0), torch.tensor([[SAME, 0.0]]))
    assert torch.equal(rho[~alike].unique(dim=0), torch.tensor([[-SAME / 2, SAME]]))
    assert (style[0] == style[1])[alike].all() and (image[0] != image[1])[alike].all()
    groups = torch.from_numpy(source.samples.groups)
    assert (groups[first] != groups[second])[alike].all(), "parts of a sketch must not tell the style"
    assert (style[0] != style[1])[~alike].all() and (image[0] == image[1])[~alike].all()
    assert 0.4 < float(style[0][~alike].float().mean()) < 0.6
    assert 0.45 < float(style[0][alike].float().mean()) < 0.55
    # partners are drawn evenly: every image of the style comes up
    assert len(second[alike].unique()) > 0.95 * len(among)


def test_pairs_among_few_samples(source) -> None:
    generator = torch.Generator().manual_seed(0)
    one_group = torch.from_numpy(np.flatnonzero(source.samples.groups == source.samples.groups[0]))
    pairs = source.sample_pairs(40, generator, one_group)
    assert not (pairs.first == pairs.second).any()
    one_style = torch.arange(50)
    pairs = source.sample_pairs(40, generator, one_style)
    assert torch.equal(pairs.rho[:, 0], torch.full((40,), SAME))
    with pytest.raises(
        ConceptError, match="at least two images in one style to draw pairs from, found fewer"
    ):
        source.sample_pairs(4, generator, torch.tensor([3]))


def test_the_report_shows_sketches_and_images(source, both) -> None:
    (gallery,) = source.illustrations()
    assert gallery.group == "fill" and gallery.columns == ("as it was", "outlines", "filled")
    assert len(gallery.cells) == 7 and gallery.cells[0][0] == ""
    assert all(cell.dtype == np.uint8 and cell.shape[2] == 3 for row in gallery.cells[1:] for cell in row)
    assert np.array_equal(gallery.cells[0][1], both["outlines"])


@pytest.mark.slow
def test_groups_of_the_caller_are_kept_together(both) -> None:
    groups = np.arange(120) // 3
    found = build(IMAGES, sketches=both, groups=groups, keep=None).samples.groups
    assert all(len(set(found[:120][groups == group])) == 1 for group in range(40))


@pytest.mark.slow
def test_strength_goes_from_the_image_to_the_style(both, source) -> None:
    half = build(IMAGES, sketches=both, strength=0.5, keep=None).samples.take(range(120)).astype(int)
    whole = source.samples.take(range(120)).astype(int)
    assert np.abs(half - (IMAGES.astype(int) + whole) / 2).max() <= 1


@pytest.mark.parametrize(
    "data",
    [
        torch.from_numpy(IMAGES[:40]).permute(0, 3, 1, 2).float() / 255,
        torch.from_numpy(IMAGES[:40]).permute(0, 3, 1, 2).contiguous(),
        IMAGES[:40, :, :, 0],
        IMAGES[:40].astype(np.float32) / 255,
        [Image.fromarray(image) for image in IMAGES[:40]],
        [Image.fromarray(image).convert("L") for image in IMAGES[:40]],
    ],
    ids=["floats", "channels first", "grey", "float array", "pillow", "pillow grey"],
)
def test_images_come_back_in_their_own_form(both, data) -> None:
    samples = build(data, sketches=both, keep=None).samples
    found = samples.take([0, 41])
    assert type(found) is (list if isinstance(data, list) else type(data))
    if isinstance(data, list):
        assert found[0].mode == data[0].mode and found[0].size == data[0].size
    else:
        assert found.dtype == data.dtype and found.shape[1:] == data.shape[1:]
        assert float(found.max()) <= (255 if "int" in str(found.dtype) else 1)
    assert len([one for batch in samples.batches(7) for one in batch]) == 80


def test_images_of_several_sizes_need_a_size(both) -> None:
    mixed = [Image.fromarray(image).resize((20 + at % 9, 24)) for at, image in enumerate(IMAGES[:40])]
    with pytest.raises(DataError, match=r"Expected images of one size, found \(24, 20, 3\).*Type size=64"):
        build(mixed, sketches=both, keep=None)
    assert build(mixed, sketches=both, size=16, keep=None).samples.take([0])[0].size == (16, 16)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"strength": 0}, ConceptError, "Expected strength to be a number above 0, up to 1, found 0"),
        ({"strength": "1"}, ConceptError, "to be a number above 0, up to 1, found '1'. Type 1.0, say"),
        ({"strength": float("nan")}, ConceptError, "to be a number above 0, up to 1, found nan"),
        ({"strength": -1}, ConceptError, "to be a number above 0, up to 1, found -1"),
        ({"strength": True}, ConceptError, "to be a number above 0, up to 1, found True"),
        ({"strength": None}, ConceptError, "to be a number above 0, up to 1, found None"),
        ({"strength": [1.0]}, ConceptError, r"to be a number above 0, up to 1, found \[1.0\]"),
        ({"strength": 1.5}, ConceptError, "found 1.5"),
        ({"rounds": 0}, ConceptError, "Expected rounds to be None or a whole number from 1, found 0"),
        ({"size": "big"}, ConceptError, "Expected size to be None or a whole number from 1, found 'big'"),
        (
            {"sketch_size": True},
            ConceptError,
            "Expected sketch_size to be None or a whole number from 1, found True",
        ),
        (
            {"stylizer": lambda images, examples: images[:1]},
            ConceptError,
            r"give images \(120, 3, 24, 24\), found",
        ),
        ({"stylizer": lambda images, examples: 3}, ConceptError, "the stylizer to give images .*, found int"),
        ({"stylizer": lambda images, examples: images / 0}, ConceptError, "gave values that are not finite"),
    ],
)
def test_bad_options_are_refused(both, options, error, text) -> None:
    with pytest.raises(error, match=text):
        build(IMAGES, sketches=both, keep=None, **options)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            torch.randn(40, 3, 24, 24),
            "Expected pictures .*, found values from .* in image 0. Give them before",
        ),
        (torch.rand(40, 5), "Expected pictures to render in a style"),
        (np.zeros((40, 24, 24, 5), np.uint8), "Expected pictures"),
    ],
)
def test_data_that_are_no_pictures_are_refused(both, data, text) -> None:
    with pytest.raises(DataError, match=text):
        build(data, sketches=both, keep=None)


# --- what is kept ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rendered_images_are_kept_and_used_again(both, tmp_path, monkeypatch) -> None:
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return render(*args, **options)

    from interpret_inn_sketches import render

    monkeypatch.setattr("interpret_inn_sketches.render", counted)
    first = build(IMAGES[:30], sketches=both, rounds=1, keep=tmp_path)
    again = build(IMAGES[:30], sketches=both, rounds=1, keep=tmp_path)
    assert len(calls) == 1 and len(list(tmp_path.iterdir())) == 1
    assert first.samples.fingerprint() == again.samples.fingerprint()
    assert np.array_equal(first.samples.take(range(60)), again.samples.take(range(60)))
    for changed in (
        {"strength": 0.5},
        {"seed": 1},
        {"rounds": 2},
        {"sketches": {"outlines": both["filled"], "filled": both["outlines"]}},
        {"data": IMAGES[30:60]},
        {"stylizer": "gram", "network": toy_classifier(), "rounds": 1},
        {"stylizer": "moments", "network": toy_classifier(), "rounds": 1},
    ):
        other = build(**({"data": IMAGES[:30], "sketches": both, "rounds": 1, "keep": tmp_path} | changed))
        assert other.samples.fingerprint() != first.samples.fingerprint(), changed
    assert len(calls) == 8


def test_what_is_kept_goes_into_the_users_cache(both) -> None:
    before = set((cache_folder() / "sketches").glob("*"))
    build(IMAGES[:30], sketches=both, rounds=1)
    found = set((cache_folder() / "sketches").glob("*")) - before
    assert [path.suffix for path in found] == [".safetensors"]


def test_a_strangers_stylizer_is_not_kept(both, tmp_path) -> None:
    source = build(IMAGES, sketches=both, stylizer=lambda images, examples: 1 - images, keep=tmp_path)
    assert not list(tmp_path.iterdir())
    assert np.abs(source.samples.take([0])[0].astype(int) - (255 - IMAGES[0].astype(int))).max() <= 1


def test_damaged_files_are_made_again(both, tmp_path) -> None:
    whole = build(IMAGES[:30], sketches=both, rounds=1, keep=tmp_path).samples.take(range(60))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for damaged in (content[:-200], content[:-1] + bytes([content[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.warns(InnWarning, match="are damaged; they are made again"):
            again = build(IMAGES[:30], sketches=both, rounds=1, keep=tmp_path)
        assert np.array_equal(again.samples.take(range(60)), whole)
        assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_to_is_only_said(both, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(InnWarning, match="Rendered images cannot be kept in .*They are made again next time"):
        build(IMAGES[:30], sketches=both, rounds=1, keep=tmp_path / "file" / "folder")


# --- a whole fit -----------------------------------------------------------------------------------------


def fitted(sketches: dict[str, np.ndarray]) -> inn.Interpreter:
    interpreter = inn.wrap(toy_classifier(), "head:in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InnWarning)
        return interpreter.fit(
            "sketches", data=toy_images(400, seed=6)[0], sketches=sketches, concept="fill", steps=100, pairs=128,
            blocks=2, hidden=32, cache=None, checkpoint=None,
        )  # fmt: skip


@pytest.mark.slow
def test_a_concept_is_carried(both) -> None:
    interpreter = fitted(both)
    assert interpreter.factors["fill"].size == 2
    assert next(iter(interpreter.evaluation.verdicts.values())).carried.holds
    assert interpreter.evaluation.leakage.scores["fill"]["fill"].linear.low > 0.85


@pytest.mark.slow
def test_two_sketches_of_one_style_are_not_carried(draw) -> None:
    interpreter = fitted({"one": draw("filled", 160, 3), "two": draw("filled", 160, 4)})
    assert next(iter(interpreter.evaluation.verdicts.values())).carried.holds is not True


@pytest.mark.slow
def test_axes_are_counted_by_images_and_not_by_parts(both, small) -> None:
    interpreter = inn.wrap(toy_classifier(), "head:in")
    # 64 parts, of which 45 are fitted on, would carry 15 axes
    with pytest.warns(InnWarning, match="85 groups of training samples carry at most 28 of 32 axes"):
        interpreter.fit(
            "sketches", data=IMAGES, sketches=both, **(small | {"axes": 32, "samples_per_axis": 3})
        )
    assert interpreter.fitted.network.shape.leading == 28


def test_files_are_named_in_the_report(both, small, tmp_path: Path) -> None:
    for name, sketch in both.items():
        Image.fromarray(sketch).save(tmp_path / f"{name}.png")
    interpreter = inn.wrap(toy_classifier(), "head:in")
    interpreter.fit("sketches", data=IMAGES, sketches=[tmp_path / f"{name}.png" for name in both], **small)
    titles = [gallery.title for gallery in interpreter.explain(examples=2, localizer=None).galleries]
    assert "Images in the style of the sketches" in titles
