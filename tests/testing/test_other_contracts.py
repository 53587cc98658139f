"""The contracts of metrics and report sections, each check with its saboteur."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.explaining.records import plain
from interpret_inn.testing import (
    ContractError,
    check_metric,
    check_report_section,
    toy_explanation,
    toy_images,
)
from interpret_inn.testing.metric_contract import METRIC_CHECKS
from interpret_inn.testing.section_contract import REPORT_SECTION_CHECKS, problems
from interpret_inn.types import MetricSpec, ReportSectionSpec, Score, Section

IMAGES, LABELS = toy_images(8)
noise = iter(torch.linspace(0, 1, 1000))


def names(checks: Any) -> list[str]:
    return [check.__name__.strip("_") for check in checks]


# --- metrics ----------------------------------------------------------------------------------------------


def correlation(codes: Any, factors: Any) -> Score:
    centred = [codes[:, : factors.shape[1]] - codes[:, : factors.shape[1]].mean(0), factors - factors.mean(0)]
    lengths = np.linalg.norm(centred[0], axis=0) * np.linalg.norm(centred[1], axis=0)
    return Score(float(np.mean((centred[0] * centred[1]).sum(0) / np.maximum(lengths, 1e-9))))


def of_three(codes: Any, factors: Any) -> Score:
    """Takes it that there are three factors."""
    return correlation(codes[:, :3], np.stack([factors[:, k] for k in range(3)], 1))


def stretched(codes: Any, factors: Any) -> Score:
    """Divides by the spread of an axis, which may be 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return Score(float((correlation(codes, factors).value * codes.std(0) / codes.std(0)).mean()))


def grouped(codes: Any, factors: Any, *, groups: Any) -> Score:
    """Needs groups, and reads the residual's."""
    assert codes[:, groups[-1]].shape[1] == 2 and len(groups) == factors.shape[1] + 1
    return correlation(codes, factors)


def held_out(codes: Any, factors: Any, *, test: Any = None, resamples: int = 3) -> Score:
    """Tested on other samples, with the wrong ones in mind."""
    assert test is None or resamples == 0
    return correlation(codes, factors) if test is None else Score(test[0].mean() + math.nan)


def of_codes_alone(codes: Any, factors: Any) -> Score:
    assert factors.shape == (len(codes), 0)
    return Score(0.0)


def spoiling(codes: Any, factors: Any) -> Score:
    codes[0] = -1
    return correlation(codes, factors)


METRIC_SABOTAGE: dict[str, list[tuple[Any, str]]] = {
    "is_metric": [
        (None, "Expected a MetricSpec, found NoneType"),
        (
            lambda codes: Score(1.0),
            r"Expected evaluate\(codes, factors\), found one that cannot be called so",
        ),
    ],
    "gives_scores": [
        (lambda codes, factors: 0.5, "Expected a Score, found float"),
        (lambda codes, factors: Score(np.nan), "Of perfect codes: Expected a number, found NaN"),
        (lambda codes, factors: Score(np.inf), "Of perfect codes: Expected a finite score, found inf"),
        (lambda codes, factors: Score(0.5, 0.6, 0.7), "holds the value, found 0.6 to 0.7 for 0.5"),
        (
            lambda codes, factors: Score(0.5, parts={"a": "b"}),
            "Expected numbers in a Score, found {'a': 'b'}",
        ),
    ],
    "handles_unusual_codes": [
        (of_three, "Of one concept: raised IndexError"),
        (stretched, "Of a constant axis: Expected a number, found NaN"),
        (held_out, "Of samples in groups: Expected a number, found NaN"),
    ],
    "repeats_scores": [(lambda codes, factors: Score(float(next(noise))), "another score the second time")],
    "tells_perfect_from_noise": [(lambda codes, factors: Score(1.0), "get the same score, 1.0")],
    "leaves_arrays": [(spoiling, "Changes the arrays")],
}


