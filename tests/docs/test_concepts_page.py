"""docs/concepts.md and docs/architecture.md quote the defaults and constants of the code."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from interpret_inn.explaining import survey
from interpret_inn.explaining.evidence import Checks, Leakage
from interpret_inn.explaining.records import Redraw
from interpret_inn.fitting.splitting import SHARES
from interpret_inn.flows.coupling import BOUND
from interpret_inn.metrics.predictors import HIDDEN
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import SAME
from interpret_inn_labels.partners import GRADES

DOCS = Path(__file__).parents[2] / "docs"
CONCEPTS, ARCHITECTURE, LIMITS = (
    " ".join((DOCS / name).read_text(encoding="utf-8").split())
    for name in ("concepts.md", "architecture.md", "limits.md")
)


def test_settings_are_quoted_with_their_defaults() -> None:
    quoted = re.findall(r"`(\w+)` \(([\d.]+)\)", CONCEPTS)
    assert {name for name, _ in quoted} == {"noise", "explained", "axes", "samples_per_axis"}
    for name, value in quoted:
        assert float(value) == asdict(FitSettings())[name], name
    assert f"every {FitSettings().every} steps" in ARCHITECTURE


def test_constants_are_those_of_the_code() -> None:
    assert f"(α = {BOUND:g})" in CONCEPTS
    assert f"0 independently, {SAME} the same" in CONCEPTS
    assert f"| {SAME}, {GRADES[1]} · {SAME} or {GRADES[2]} · {SAME} |" in CONCEPTS
    assert f"one hidden layer of {HIDDEN})" in CONCEPTS
    assert tuple(f"{share:.0%}" for share in SHARES) == ("70%", "10%", "20%")
    assert "70 % for training, 10 % for validation and 20 % for the test" in CONCEPTS
    assert Checks.tolerance == 1e-4
    inputs, edits = survey.WITH_TAIL
    assert f"{edits} for each of {inputs} inputs where" in CONCEPTS
    inputs, edits = survey.WITHOUT_TAIL
    assert f"{edits} for each of {inputs} inputs where" in CONCEPTS
    assert f"up to {survey.INPUTS} inputs" in LIMITS


def test_every_number_of_a_redraw_and_of_leakage_is_explained() -> None:
    for name in set(Redraw.__dataclass_fields__) - {"kind"}:
        assert f"| `{name}` |" in CONCEPTS
    for name in ("scores", "representation", "chance", "unfitted", "association"):
        assert name in Leakage.__dataclass_fields__
        assert re.search(rf"`(leakage\.)?{name}(\[concept\]\[\w+\]|\[concept\])?`", CONCEPTS), name
