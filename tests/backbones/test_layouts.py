from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from interpret_inn.backbones import Layout, infer_layout
from interpret_inn.errors import SiteError

SHAPES = {
    "vector": [(5,)],
    "flat": [(5,), (3, 2, 4), (6, 3)],
    "positions": [(3, 2, 4), (6, 3)],
    "pooled": [(3, 2, 4), (6, 3), (3, 1, 1)],
}
ALL = [
    (Layout(name, order, prefix), shape)  # type: ignore[arg-type]
    for name, shapes in SHAPES.items()
    for shape in shapes
    for order in ("channels_first", "channels_last")
    for prefix in ((0, 2) if len(shape) == 2 and order == "channels_last" else (0,))
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_unchanged_rows_give_the_representation_back_bit_for_bit(dtype: torch.dtype) -> None:
    for layout, shape in ALL:
        require_the_same_bits(layout, shape, dtype)


def require_the_same_bits(layout: Layout, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    z = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    z.view(-1)[0] = -0.0
    rows, carried = layout.to_rows(z)
    back = layout.from_rows(rows, carried)
    assert rows.shape == (4 * layout.positions_per_input(shape), layout.width(shape))
    assert rows.dtype in (torch.float32, torch.float64)
    assert back.dtype == dtype
    assert torch.equal(back, z)
    assert torch.equal(back.signbit(), z.signbit())


@pytest.mark.parametrize(("layout", "shape"), ALL)
def test_changed_rows_are_read_again_as_they_were_written(layout: Layout, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(4, *shape, generator=generator)
    rows, carried = layout.to_rows(z)
    new = torch.randn(rows.shape, generator=generator)
    written = layout.from_rows(new, carried)
    assert written.shape == z.shape
    torch.testing.assert_close(layout.to_rows(written)[0], new)
    if layout.prefix and layout.name != "flat":
        assert torch.equal(written[:, : layout.prefix], z[:, : layout.prefix])


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=25)
def test_pooling_is_the_mean_and_keeps_deviations(b: int, c: int, h: int, w: int, last: bool) -> None:
    z = torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(0))
    layout = Layout("pooled", "channels_last" if last else "channels_first")
    rows, carried = layout.to_rows(z.permute(0, 2, 3, 1) if last else z)
    torch.testing.assert_close(rows, z.mean((2, 3)))
    moved = layout.from_rows(rows + 2, carried)
    torch.testing.assert_close(moved.permute(0, 3, 1, 2) if last else moved, z + 2)


def test_positions_are_the_places_in_reading_order() -> None:
    z = torch.arange(24.0).view(1, 2, 3, 4)
    rows, _ = Layout("positions").to_rows(z)
    assert rows.shape == (12, 2)
    assert rows[5].tolist() == [z[0, 0, 1, 1], z[0, 1, 1, 1]]


@pytest.mark.parametrize("name", ["vector", "pooled", "positions"])
def test_what_is_carried_can_be_taken_by_index(name: str) -> None:
    z = torch.randn(4, 5) if name == "vector" else torch.randn(4, 3, 2, 2)
    layout = Layout(name)  # type: ignore[arg-type]
    rows, carried = layout.to_rows(z)
    indices = torch.tensor([3, 3, 0])
    grouped = rows.view(4, -1, rows.shape[-1])[indices].flatten(0, 1)
    assert torch.equal(layout.from_rows(grouped, carried.take(indices)), z[indices])


def test_carried_of_another_layout_is_refused() -> None:
    rows, carried = Layout("vector").to_rows(torch.randn(2, 3))
    with pytest.raises(SiteError, match=r"Expected what `to_rows` of this layout returned"):
        Layout("pooled").from_rows(rows, carried)


class Model(nn.Module):
    def __init__(self, **said: object) -> None:
        super().__init__()
        for name, value in said.items():
            setattr(self, name, value)


class Patches(nn.Module):
    def __init__(self, num_patches: object = 196) -> None:
        super().__init__()
        self.num_patches = num_patches


@pytest.mark.parametrize(
    ("shape", "wanted", "said", "layout"),
    [
        ((2, 8), None, {}, Layout("vector")),
        ((2, 8), "flat", {}, Layout("flat")),
        ((2, 8, 1, 1), None, {}, Layout("flat")),
        ((2, 1, 1, 8), None, {"output_fmt": "NHWC"}, Layout("flat", "channels_last")),
        ((2, 8, 3, 3), None, {}, Layout("pooled")),
        ((2, 3, 3, 8), None, {}, Layout("pooled", "channels_last")),
        ((2, 8, 3, 4), None, {}, Layout("pooled")),
        ((2, 3, 4, 8), None, {"output_fmt": "NHWC"}, Layout("pooled", "channels_last")),
        ((2, 8, 3, 3), None, {"output_fmt": "NHWC"}, Layout("pooled")),
        ((2, 3, 3, 3), "positions:channels_last", {}, Layout("positions", "channels_last")),
        ((2, 197, 8), None, {"num_prefix_tokens": 1}, Layout("pooled", "channels_last", 1)),
        ((2, 196, 8), None, {"num_prefix_tokens": 1}, Layout("pooled", "channels_last", 0)),
        (
            (2, 196, 8),
            None,
            {"num_prefix_tokens": 1, "patch_embed": Patches()},
            Layout("pooled", "channels_last", 0),
        ),
        ((2, 201, 8), "positions", {"num_prefix_tokens": 5}, Layout("positions", "channels_last", 5)),
        ((2, 197, 8), None, {}, Layout("pooled", "channels_last")),
        ((2, 197, 8), "pooled:channels_first", {"num_prefix_tokens": 1}, Layout("pooled", "channels_first")),
    ],
)
def test_inference(
    shape: tuple[int, ...], wanted: str | None, said: dict[str, object], layout: Layout
) -> None:
    assert infer_layout(torch.zeros(shape), wanted, Model(**said)) == layout


@pytest.mark.parametrize(
    ("tokens", "prefix", "patches", "found"),
    [
        (141, 1, 140, 1),  # 14 by 10 patches: no square tells
        (140, 1, 140, 0),
        (144, 1, 143, 1),  # a square of all tokens, and yet one is a prefix
        (145, 2, 143, 2),
        (50, 1, 196, 1),  # some patches were dropped
        (48, 1, 196, 1),
        (49, 1, 196, 0),
        (25, 9, None, 9),  # both are squares: what the model says
        (50, 1, "196", 1),
        (5, 5, None, 0),
        (5, 4, None, 4),
        (5, 0, None, 0),
        (17, "1", None, 0),
    ],
)
def test_prefix_tokens_are_what_the_patches_leave(
    tokens: int, prefix: object, patches: object, found: int
) -> None:
    said = {"num_prefix_tokens": prefix} | ({} if patches is None else {"patch_embed": Patches(patches)})
    assert infer_layout(torch.zeros(2, tokens, 8), model=Model(**said)).prefix == found


def test_the_type_of_the_module_tells_the_order() -> None:
    z = torch.zeros(2, 5, 5, 7)
    assert infer_layout(z, module=nn.Conv2d(1, 5, 1)).order == "channels_first"
    assert infer_layout(torch.zeros(2, 7, 5, 5), module=nn.LayerNorm(5)).order == "channels_last"


@pytest.mark.parametrize(
    ("z", "wanted", "message"),
    [
        (torch.zeros(2), None, r"Expected a site that carries \(B, D\).*found shape \(2,\)"),
        (torch.zeros(2, 1, 1, 1, 1), None, "found shape"),
        (torch.zeros(2, 0), None, "found shape"),
        (torch.zeros(2, 3, dtype=torch.int64), None, "carries floating numbers, found torch.int64"),
        (torch.zeros(2, 3), "pooled", r"'pooled' needs a map or tokens, found \(2, 3\). Type 'vector'"),
        (
            torch.zeros(2, 3, 4),
            "vector",
            r"'vector' needs \(B, D\), found \(2, 3, 4\). Type 'flat' or 'pooled'",
        ),
        (torch.zeros(2, 3), "poled", "There is no layout 'poled'. Did you mean 'pooled'"),
        (
            torch.zeros(2, 3, 4),
            "pooled:channel_last",
            "no order of axes 'channel_last'. Did you mean 'channels_last'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(z: torch.Tensor, wanted: str | None, message: str) -> None:
    with pytest.raises(SiteError, match=message):
        infer_layout(z, wanted)


def test_grids_and_words() -> None:
    assert Layout("pooled").grid((8, 3, 4)) == (3, 4)
    assert Layout("positions", "channels_last").grid((3, 4, 8)) == (3, 4)
    assert Layout("positions", "channels_last", 1).grid((197, 8)) == (14, 14)
    assert Layout("positions", "channels_last").grid((197, 8)) is None
    assert Layout("vector").grid((8,)) is None
    assert str(Layout("positions", "channels_last", 1)) == "positions:channels_last after 1 prefix tokens"
    assert str(Layout("vector")) == "vector"