def test_metrics() -> None:
    assert list(check_metric(MetricSpec("c", "C.", correlation))) == names(METRIC_CHECKS)
    assert check_metric(MetricSpec("g", "G.", grouped))
    assert check_metric(MetricSpec("n", "N.", of_codes_alone, suits="none"))
    assert list(METRIC_SABOTAGE) == names(METRIC_CHECKS)
    for check, several in METRIC_SABOTAGE.items():
        for evaluate, text in several:
            with pytest.raises(ContractError, match=f"- {check}: .*{text}"):
                check_metric(evaluate and MetricSpec("bad", "B.", evaluate))


def test_a_metric_is_never_given_fewer_concepts_than_it_wants() -> None:
    """The library leaves it out then, with the reason."""

    def of_several(codes: Any, factors: Any) -> Score:
        return correlation(codes[:, :fewest], np.stack([factors[:, k] for k in range(fewest)], 1))

    for fewest in (2, 5):
        assert check_metric(MetricSpec("several", "S.", of_several, fewest_concepts=fewest))


def test_what_cannot_be_called_is_said_once() -> None:
    with pytest.raises(ContractError) as caught:
        check_metric(MetricSpec("bad", "B.", lambda codes: Score(1.0)))
    assert len(caught.value.broken) == 1
    with pytest.raises(ContractError, match="Expected quick to be True or False, found 'no'"):
        check_metric(MetricSpec("bad", "B.", correlation, quick="no"))  # type: ignore[arg-type]


# --- report sections --------------------------------------------------------------------------------------


def section(body: Callable[[Any], str], data: Any = None, title: str = "T") -> Any:
    return lambda explanation: Section(title, body(explanation), data or {})


def good_section(explanation: Any) -> Section | None:
    if not explanation.examples:
        return None
    return Section(
        explanation.model, f"<p>{html.escape(explanation.model)}</p>", {"model": explanation.model}
    )


def altering(explanation: Any) -> None:
    explanation.timings["total"] = 0.0


SECTION_SABOTAGE: dict[str, list[tuple[Any, str]]] = {
    "is_section": [(None, "Expected a ReportSectionSpec, found NoneType")],
    "renders": [
        (lambda explanation: "text", "Expected a Section or None for a plain explanation, found str"),
        (section(lambda explanation: "<p></p>", title=" "), "Expected a title"),
        (
            section(lambda explanation: f"<p>{explanation.model}</p>"),
            "full of markup: a name .* was not escaped",
        ),
        (section(lambda explanation: "<p>"), "For a plain explanation: <p> are never closed"),
        (section(lambda explanation: "<p></p>", data={"a": object()}), "cannot be written as JSON"),
    ],
    "leaves_explanation": [(altering, "Changes the explanation")],
}


def test_report_sections() -> None:
    assert list(check_report_section(ReportSectionSpec("g", "G.", good_section))) == names(
        REPORT_SECTION_CHECKS
    )
    assert list(SECTION_SABOTAGE) == names(REPORT_SECTION_CHECKS)
    for check, several in SECTION_SABOTAGE.items():
        for render, text in several:
            with pytest.raises(ContractError, match=f"- {check}: .*{text}"):
                check_report_section(render and ReportSectionSpec("bad", "B.", render))


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<script></script>", "<script> has no place"),
        ("<p onclick='x()'></p>", "onclick= runs a script"),
        ("<img src='https://a.b/c.png'>", "loads something from elsewhere"),
        ("<img src='//a.b/c.png'/>", "loads something from elsewhere"),
        ("<svg><use xlink:href='http://a.b/#c'/></svg>", "loads something from elsewhere"),
        ("<a href='javascript:x()'>x</a>", "a link runs a script"),
        ("<style>@import 'a.css';</style>", "a style loads"),
        ("<p style='background:url(http://a.b)'></p>", "a style loads"),
        ("<b></i>", "</i> closes what is not open"),
    ],
)
def test_markup_that_has_no_place(markup: str, text: str) -> None:
    assert any(text in problem for problem in problems(markup))
    assert (
        problems("<p>see <a href='https://a.b'>there</a><br><img src='data:image/webp;base64,AA=='></p>")
        == []
    )


def test_the_toy_explanation_is_whole_and_can_be_hostile() -> None:
    assert toy_explanation().checks.passed
    assert "hostile" not in str(plain(toy_explanation())) and "hostile" in str(
        plain(toy_explanation(hostile=True))
    )
