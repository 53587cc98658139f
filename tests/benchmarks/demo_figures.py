"""What `interpret-inn demo` reaches, against what it should reach.

    python tests/benchmarks/demo_figures.py

Runs the installed command into a fresh folder with a fresh cache, and reads report.json. JSON goes to
`tests/benchmarks/work/demo_figures.json`; exits with 1 where a bound is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORK = Path(__file__).resolve().parent / "work"


def run_demo(folder: Path) -> tuple[float, dict]:
    """Seconds of the whole command, and its report."""
    command = [str(Path(sys.executable).with_name("interpret-inn")), "demo", "--out", str(folder / "out")]
    began = time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | {"INTERPRET_INN_CACHE": str(folder / "cache")})
    seconds = time.perf_counter() - began
    return seconds, json.loads((folder / "out" / "report.json").read_text())


def rows(seconds: float, report: dict) -> list[tuple[str, float, str, bool]]:
    """Name, figure, bound, and whether it holds."""
    leakage = report["leakage"]
    scores, network, z = leakage["scores"], leakage["network"], leakage["representation"]
    digit, colour = scores["digit"], scores["colour"]
    loss = z["digit"] - digit["digit"]
    kept = colour["colour"] / z["colour"]
    return [
        ("whole command, s", seconds, "< 90", seconds < 90),
        ("fit, s", report["timings"]["fit"], "<= 30", report["timings"]["fit"] <= 30),
        ("digit from z minus from its factor", loss, "<= 0.02", loss <= 0.02),
        ("digit from colour factor, linear", digit["colour"], "<= 0.20", digit["colour"] <= 0.20),
        ("digit from residual, linear", digit["residual"], "<= 0.20", digit["residual"] <= 0.20),
        ("digit from colour factor, small network", network["digit"]["colour"], "stated", True),
        ("digit from residual, small network", network["digit"]["residual"], "stated", True),
        ("colour from its factor, share of z's", kept, ">= 0.85", kept >= 0.85),
        ("colour from digit factor", colour["digit"], "<= 0.05", colour["digit"] <= 0.05),
        ("round trip on data", report["checks"]["round_trip_data"], "<= 1e-4", report["checks"]["passed"]),
        ("round trip on edits", report["checks"]["round_trip_edited"], "<= 1e-4", report["checks"]["passed"]),
    ]


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, report = run_demo(Path(folder))
    table = rows(seconds, report)
    for name, value, bound, holds in table:
        print(f"{name:<42} {value:10.3g}   {bound:<9} {'ok' if holds else 'MISSED'}")
    WORK.mkdir(exist_ok=True)
    (WORK / "demo_figures.json").write_text(json.dumps({name: value for name, value, *_ in table}, indent=1))
    sys.exit(not all(holds for *_, holds in table))


if __name__ == "__main__":
    main()
