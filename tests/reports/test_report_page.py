"""The page: whole, self-contained, escaped, small, and readable without anything else."""

from __future__ import annotations

import dataclasses
import html.parser
import itertools
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from interpret_inn.explaining.records import Example, Explanation, Outcome
from interpret_inn.reports import Report, page
from interpret_inn.reports.report import _UNSEEN
from interpret_inn.types import ProbeScores, Score, Section

VOID = {"meta", "img", "link", "br", "input", "hr", "col"}


class Outline(html.parser.HTMLParser):
    """Checks that tags are closed in order, and collects anchors, targets and images."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if "id" in dict(attrs):
            self.ids.append(str(dict(attrs)["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    parser.close()
    return parser


@pytest.fixture(params=["explanation", "generator_explanation", "bare_explanation"])
def any_explanation(request: pytest.FixtureRequest) -> Explanation:
    explanation: Explanation = request.getfixturevalue(request.param)
    return explanation


def test_page_is_well_formed_and_its_links_lead_somewhere(any_explanation: Explanation) -> None:
    parsed = outline(Report(any_explanation).to_html())
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    targets = {str(a["href"])[1:] for a in parsed.of("a")}
    assert targets <= set(parsed.ids)
    labelled = {a["aria-labelledby"] for _, a in parsed.tags if "aria-labelledby" in a}
    assert labelled <= set(parsed.ids)


def test_page_loads_nothing_and_runs_nothing(any_explanation: Explanation) -> None:
    text = Report(any_explanation).to_html()
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|url\(", text)
    parsed = outline(text)
    assert not parsed.of("script") and not parsed.of("link")
    assert all(str(image["src"]).startswith("data:image/webp;base64,") for image in parsed.of("img"))
    assert "default-src 'none'" in text


def test_page_shows_no_nan(any_explanation: Explanation) -> None:
    text = Report(any_explanation).to_html()
    assert not re.search(r"\b(nan|None|inf)\b", text.split("</style>")[1])


def test_page_is_accessible(any_explanation: Explanation) -> None:
    parsed = outline(Report(any_explanation).to_html())
    assert parsed.of("html")[0]["lang"] == "en"
    assert parsed.of("main") and parsed.of("nav") and parsed.of("header")
    assert all(image["alt"] for image in parsed.of("img"))
    assert len(parsed.of("caption")) == len(parsed.of("table"))
    drawings = parsed.of("svg")
    assert drawings
    assert all(a.get("aria-hidden") == "true" or (a["role"] == "img" and a["aria-label"]) for a in drawings)
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_colours_are_legible_in_light_and_dark(explanation: Explanation) -> None:
    style = Report(explanation).to_html().split("</style>")[0]
    roots = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert len(roots) == 3, "light, dark and print"
    light = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{3,6});", roots[0]))
    for root in roots:
        colours = light | dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{3,6});", root))
        for name in ("ink", "quiet", "link", "good", "bad", "warn"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        channels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ np.array([0.2126, 0.7152, 0.0722]))

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_page_follows_dark_mode_and_prints(explanation: Explanation) -> None:
    text = Report(explanation).to_html()
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media print" in text


def test_names_are_escaped(explanation: Explanation) -> None:
    evil = '<script>alert("x")</script>'
    first = explanation.factors[0]
    leakage = explanation.leakage

    def renamed(mapping: dict[str, object]) -> dict[str, object]:
        return {evil if key == "digit" else key: value for key, value in mapping.items()}

    changed = dataclasses.replace(
        explanation,
        model=evil,
        site=evil,
        erasure=renamed(dict(explanation.erasure or {})),
        warnings=(evil,),
        skipped=(evil,),
        versions={evil: evil},
        factors=(dataclasses.replace(first, name=evil), *explanation.factors[1:]),
        redraws=renamed(dict(explanation.redraws)),
        maps=renamed(dict(explanation.maps)),
        neighbours=renamed(dict(explanation.neighbours)),
        traversals=renamed(dict(explanation.traversals)),
        leakage=dataclasses.replace(
            leakage,
            concepts=(evil, "colour"),
            factors=(evil, "colour", "residual"),
            kind=renamed(dict(leakage.kind)),
            scores={key: renamed(dict(row)) for key, row in renamed(dict(leakage.scores)).items()},
            representation=renamed(dict(leakage.representation)),
            chance=renamed(dict(leakage.chance)),
            unfitted=renamed(dict(leakage.unfitted)),
            association={},
        ),
        examples=tuple(
            dataclasses.replace(
                e, name=evil, prediction=Outcome((evil,), (1.0,)), factors=renamed(dict(e.factors))
            )
            for e in explanation.examples
        ),
    )
    text = Report(changed, [Section(evil, "<p>fine</p>")]).to_html()
    assert "<script" not in text
    assert evil in outline(text).text
    assert "<script" not in Report(changed)._repr_html_()


def test_characters_that_are_not_seen_are_replaced(explanation: Explanation) -> None:
    """They would turn text around, or make one name look like another; halves of a pair cannot be written."""
    odd = "a\u202eb\x1b[2Jc\u200bd\xade\ud800f"
    sections = [Section(odd, f"<p>{odd}</p>")]
    text = Report(dataclasses.replace(explanation, model=odd, warnings=(odd,)), sections).to_html()
    found = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs")}
    assert found <= {"\n", "\t"}
    assert text.count("a\ufffdb\ufffd[2Jc\ufffdd\ufffde\ufffdf") >= 4


def test_the_replaced_characters_are_those_of_unicode() -> None:
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        kept = category not in ("Cc", "Cf", "Cs") or chr(code) in "\n\t"
        assert kept or _UNSEEN.fullmatch(chr(code)), hex(code)


def test_a_file_name_of_undecodable_bytes_does_not_stop_the_report(
    explanation: Explanation, tmp_path: Path
) -> None:
    Report(dataclasses.replace(explanation, model="a\udce9")).save(tmp_path / "page.html")
    assert json.loads((tmp_path / "page.json").read_text("utf-8"))["model"] == "a?"


def test_sections_of_plugins_are_shown_after_those_of_the_explanation(explanation: Explanation) -> None:
    text = Report(explanation, [Section("Mine", "<p id='mine'>Here</p>", {"a": 1})]).to_html()
    assert "Hello <b>reader</b>" in text
    assert text.index("Hello <b>reader</b>") < text.index("<p id='mine'>Here</p>")
    assert "#plugin-1" in text


@pytest.mark.slow
def test_page_keeps_its_budget_by_smaller_pictures(explanation: Explanation) -> None:
    random = np.random.default_rng(0)
    noise = tuple(
        dataclasses.replace(e, picture=random.integers(0, 255, (96, 96, 3)).astype(np.uint8))
        for e in explanation.examples
    )
    noisy = dataclasses.replace(explanation, examples=noise)
    whole = len(page(noisy).encode())
    budget = whole - 60_000
    smaller = page(noisy, budget=budget)
    assert len(smaller.encode()) < budget
    assert "<img" in smaller
    none = page(noisy, budget=1)
    assert "<img" not in none
    assert "pictures left out to keep this page small" in none


@pytest.mark.slow
def test_huge_section_is_left_to_the_json_file(explanation: Explanation) -> None:
    section = Section("Huge", "x" * 11_000_000)
    text = page(explanation, [section])
    assert len(text.encode()) < 10_000_000
    assert "Left out: with its 11.0 MB the report would be too large" in text


def test_many_examples_are_folded_and_capped(explanation: Explanation) -> None:
    many = tuple(dataclasses.replace(explanation.examples[0], name=f"input {i}") for i in range(100))
    text = page(dataclasses.replace(explanation, examples=many, traversals={}))
    assert text.count('<article class="example"') == 64
    assert "56 more inputs" in text
    assert "36 further inputs in the JSON file" in text


def test_inputs_without_pictures_name_their_donors(explanation: Explanation) -> None:
    plain = tuple(dataclasses.replace(e, picture=None) for e in explanation.examples)
    text = page(dataclasses.replace(explanation, examples=plain, neighbours={}, traversals={}))
    assert "<img" not in text
    assert '<span class="donor">digit-0003</span>' in text


def test_edited_images_are_shown(generator_explanation: Explanation) -> None:
    text = page(generator_explanation)
    assert text.count('alt="Output with pose of the donor"') == 3
    assert text.count('alt="Output at ') == 7
    assert "What does the output depend on?" in text


def test_donor_outside_the_examples_is_left_out(changed: Callable[..., Explanation]) -> None:
    base = changed().examples[0]
    factors = {name: dataclasses.replace(f, donor=99) for name, f in base.factors.items()}
    lone: Example = dataclasses.replace(base, factors=factors)
    assert "Donor" not in page(changed(examples=(lone,), traversals={}))


def test_the_page_says_which_flow_was_chosen_and_where_sizes_come_from(explanation: Explanation) -> None:
    text = " ".join(page(explanation).split())
    assert "<dt>Flow</dt><dd>A conditional flow, in closed form: nothing is trained.</dd>" in text
    assert "the number of directions in which the layer tells the concept" in text
    assert "share of their variance that goes with the concept" in text
    assert explanation.flow is not None
    joint = dataclasses.replace(explanation.flow, kind="joint", sentence="A joint flow of 4 coupling blocks.")
    text = " ".join(page(dataclasses.replace(explanation, flow=joint)).split())
    assert "<dt>Flow</dt><dd>A joint flow of 4 coupling blocks.</dd>" in text
    assert "how much the pairs that share a concept have in common (raw score)" in text
    assert "<dt>Flow</dt>" not in page(dataclasses.replace(explanation, flow=None))


def test_probes_from_before_there_was_a_kernel_say_not_measured(explanation: Explanation) -> None:
    def earlier(probe: ProbeScores) -> ProbeScores:
        return dataclasses.replace(probe, kernel=Score(float("nan")))

    leakage = explanation.leakage
    assert "kernel not measured" not in page(explanation)
    before = dataclasses.replace(
        leakage,
        scores={c: {f: earlier(cell) for f, cell in row.items()} for c, row in leakage.scores.items()},
        representation={c: earlier(cell) for c, cell in leakage.representation.items()},
    )
    said = page(dataclasses.replace(explanation, leakage=before))
    cells = sum(len(row) + 1 for row in leakage.scores.values())
    assert said.count("<small>kernel not measured</small>") == cells
    assert "by a kernel not measured" in said
