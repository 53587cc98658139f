"""Every layout on a tiny model: fit, encode, invert, run, traversal, explain and report, exactly both ways."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import toy_images

pytestmark = pytest.mark.usefixtures("hasty_probes")


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


class Maps(nn.Module):
    """`body` gives (B, 8, 5, 5), `last` the same with the channels last, and `mean` a map of one place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, stride=5), nn.ReLU(inplace=True))
        self.last = nn.Linear(8, 8)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        last = self.last(self.body(inputs).permute(0, 2, 3, 1))
        logits: Tensor = self.head(self.mean(last.permute(0, 3, 1, 2)).flatten(1))
        return logits


class Tokens(nn.Module):
    """A class token before 16 tokens of a 4 × 4 grid, as transformers have it."""

    num_prefix_tokens = 1

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 6, stride=6)
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        patches = self.patches(inputs).flatten(2).transpose(1, 2)
        tokens = self.norm(self.block(torch.cat([self.first.expand(len(inputs), -1, -1), patches], 1)))
        logits: Tensor = self.head(tokens[:, 0] + tokens[:, 1:].mean(1))
        return logits


CASES = {
    "vector": (Maps, "head:in", None, "vector", (8,), (8,)),
    "one place": (Maps, "mean", None, "flat", (8,), (8, 1, 1)),
    "map pooled": (Maps, "body", None, "pooled:channels_first", (8,), (8, 4, 4)),
    "map flat": (Maps, "body", "flat", "flat", (128,), (8, 4, 4)),
    "map positions": (Maps, "body", "positions", "positions:channels_first", (16, 8), (8, 4, 4)),
    "channels last pooled": (Maps, "last", None, "pooled:channels_last", (8,), (4, 4, 8)),
    "channels last positions": (Maps, "last", "positions", "positions:channels_last", (16, 8), (4, 4, 8)),
    "tokens pooled": (Tokens, "norm", None, "pooled:channels_last after 1 prefix tokens", (8,), (17, 8)),
    "tokens flat": (Tokens, "norm", "flat", "flat", (136,), (17, 8)),
    "tokens positions": (
        Tokens, "norm", "positions", "positions:channels_last after 1 prefix tokens", (16, 8), (17, 8),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted_for(small: dict[str, Any]) -> Callable[[str], tuple[inn.Interpreter, nn.Module]]:
    images, labels = toy_images(120, seed=8)
    made: dict[str, tuple[inn.Interpreter, nn.Module]] = {}

    def make(case: str) -> tuple[inn.Interpreter, nn.Module]:
        if case not in made:
            kind, site, layout = CASES[case][:3]
            model = seeded(kind)
            interpreter = inn.wrap(model, site, layout=layout)
            settings = small | {"axes": 6}
            interpreter.fit(
                "labels", data=images, labels={"hue": labels["hue"]}, kinds={"hue": "cyclic"}, **settings
            )
            made[case] = interpreter, model
        return made[case]

    return make


@pytest.fixture(scope="module")
def inputs() -> Any:
    return toy_images(10, seed=9)[0]


@pytest.mark.parametrize("case", CASES)
def test_codes_have_the_layouts_shape_and_translate_back(case: str, fitted_for: Any, inputs: Any) -> None:
    it, model = fitted_for(case)
    layout, code_shape, z_shape = CASES[case][3:]
    codes = it.encode(inputs)
    assert str(it.fitted.layout) == layout
    assert codes.shape == (10, *code_shape)
    assert it.fitted.z_shape == z_shape
    z = it.invert(codes, inputs)
    with it as attached, torch.no_grad():  # torch has a faster path for transformers without gradients
        bare = model(torch.from_numpy(inputs).movedim(-1, 1).float() / 255)
        assert z.shape == attached.captured.shape
        torch.testing.assert_close(z, attached.captured, atol=1e-4, rtol=1e-4)
    assert torch.equal(it.run(inputs), bare)


@pytest.mark.parametrize("case", CASES)
def test_codes_alone_are_enough_where_nothing_is_carried_along(
    case: str, fitted_for: Any, inputs: Any
) -> None:
    it, _ = fitted_for(case)
    codes = it.encode(inputs)
    if "pooled" in CASES[case][3] or case == "tokens positions":
        with pytest.raises(
            inn.EditError, match=r"carries along what is not in the code\. Type invert\(codes, inputs\)"
        ):
            it.invert(codes)
        return
    torch.testing.assert_close(it.invert(codes), it.invert(codes, inputs))


@pytest.mark.parametrize("case", CASES)
def test_edits_change_their_factor_and_nothing_else(case: str, fitted_for: Any, inputs: Any) -> None:
    it, _ = fitted_for(case)
    codes = it.encode(inputs)
    for edit in (
        inn.edits.swap("hue", inputs[::-1].copy()),
        inn.edits.swap("hue", inputs[:1]),
        inn.edits.swap("hue", donor_codes=codes[:1]),
        inn.edits.set_to("hue", torch.zeros(it.factors["hue"].size)),
        inn.edits.add("hue", 0.5),
        inn.edits.resample("hue", seed=3),
        inn.edits.resample("residual", seed=3, from_prior=True),
    ):
        edited = it.translator.edited(codes, [edit])
        assert edited.shape == codes.shape
        changed = (edited != codes).flatten(0, -2).any(0)
        factor = it.factors[edit.factor]
        outside = torch.ones(len(changed), dtype=torch.bool)
        outside[factor.slice] = False
        assert changed[factor.slice].any()
        assert not changed[outside].any()
        outputs = it.run(inputs, edit)
        assert outputs.shape == (10, 3)
        assert bool(outputs.isfinite().all())
        # what was edited is what the site then carries: read again, it is the edited code
        z = it.invert(edited, inputs)
        rows = it.fitted.layout.to_rows(z)[0]
        again = it.fitted.network(rows)[0].reshape(edited.shape)
        torch.testing.assert_close(again, edited, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_traversals_explanations_and_reports(case: str, fitted_for: Any, inputs: Any) -> None:
    it, _ = fitted_for(case)
    assert it.traverse(inputs, "hue", 3).shape == (3, 10, 3)
    explanation = it.explain(inputs, examples=2, resamples=2, localizer=None)
    assert explanation.layout == CASES[case][3]
    assert explanation.shape == CASES[case][5]
    assert explanation.axes == (CASES[case][4][-1], it.fitted.network.shape.leading)
    assert explanation.checks.passed, explanation.checks
    assert explanation.checks.agreement == 1
    content = it.report(inputs, examples=2, resamples=2, localizer=None).to_dict()
    json.dumps(content, allow_nan=False)
    assert set(content["redraw"]) == {"hue", "residual"}
    assert np.isfinite(content["redraw"]["hue"]["flip_rate"])


def test_held_probes_work_at_positions(fitted_for: Any, inputs: Any) -> None:
    it, _ = fitted_for("map positions")
    edited = it.translator.edited(it.encode(inputs), [inn.edits.resample("residual", hold=["hue"])])
    assert edited.shape == (10, 16, 8)


@pytest.mark.parametrize("codes", [(4, 8), (4, 15, 8), (4, 16, 7)])
def test_codes_at_positions_must_have_all_of_them(codes: tuple[int, ...], fitted_for: Any) -> None:
    it, _ = fitted_for("map positions")
    with pytest.raises(inn.EditError, match=r"Expected codes of 8 axes, \(B, 16, 8\), found \("):
        it.invert(torch.zeros(codes))


@pytest.mark.parametrize("case", ["map flat", "map positions", "vector"])
def test_images_of_another_size_are_refused_or_read(case: str, fitted_for: Any) -> None:
    it, _ = fitted_for(case)
    larger = np.zeros((2, 48, 48, 3), np.uint8)
    if case == "vector":  # the model pools, so its vector is as long as ever
        assert it.encode(larger).shape == (2, 8)
        return
    with pytest.raises(
        inn.SiteError, match=r"Expected representations of shape \(8, 4, 4\) as in the first run"
    ):
        it.encode(larger)


@pytest.mark.parametrize(
    ("site", "layout", "text"),
    [
        ("head:in", "pooled", r"The layout 'pooled' needs a map or tokens, found \(1, 8\)\. Type 'vector'"),
        ("body", "vector", r"The layout 'vector' needs \(B, D\), found .*\. Type 'flat' or 'pooled'"),
        ("body", "pool", r"There is no layout 'pool'\. Did you mean 'pooled'"),
    ],
)
def test_layouts_that_do_not_fit_are_refused(site: str, layout: str, text: str, small: Any) -> None:
    images, labels = toy_images(60, seed=8)
    with pytest.raises(inn.SiteError, match=text):
        inn.wrap(seeded(Maps), site, layout=layout).fit("labels", data=images, labels=labels["hue"], **small)
