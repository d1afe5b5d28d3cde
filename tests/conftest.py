"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; tests that need it are skipped where it is absent."""
    configured = os.environ.get("NEURONTOLOGY_DATA")
    path = Path(configured) if configured else Path(__file__).parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"real data not found at {path}: set NEURONTOLOGY_DATA to the folder that holds it")
    return path
