import os
import pathlib

import pytest

SHARED = pathlib.Path(os.environ.get("DEEPHAR_SHARED", pathlib.Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared():
    """Folder of reference data that cannot be part of the project."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"reference data not found at {SHARED}; set DEEPHAR_SHARED")
    return SHARED
