"""The section on linear erasure beside the flow: rows, sentences, and what stands where nothing was measured."""

import dataclasses
import re
from collections.abc import Callable

import pytest

from interpret_inn.explaining.doubts import doubts
from interpret_inn.explaining.evidence import BesideErasure
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports import Report, page
from interpret_inn.reports.views_erasure import GainCell, ReadCell, erasure_rows
from interpret_inn.types import ProbeScores, Score


def section(explanation: Explanation) -> str:
    found = re.search(r'<section id="erasure".*?</section>', page(explanation), re.DOTALL)
    return " ".join(found[0].split()) if found else ""


def test_a_row_for_each_concept_with_both_sides_and_the_difference(explanation: Explanation) -> None:
    digit, colour = erasure_rows(explanation)
    assert (digit.concept, digit.kind, digit.axes) == ("digit", "read correctly", "axes: 22, directions: 9")
    assert digit.erasure_rest == ReadCell("11%", "74%", "43%")
    assert digit.rest_gain == GainCell("+42.5 pp", "+36.5 to +48.5")
    assert colour.own_gain == GainCell("0.00", "−0.01 to +0.02")
    assert colour.rest_gain.value == "−0.01"
    assert (digit.statement.good, colour.statement.good) == (True, None)


def test_the_page_says_what_the_flow_adds_and_where_it_adds_nothing(explanation: Explanation) -> None:
    text = section(explanation)
    assert "The flow leaves less of digit elsewhere than linear erasure does." in text
    assert "For colour the flow adds nothing to linear erasure." in text
    assert "<b>11%</b><small>network 74%</small><small>kernel 43%</small>" in text
    assert "not measured" not in text
    assert 'href="#erasure"' in page(explanation)


def test_that_nothing_is_added_is_among_what_a_reader_should_know(explanation: Explanation) -> None:
    found = {str(doubt.text): doubt.level for doubt in doubts(explanation)}
    assert found["For colour the flow adds nothing to linear erasure."] == "note"
    assert not any("leaves less of digit" in text for text in found)
    colour = explanation.erasure["colour"] if explanation.erasure else None
    assert colour is not None
    worse = dataclasses.replace(colour, flow="worse", verdict="Worse.")
    found = {
        str(d.text): d.level for d in doubts(dataclasses.replace(explanation, erasure={"colour": worse}))
    }
    assert found["Worse."] == "warn"


def test_what_was_not_measured_says_so(changed: Callable[..., Explanation]) -> None:
    text = section(changed(erasure=None))
    assert "was not measured. Fit again to see what the flow adds to it." in text
    assert "<table" not in text
    assert Report(changed(erasure=None)).to_dict()["erasure"] is None


def test_without_labels_there_is_no_such_section(generator_explanation: Explanation) -> None:
    assert not section(generator_explanation)


def test_a_rest_that_was_not_read_is_no_number(explanation: Explanation) -> None:
    nothing = Score(float("nan"))
    unread = ProbeScores(nothing, nothing)
    found = {
        name: dataclasses.replace(one, rest=unread, erasure_rest=unread, rest_gain=nothing)
        for name, one in (explanation.erasure or {}).items()
    }
    without = dataclasses.replace(explanation, erasure=found)
    assert "nan" not in section(without).lower()
    assert Report(without).to_dict()["erasure"]["digit"]["rest_gain"] is None


def test_names_and_sentences_are_escaped(explanation: Explanation) -> None:
    name = "<i>&digit"
    beside: BesideErasure = (explanation.erasure or {})["digit"]
    leakage = explanation.leakage
    renamed = dataclasses.replace(
        explanation,
        erasure={name: dataclasses.replace(beside, verdict=f"It is about {name}.", flow="worse")},
        factors=(dataclasses.replace(explanation.factors[0], name=name), *explanation.factors[1:]),
        leakage=dataclasses.replace(
            leakage, kind={**leakage.kind, name: "accuracy"}, chance={**leakage.chance, name: 0.1}
        ),
    )
    text = section(renamed)
    assert "<i>" not in text
    assert "It is about &lt;i&gt;&amp;digit." in text


def test_the_json_file_has_all_scores_gains_and_intervals(explanation: Explanation) -> None:
    digit = Report(explanation).to_dict()["erasure"]["digit"]
    assert digit["erasure_rest"] == pytest.approx({"linear": 0.11, "network": 0.745, "kernel": 0.4275})
    assert digit["rest_gain"] == 0.425
    assert digit["intervals"]["rest_gain"] == pytest.approx([0.365, 0.485])
    assert digit["intervals"]["own"]["network"] == pytest.approx([0.969, 0.999])
    assert (digit["flow"], digit["directions"]) == ("better", 9)
    assert digit["verdict"] == "The flow leaves less of digit elsewhere than linear erasure does."
