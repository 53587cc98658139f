"""Saving: one HTML file, the same content as JSON beside it, and errors that say what to type."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from interpret_inn.errors import InputError, StoreError
from interpret_inn.explaining.records import Explanation
from interpret_inn.reports import Report
from interpret_inn.types import Section


def test_json_has_the_keys_of_the_issue(explanation: Explanation) -> None:
    content = Report(explanation, [Section("Mine", "", {"x": 1})]).to_dict()
    assert content["checks"] == {
        "round_trip_data": 2.4e-6,
        "round_trip_edited": 5.1e-6,
        "agreement": 1.0,
        "output_change": 3e-5,
        "unedited_identical": True,
        "finite": True,
        "samples": 360,
        "tolerance": 1e-4,
        "batch_effect": None,
        "passed": True,
    }
    assert content["factors"][0] == {
        "name": "digit",
        "size": 22,
        "share": 22 / 64,
        "raw_score": 0.62,
    }
    assert content["factors"][2]["raw_score"] is None
    assert set(content["verdicts"]) == {"digit", "colour"}
    assert content["verdicts"]["digit"]["carried"] == {
        "holds": True,
        "sentence": "digit is carried by its factor, which tells it in 97% (96% to 99%; guessing 10%).",
    }
    assert {part: found["holds"] for part, found in content["verdicts"]["digit"].items()} == {
        "carried": True,
        "confined": True,
        "gained": True,
    }
    leakage = content["leakage"]
    assert leakage["concepts"] == ["digit", "colour"] and leakage["factors"] == [
        "digit",
        "colour",
        "residual",
    ]
    assert leakage["scores"]["digit"]["colour"] == 0.138 and leakage["network"]["digit"]["colour"] == 0.161
    assert leakage["intervals"]["digit"]["digit"] == pytest.approx([0.959, 0.989])
    assert leakage["representation"] == {"digit": 0.966, "colour": 0.328}
    assert leakage["representation_network"]["digit"] == pytest.approx(0.976)
    assert leakage["kernel"]["digit"]["colour"] == pytest.approx(0.1495)
    assert leakage["kernel_intervals"]["digit"]["colour"] == pytest.approx([0.1345, 0.1645])
    assert leakage["representation_kernel"]["digit"] == pytest.approx(0.971)
    assert leakage["chance"]["digit"] == 0.102 and leakage["kind"] == {"digit": "accuracy", "colour": "r2"}
    assert leakage["unfitted"] == {"digit": 0.41, "colour": 0.08}
    assert leakage["association"]["digit"] == {"colour": 0.118}
    redraw = content["redraw"]["digit"]
    assert (redraw["kind"], redraw["flip_rate"], redraw["kl"], redraw["class_std"]) == (
        "classes",
        0.861,
        5.2,
        3.0,
    )
    assert redraw["intervals"]["class_std"] == pytest.approx([2.9, 3.1])
    assert content["timings"] == {"total": 41.2, "encode": 0.8, "fit": 24.1, "explain": 6.3}
    assert content["flow"] == {
        "kind": "conditional",
        "gain": 5.2,
        "steps": 0,
        "best_step": 0,
        "stopped_early": False,
        "seconds": 2.8,
        "sentence": "A conditional flow, in closed form: nothing is trained.",
    }
    assert content["split"] == {"train": 1257, "validation": 180, "test": 360}
    assert [s["title"] for s in content["sections"]] == ["From a plugin", "Mine"]
    assert content["sections"][0]["data"] == {"answer": 42}


def test_json_holds_no_pictures_and_no_nan(
    explanation: Explanation, generator_explanation: Explanation, bare_explanation: Explanation
) -> None:
    for each in (explanation, generator_explanation, bare_explanation):
        text = json.dumps(Report(each).to_dict(), allow_nan=False)
        assert '"picture' not in text and '"edited": {' not in text
    assert Report(bare_explanation).to_dict()["checks"]["round_trip_data"] is None


def test_save_writes_page_and_json(explanation: Explanation, tmp_path: Path) -> None:
    report = Report(explanation)
    written = report.save(tmp_path / "deep" / "digits.html")
    assert written == [tmp_path / "deep" / "digits.html", tmp_path / "deep" / "digits.json"]
    assert written[0].read_text(encoding="utf-8") == report.to_html()
    assert json.loads(written[1].read_text(encoding="utf-8")) == report.to_dict()
    assert sorted(path.name for path in written[0].parent.iterdir()) == ["digits.html", "digits.json"]
    assert written[0].stat().st_size < 10_000_000


@pytest.mark.parametrize("name", ["out", "out/", ""])
def test_save_into_a_folder(explanation: Explanation, tmp_path: Path, name: str) -> None:
    written = Report(explanation).save(f"{tmp_path}/{name}")
    assert [path.name for path in written] == ["report.html", "report.json"]
    assert all(path.exists() for path in written)


def test_save_replaces_what_was_there(
    explanation: Explanation, bare_explanation: Explanation, tmp_path: Path
) -> None:
    Report(explanation).save(tmp_path)
    Report(bare_explanation).save(tmp_path)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["drifts"] == []


def test_other_endings_are_refused_with_what_to_type(explanation: Explanation, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"ends in \.html, or a folder; found .*report\.pdf.*Type report\.save"
    ):
        Report(explanation).save(tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written_is_named(explanation: Explanation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StoreError, match=r"cannot be written to .*report\.html.*are free there.*Type report\.save"
    ):
        Report(explanation).save(tmp_path / "file" / "report.html")


def test_full_disk_leaves_nothing_behind(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="No space left on device"):
        Report(explanation).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_notebook_frame_holds_the_whole_page_apart(explanation: Explanation) -> None:
    frame = Report(explanation)._repr_html_()
    assert frame.startswith("<iframe srcdoc=") and 'sandbox=""' in frame
    assert "&lt;!doctype html&gt;" in frame and "<!doctype" not in frame


def test_repr_is_short(explanation: Explanation) -> None:
    assert repr(Report(explanation)) == "Report('tiny_cnn' at 'head:in': digit, colour, residual)"


def test_a_gain_that_nobody_measured_is_null(explanation: Explanation) -> None:
    assert explanation.flow is not None
    flow = dataclasses.replace(explanation.flow, gain=math.nan)
    assert Report(dataclasses.replace(explanation, flow=flow)).to_dict()["flow"]["gain"] is None
    assert Report(dataclasses.replace(explanation, flow=None)).to_dict()["flow"] is None
