"""Commands for developers: `nox --list` shows them, `nox` runs those that must pass before a pull request.

They use the environment that nox is installed in (`pip install -e '.[dev]'`) and make none of their own. What stands
after `--` is handed on: `nox -s tests -- -k swap`.
"""

import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
BENCHMARKS = ROOT / "tests" / "benchmarks"

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "docs"]


def python(session: nox.Session, *arguments: str) -> None:
    """Runs Python, or a module of it, from the environment of nox."""
    session.run(sys.executable, *arguments, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """All default tests, in two processes."""
    python(session, "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def room(session: nox.Session) -> None:
    """The tests of one room, in one process: `nox -s room -- fitting`."""
    if not session.posargs or not (ROOT / "tests" / session.posargs[0]).is_dir():
        rooms = sorted(path.name for path in (ROOT / "tests").iterdir() if list(path.glob("test_*.py")))
        session.error(
            f"Expected a folder of tests/ after `--`, found {session.posargs}. There are: {', '.join(rooms)}"
        )
    name, *others = session.posargs
    python(session, "-m", "pytest", f"tests/{name}", *others)


@nox.session
def slow(session: nox.Session) -> None:
    """The tests that take longer, and those that need real networks (INTERPRET_INN_REAL names their folder)."""
    python(session, "-m", "pytest", "-n", "2", "-m", "slow or real", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff and codespell."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "codespell_lib")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    python(session, "-m", "mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """All examples: those of the docstrings, and every block of code in docs/."""
    python(session, "-m", "pytest", "-n", "2", "--doctest-modules", "interpret_inn", "plugins")
    python(session, "-m", "pytest", "-n", "2", "-m", "not real", "tests/docs")


@nox.session
def bench(session: nox.Session) -> None:
    """One benchmark: `nox -s bench -- attach_cost --pairs 30`."""
    if not session.posargs or not (BENCHMARKS / f"{session.posargs[0]}.py").is_file():
        names = ", ".join(sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem != "common"))
        session.error(f"Expected a benchmark after `--`, found {session.posargs}. There are: {names}")
    name, *others = session.posargs
    python(session, str(BENCHMARKS / f"{name}.py"), *others)


@nox.session
def house(session: nox.Session) -> None:
    """The counts: circles of imports, files, questions for a kind, types of the backbone, dead names."""
    python(session, "tests/structure/counts.py", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Small changes of meaning, and whether a test catches each; it takes hours and can be resumed."""
    python(session, "tests/mutation/run.py", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The default tests with the lowest versions that pyproject.toml allows; it installs some gigabytes."""
    session.run(".ci/run", "lowest", external=True)
