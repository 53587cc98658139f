"""Loads what all tests share (`shared.py`) where tests run: the process that only hands them out needs no torch."""

import importlib.util
import os
from pathlib import Path

import pytest

# Before numpy and torch are loaded: the tests' arrays are small, and two threads that wait for each other on a
# busy machine take forty times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    hands_out = config.getoption("numprocesses", None) and not config.getoption("collectonly")
    if hands_out and not hasattr(config, "workerinput"):
        return
    spec = importlib.util.spec_from_file_location(
        "shared_by_all_tests", Path(__file__).with_name("shared.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, "shared_by_all_tests")
