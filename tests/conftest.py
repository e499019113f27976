import os
import pathlib

import pytest
from drawn import drawn_lsp
from watched import Watch

SHARED = pathlib.Path(os.environ.get("DEEPHAR_SHARED", pathlib.Path(__file__).parents[2] / "shared"))


def pytest_itemcollected(item):
    marks = item.iter_markers("slow_on")
    if os.environ.get("KERAS_BACKEND") in {backend for mark in marks for backend in mark.args}:
        item.add_marker("slow")


@pytest.fixture(scope="session")
def shared():
    """Folder of reference data that cannot be part of the project."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"reference data not found at {SHARED}; set DEEPHAR_SHARED")
    return SHARED


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Folder of drawn people in the format of LSP-extended."""
    return drawn_lsp(tmp_path_factory.mktemp("drawn") / "lspet_dataset")


@pytest.fixture
def watch(monkeypatch):
    """Counts of what this test does to video files: `watched.Watch`."""
    return Watch(monkeypatch)
