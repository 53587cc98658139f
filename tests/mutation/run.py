"""Mutation testing: are the tests of a room failed by a small change of its code?

    pip install cosmic-ray
    python tests/mutation/run.py --number 100 --seed 0 --cores 2 --results mutants.jsonl
    python tests/mutation/run.py --results mutants.jsonl --report

The first line draws mutants (small changes) of the rooms in `rooms.py`, as many of each as its share of the lines,
and runs each against its room's tests: first those that bear the changed file's name, then the others, until one
fails. A run that is stopped goes on where it was: results are written after each mutant, in JSON lines, with the
seed and what the code was like; code or tests that changed since are refused. `--again timed_out` repeats what a
busy machine cut short. `--tests quick` leaves slow tests out, which makes a lower bound of the share that is caught;
`--tests slow --again survived not_covered` then runs what is left against slow tests alone. Nothing is changed in the
checkout: every core works on a copy of its own.

A mutant is
* caught: a test fails;
* survived: none does, though the changed statement was reached (a line before it leaves a mark);
* not covered: none does, and it was never reached;
* timed out: the tests took four times as long as without it, and two minutes more. It may be an endless loop
  or a busy machine, and is not counted as caught.
`equivalent.toml` names mutants that change nothing that could be seen, each with the reason. They are left out of
the share that is caught, which has Wilson's 95 % interval.

The changes are cosmic-ray's (through parso), the drawing and running are not. Its own runner rewrites files in
place and knows neither rooms nor samples. mutmut 3 puts a wrapper (`*args, **kwargs`) in place of each function:
the plugins' options are read from signatures, so the wrapped library refuses its own, and decorated functions
(`@torch.no_grad()`, properties) would not be changed at all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Lock
from typing import Any, Literal

from scipy.stats import binomtest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
State = Literal["caught", "survived", "not_covered", "timed_out"]
MARKS = {"all": "not real", "quick": "not real and not slow", "slow": "slow and not real"}
"""Tests by their markers: real networks are never asked for."""
TIMES, MORE = 4, 120
"""A time limit is so many times what the tests take without a mutant, and so many seconds more."""


def copied(target: Path) -> Path:
    """A copy of all that git would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def state_of_code() -> str:
    """A digest of everything that the results depend on."""
    digest = hashlib.sha256()
    for folder in ("interpret_inn", "plugins", "tests"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if HERE not in file.parents:
                digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def passed(copy: Path, tests: list[str], *options: str, marks: str, limit: float | None) -> bool | None:
    """Whether the tests with these marks pass in a copy of the tree; None where the limit was reached."""
    surroundings = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(copy), str(copy / "plugins"))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-m",
        marks,
        *options,
        *tests,
    ]
    running = subprocess.Popen(
        command, cwd=copy, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = running.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return None
    if running.returncode in (0, 5):  # all passed, or there is none to run
        return True
    if (
        running.returncode in (1, 2, 3) or running.returncode < 0
    ):  # failed, not to be collected, broken, killed
        return False
    if "while loading conftest" in said:  # the library cannot even be imported
        return False
    raise SystemExit(f"pytest could not be run:\n{' '.join(command)}\n{said[-3000:]}")


class Results:
    """Results in JSON lines: first what was drawn from what, then one line for each baseline and mutant."""

    def __init__(self, path: Path, head: dict[str, Any] | None) -> None:
        self.path, self.lock = path, Lock()
        self.lines: list[dict[str, Any]] = []
        if path.exists():
            self.lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if head is None:
            return
        if not self.lines:
            self.add(head)
        elif self.lines[0] != head:
            raise SystemExit(f"{path} is of {self.lines[0]}, and this is {head}. Name another file.")

    def add(self, line: dict[str, Any]) -> None:
        with self.lock:
            self.lines.append(line)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def mutants(self) -> list[dict[str, Any]]:
        """The last result of every mutant."""
        return list({line["name"]: line for line in self.lines if "state" in line}.values())

    def baselines(self, tests: str) -> dict[str, float]:
        """Seconds of each room's tests, quick, slow or all of them, without any mutant."""
        return {
            line["baseline"]: line["seconds"]
            for line in self.lines
            if "baseline" in line and line["tests"] == tests
        }


def measure(rooms: Iterable[str], copy: Path, results: Results, which: str) -> None:
    """How long each room's tests take as they are; they must pass."""
    from rooms import EVERYWHERE, ROOMS

    for room in rooms:
        if room not in results.baselines(which):
            tests = [place for place in (*ROOMS[room].tests, *EVERYWHERE) if (copy / place).exists()]
            print(f"{room}: tests without any mutant …", flush=True)
            start = time.monotonic()
            if not passed(copy, tests, marks=MARKS[which], limit=None):
                raise SystemExit(f"The tests of {room} do not pass as they are: {' '.join(tests)}")
            results.add({"baseline": room, "tests": which, "seconds": round(time.monotonic() - start, 1)})


def judged(mutant: Any, copy: Path, limit: float, marks: str) -> State:
    """Runs a mutant's tests in a copy, which is put back after."""
    from drawing import code_of
    from rooms import tests_of

    mark, file = copy / ".reached", copy / mutant.file
    mark.unlink(missing_ok=True)
    original = file.read_bytes()
    own, every = tests_of(Path(mutant.file), mutant.room, copy)
    rest = [f"--ignore={test}" for test in own]
    try:
        file.write_text(code_of(ROOT, mutant, mark), encoding="utf-8")
        outcomes = (
            *((own, ()),) * bool(own),
            ([place for place in every if place not in own], rest),
        )  # fmt: skip
        for tests, options in outcomes:
            if tests and (found := passed(copy, tests, *options, marks=marks, limit=limit)) is not True:
                return "timed_out" if found is None else "caught"
    finally:
        file.write_bytes(original)
    return "survived" if mark.exists() else "not_covered"


def run(arguments: argparse.Namespace) -> None:
    """Draws, and judges what has no result yet."""
    from drawing import draw

    which = arguments.tests
    head = {"seed": arguments.seed, "number": arguments.number, "code": state_of_code()}
    results = Results(arguments.results, head)
    drawn = draw(ROOT, arguments.number, arguments.seed)
    done = {line["name"] for line in results.mutants() if line["state"] not in arguments.again}
    left = [mutant for mutant in drawn if mutant.name not in done][: arguments.at_most]
    print(f"{len(drawn)} mutants drawn, {len(left)} to run.", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Path] = Queue()
        for i in range(arguments.cores):
            copies.put(copied(Path(folder) / str(i)))
        measure({mutant.room: None for mutant in left}, copies.queue[0], results, which)
        limits = {room: TIMES * seconds + MORE for room, seconds in results.baselines(which).items()}

        def one(mutant: Any) -> None:
            copy, start = copies.get(), time.monotonic()
            try:
                state = judged(mutant, copy, limits[mutant.room], MARKS[which])
            finally:
                copies.put(copy)
            seconds = round(time.monotonic() - start, 1)
            results.add(mutant._asdict() | {"state": state, "tests": which, "seconds": seconds})
            print(
                f"{state:12} {seconds:6.0f} s  {mutant.file}:{mutant.line}  {mutant.operator[5:]}", flush=True
            )

        with ThreadPoolExecutor(arguments.cores) as pool:
            list(pool.map(one, left))


def report(results: Results) -> None:
    """Prints what was caught, by room and together, and what was not with its change."""
    known = tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8")).get("mutants", {})
    found = results.mutants()
    counted = [line for line in found if line["name"] not in known]
    for line in counted:
        if line["state"] != "caught":
            print(f"\n{line['state']}: {line['name']} ({line['room']}, line {line['line']})\n{line['diff']}")
    print(f"\n{'':14}{'caught':>10}{'survived':>10}{'not covered':>13}{'timed out':>11}")
    for room in (*dict.fromkeys(line["room"] for line in counted), "all"):
        states = Counter(line["state"] for line in counted if room in (line["room"], "all"))
        print(
            f"{room:14}{states['caught']:10}{states['survived']:10}{states['not_covered']:13}{states['timed_out']:11}"
        )
    for line in found:
        if line["name"] in known:
            print(f"equivalent: {line['name']} {line['file']}:{line['line']}: {known[line['name']]}")
    if counted:
        caught = sum(line["state"] == "caught" for line in counted)
        interval = binomtest(caught, len(counted)).proportion_ci(0.95, "wilson")
        print(
            f"caught {caught} of {len(counted)}: {caught / len(counted):.1%} "
            f"(95 % interval {interval.low:.1%} to {interval.high:.1%})"
        )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, required=True, help="JSON lines; made, or gone on with")
    parser.add_argument("--number", type=int, default=100, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--cores", type=int, default=1, help="mutants that run at once")
    parser.add_argument("--tests", choices=MARKS, default="all", help="without slow tests, or these alone")
    parser.add_argument("--at-most", type=int, default=None, help="stop after so many mutants")
    parser.add_argument("--again", nargs="*", default=[], help="states to run again, such as timed_out")
    parser.add_argument("--report", action="store_true", help="only report what was found so far")
    arguments = parser.parse_args()
    if not arguments.report:
        run(arguments)
    report(Results(arguments.results, None))


if __name__ == "__main__":
    main()
